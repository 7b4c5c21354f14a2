//! Signature algorithms of tokens (RFC 7518 §3.1, RFC 8037): those that issuers
//! of ID tokens use. No symmetric ones, no `none`, none with SHA-1.

use bulla_crypto::{Hash, PublicKey, Scheme};
use serde::{Deserialize, Serialize};

/// How a token may be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// ECDSA on P-521 with SHA-512.
    #[serde(rename = "ES512")]
    Es512,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
}

impl Algorithm {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
        Self::Ps256,
        Self::Rs256,
    ];

    /// Its name in the header of a token.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// Whether `signature` is by `key` over `signed`; never with a key of
    /// another kind than the algorithm's.
    pub(super) fn verifies(self, key: &PublicKey, signed: &[u8], signature: &[u8]) -> bool {
        let ecdsa =
            |size| ecdsa_der(signature, size).is_some_and(|der| key.verify(signed, &der).is_ok());
        match (self, key.scheme()) {
            (Self::Es256, Scheme::EcdsaP256) => ecdsa(32),
            (Self::Es384, Scheme::EcdsaP384) => ecdsa(48),
            (Self::Es512, Scheme::EcdsaP521) => ecdsa(66),
            (Self::EdDsa, Scheme::Ed25519) => key.verify(signed, signature).is_ok(),
            (Self::Rs256, scheme) if scheme.is_rsa() => {
                key.verify_with(Hash::Sha256, signed, signature).is_ok()
            }
            (Self::Ps256, scheme) if scheme.is_rsa() => key.verify_pss(signed, signature).is_ok(),
            _ => false,
        }
    }
}

/// The two numbers of a JWS signature as the DER that X.509 uses.
pub(super) fn ecdsa_der(raw: &[u8], size: usize) -> Option<Vec<u8>> {
    if raw.len() != 2 * size {
        return None;
    }
    let (r, s) = raw.split_at(size);
    let mut body = integer(r);
    body.extend(integer(s));
    let length = u8::try_from(body.len()).ok()?;
    let mut der = match length {
        0..0x80 => vec![0x30, length],
        _ => vec![0x30, 0x81, length],
    };
    der.extend(body);
    Some(der)
}

fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let mut digits = number.get(zeros..).unwrap_or_default().to_vec();
    if digits.first().is_none_or(|byte| *byte >= 0x80) {
        digits.insert(0, 0);
    }
    let mut der = vec![0x02, digits.len() as u8];
    der.extend(digits);
    der
}
