//! The key or certificate of an entry: base64 of PEM, in its one spelling.

use bulla_crypto::{Hash, PublicKey, Scheme, x509};

use super::decode;
use crate::log::rekor_v2::RequestError;

/// Certificates of one chain that are looked at.
const MAX_CHAIN: usize = 8;

/// What checks an entry's signatures.
pub(crate) struct Verifier {
    key: PublicKey,
    pem: String,
}

impl Verifier {
    /// Reads the base64 of a PEM key or certificate (a chain may follow it).
    pub(super) fn read(text: &str) -> Result<Self, RequestError> {
        Self::from_pem(&decode(text)?)
    }

    /// Reads a PEM key or certificate (a chain may follow it).
    pub(crate) fn from_pem(pem: &[u8]) -> Result<Self, RequestError> {
        let refused = |_| RequestError::Verifier;
        let pem = std::str::from_utf8(pem).map_err(|_| RequestError::Verifier)?;
        if pem.contains("-----BEGIN CERTIFICATE-----") {
            let chain =
                x509::parse_pem_chain(pem.as_bytes()).map_err(|_| RequestError::Verifier)?;
            if chain.len() > MAX_CHAIN {
                return Err(RequestError::Verifier);
            }
            let certificate = chain.first().ok_or(RequestError::Verifier)?;
            let spki = certificate.spki_der().map_err(|_| RequestError::Verifier)?;
            return Ok(Self {
                key: PublicKey::from_spki_der(&spki).map_err(refused)?,
                pem: x509::to_pem_chain(&chain),
            });
        }
        let key = PublicKey::from_pem(pem).map_err(refused)?;
        Ok(Self {
            pem: key.to_pem(),
            key,
        })
    }

    /// The key.
    pub(crate) fn key(&self) -> &PublicKey {
        &self.key
    }

    /// PEM as it is logged.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// Checks a signature over a digest. An Ed25519 key can only have signed it
    /// by its prehashed form.
    pub(super) fn verify_digest(
        &self,
        hash: Hash,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), RequestError> {
        let verified = if self.key.scheme() == Scheme::Ed25519 {
            self.key
                .clone()
                .with_scheme(Scheme::Ed25519ph)
                .and_then(|key| key.verify_digest(hash, digest, signature))
        } else {
            self.key.verify_digest(hash, digest, signature)
        };
        verified.map_err(|_| RequestError::Signature)
    }

    /// Whether it signed `message`: with the hash of its kind of key, or with
    /// SHA-256, which older clients take for every key.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify(message, signature).is_ok()
            || self.key.scheme().hash() != Hash::Sha256
                && self.key.scheme().signs_digest()
                && self
                    .key
                    .verify_with(Hash::Sha256, message, signature)
                    .is_ok()
    }
}
