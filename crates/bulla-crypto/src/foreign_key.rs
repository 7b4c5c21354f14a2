//! Public keys that clients bring: more kinds than we sign with ourselves.
//!
//! ECDSA on P-256, P-384 and P-521, RSA PKCS #1 v1.5 of 2048 to 4096 bits, and
//! Ed25519 (whole messages only: pure Ed25519 cannot be checked from a digest).

use aws_lc_rs::{
    digest,
    signature::{self, UnparsedPublicKey, VerificationAlgorithm},
};
use der::{Decode, asn1::UintRef};
use spki::{ObjectIdentifier, SubjectPublicKeyInfoOwned};

use crate::key::KeyError;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A hash function of the SHA-2 family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// Length of its output in bytes.
    pub fn output_bytes(self) -> usize {
        self.algorithm().output_len()
    }

    /// Its output over `message`.
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        digest::digest(self.algorithm(), message).as_ref().to_vec()
    }

    /// The name that Sigstore's documents use.
    pub fn sigstore_name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA2_256",
            Self::Sha384 => "SHA2_384",
            Self::Sha512 => "SHA2_512",
        }
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

/// The kind of a foreign key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForeignScheme {
    /// ECDSA on P-256.
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
    /// ECDSA on P-521.
    EcdsaP521,
    /// Pure Ed25519.
    Ed25519,
    /// RSA, PKCS #1 v1.5, with its length in bits (2048, 3072 or 4096).
    Rsa(u16),
}

/// A public key that we verify with and certify, but need not be able to sign with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    scheme: ForeignScheme,
    spki: Vec<u8>,
    raw: Vec<u8>,
}

impl ForeignKey {
    /// Reads a DER SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`KeyError::Public`] if it is none, or of a kind that is not supported.
    pub fn from_spki_der(spki: &[u8]) -> Result<Self, KeyError> {
        let info = SubjectPublicKeyInfoOwned::from_der(spki).map_err(|_| KeyError::Public)?;
        let raw = info.subject_public_key.as_bytes().ok_or(KeyError::Public)?;
        let curve = || {
            let any = info.algorithm.parameters.as_ref()?;
            any.decode_as::<ObjectIdentifier>().ok()
        };
        let scheme = match info.algorithm.oid {
            ED25519 if raw.len() == 32 => ForeignScheme::Ed25519,
            EC if curve() == Some(P256) => ForeignScheme::EcdsaP256,
            EC if curve() == Some(P384) => ForeignScheme::EcdsaP384,
            EC if curve() == Some(P521) => ForeignScheme::EcdsaP521,
            RSA => ForeignScheme::Rsa(rsa_bits(raw).ok_or(KeyError::Public)?),
            _ => return Err(KeyError::Public),
        };
        let key = Self {
            scheme,
            spki: spki.to_vec(),
            raw: raw.to_vec(),
        };
        // A point off the curve must not reach a certificate.
        let algorithm = key.algorithm(key.default_hash()).ok_or(KeyError::Public)?;
        signature::ParsedPublicKey::new(algorithm, &key.raw).map_err(|_| KeyError::Public)?;
        Ok(key)
    }

