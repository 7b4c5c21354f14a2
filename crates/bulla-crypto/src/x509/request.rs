//! PKCS #10 requests (RFC 2986): the key and the proof that its holder sent it.
//!
//! Subject and attributes are ignored, as Fulcio ignores them: the name comes
//! from the ID token.

use der::{Decode, Encode};
use spki::ObjectIdentifier;
use x509_cert::request::CertReq;

use super::X509Error;
use crate::key::{Hash, PublicKey};

const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A certificate request whose proof of possession has not been checked yet.
#[derive(Clone, Debug)]
pub struct CertificateRequest {
    key: PublicKey,
    signed: Vec<u8>,
    algorithm: ObjectIdentifier,
    signature: Vec<u8>,
}

impl CertificateRequest {
    /// The key that it names; whose it is, [`Self::verify`] says.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Checks the proof of possession and hands out the key.
    ///
    /// # Errors
    /// [`X509Error::Possession`] if the request is not signed by its key.
    pub fn verify(self) -> Result<PublicKey, X509Error> {
        let hash = match self.algorithm {
            ECDSA_SHA256 | RSA_SHA256 => Hash::Sha256,
            ECDSA_SHA384 | RSA_SHA384 => Hash::Sha384,
            ECDSA_SHA512 | RSA_SHA512 | ED25519 => Hash::Sha512,
            _ => return Err(X509Error::Possession),
        };
        self.key
            .verify_with(hash, &self.signed, &self.signature)
            .map_err(|_| X509Error::Possession)?;
        Ok(self.key)
    }
}

/// Reads a PEM `CERTIFICATE REQUEST`.
///
/// # Errors
/// [`X509Error::Request`] if it is none, [`X509Error::Key`] if its key is not supported.
pub fn parse_csr_pem(pem: &[u8]) -> Result<CertificateRequest, X509Error> {
    let (label, der) =
        der::pem::decode_vec(pem.trim_ascii_start()).map_err(|_| X509Error::Request)?;
    if !matches!(label, "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST") {
        return Err(X509Error::Request);
    }
    let request = CertReq::from_der(&der).map_err(|_| X509Error::Request)?;
    let spki = request
        .info
        .public_key
        .to_der()
        .map_err(|_| X509Error::Request)?;
    Ok(CertificateRequest {
        key: PublicKey::from_spki_der(&spki)?,
        signed: request.info.to_der().map_err(|_| X509Error::Request)?,
        algorithm: request.algorithm.oid,
        signature: request
            .signature
            .as_bytes()
            .ok_or(X509Error::Request)?
            .to_vec(),
    })
}