    /// Reads a PEM `PUBLIC KEY`.
    ///
    /// # Errors
    /// As [`Self::from_spki_der`].
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let (label, der) =
            der::pem::decode_vec(pem.trim_start().as_bytes()).map_err(|_| KeyError::Public)?;
        if label != "PUBLIC KEY" {
            return Err(KeyError::Public);
        }
        Self::from_spki_der(&der)
    }

    /// Its kind.
    pub fn scheme(&self) -> ForeignScheme {
        self.scheme
    }

    /// DER SubjectPublicKeyInfo.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The hash that clients use with it when nothing else is said.
    pub fn default_hash(&self) -> Hash {
        match self.scheme {
            ForeignScheme::EcdsaP384 => Hash::Sha384,
            ForeignScheme::EcdsaP521 | ForeignScheme::Ed25519 => Hash::Sha512,
            ForeignScheme::EcdsaP256 | ForeignScheme::Rsa(_) => Hash::Sha256,
        }
    }

    /// The `PublicKeyDetails` name of Sigstore for this key with its default hash.
    pub fn sigstore_name(&self) -> &'static str {
        match self.scheme {
            ForeignScheme::EcdsaP256 => "PKIX_ECDSA_P256_SHA_256",
            ForeignScheme::EcdsaP384 => "PKIX_ECDSA_P384_SHA_384",
            ForeignScheme::EcdsaP521 => "PKIX_ECDSA_P521_SHA_512",
            ForeignScheme::Ed25519 => "PKIX_ED25519",
            ForeignScheme::Rsa(2048) => "PKIX_RSA_PKCS1V15_2048_SHA256",
            ForeignScheme::Rsa(3072) => "PKIX_RSA_PKCS1V15_3072_SHA256",
            ForeignScheme::Rsa(_) => "PKIX_RSA_PKCS1V15_4096_SHA256",
        }
    }

    /// Checks a signature over `message`, hashed with `hash` (ignored by Ed25519).
    ///
    /// # Errors
    /// [`KeyError::Signature`] if it is not by this key over these bytes.
    pub fn verify(&self, hash: Hash, message: &[u8], sig: &[u8]) -> Result<(), KeyError> {
        let algorithm = self.algorithm(hash).ok_or(KeyError::Signature)?;
        UnparsedPublicKey::new(algorithm, &self.raw)
            .verify(message, sig)
            .map_err(|_| KeyError::Signature)
    }

    /// Checks a signature over a message of which only the digest is known.
    ///
    /// # Errors
    /// [`KeyError::Signature`] if it is not by this key over this digest; always for Ed25519.
    pub fn verify_digest(&self, hash: Hash, digest: &[u8], sig: &[u8]) -> Result<(), KeyError> {
        if self.scheme == ForeignScheme::Ed25519 {
            return Err(KeyError::Signature);
        }
        let algorithm = self.algorithm(hash).ok_or(KeyError::Signature)?;
        let digest = digest::Digest::import_less_safe(digest, hash.algorithm())
            .map_err(|_| KeyError::Signature)?;
        UnparsedPublicKey::new(algorithm, &self.raw)
            .verify_digest(&digest, sig)
            .map_err(|_| KeyError::Signature)
    }

    fn algorithm(&self, hash: Hash) -> Option<&'static dyn VerificationAlgorithm> {
        let algorithm: &'static dyn VerificationAlgorithm = match (self.scheme, hash) {
            (ForeignScheme::Ed25519, _) => &signature::ED25519,
            (ForeignScheme::EcdsaP256, Hash::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
            (ForeignScheme::EcdsaP256, Hash::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
            (ForeignScheme::EcdsaP384, Hash::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
            (ForeignScheme::EcdsaP384, Hash::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
            (ForeignScheme::EcdsaP521, Hash::Sha512) => &signature::ECDSA_P521_SHA512_ASN1,
            (ForeignScheme::Rsa(_), Hash::Sha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (ForeignScheme::Rsa(_), Hash::Sha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (ForeignScheme::Rsa(_), Hash::Sha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
            _ => return None,
        };
        Some(algorithm)
    }
}

#[derive(der::Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    #[allow(dead_code)] // read by the signature library from the same bytes
    exponent: UintRef<'a>,
}

fn rsa_bits(raw: &[u8]) -> Option<u16> {
    let key = RsaPublicKey::from_der(raw).ok()?;
    let modulus = key.modulus.as_bytes();
    let leading = modulus.first()?.leading_zeros() as usize;
    match modulus.len() * 8 - leading {
        bits @ (2048 | 3072 | 4096) => u16::try_from(bits).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Scheme, SigningKey};

    #[test]
    fn verifies_messages_and_digests() {
        for (scheme, hash) in [
            (Scheme::EcdsaP256, Hash::Sha256),
            (Scheme::EcdsaP384, Hash::Sha384),
        ] {
            let key = SigningKey::generate(scheme).unwrap();
            let foreign = ForeignKey::from_pem(&key.public().to_pem()).unwrap();
            assert_eq!(foreign.sigstore_name(), scheme.sigstore_name());
            let sig = key.sign(b"message").unwrap();
            foreign.verify(hash, b"message", &sig).unwrap();
            foreign
                .verify_digest(hash, &hash.digest(b"message"), &sig)
                .unwrap();
            assert!(foreign.verify(hash, b"massage", &sig).is_err());
            assert!(
                foreign
                    .verify_digest(hash, &hash.digest(b"massage"), &sig)
                    .is_err()
            );
            assert!(foreign.verify_digest(hash, b"short", &sig).is_err());
        }
    }

    #[test]
    fn ed25519_needs_the_message() {
        let key = SigningKey::generate(Scheme::Ed25519).unwrap();
        let foreign = ForeignKey::from_spki_der(key.public().spki_der()).unwrap();
        let sig = key.sign(b"message").unwrap();
        foreign.verify(Hash::Sha512, b"message", &sig).unwrap();
        let digest = Hash::Sha512.digest(b"message");
        assert!(foreign.verify_digest(Hash::Sha512, &digest, &sig).is_err());
    }

    #[test]
    fn refuses_points_off_the_curve() {
        let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
        let mut spki = key.public().spki_der().to_vec();
        let last = spki.len() - 1;
        spki[last] ^= 1;
        assert!(ForeignKey::from_spki_der(&spki).is_err());
    }
}
