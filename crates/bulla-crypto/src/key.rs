//! Signing and public keys, held in the forms that certificates and PEM use.
//!
//! ECDSA signatures are DER over SHA-256 (P-256) or SHA-384 (P-384), Ed25519
//! ones are the raw 64 bytes. Key files of other tools are not read here.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        self, ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1,
        ECDSA_P384_SHA384_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
        UnparsedPublicKey,
    },
};
use bulla_core::{Code, Diagnose, Digest};
use der::{Decode, Encode, pem::LineEnding};
use spki::{AlgorithmIdentifierOwned, ObjectIdentifier, SubjectPublicKeyInfoOwned};

const ID_EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ID_P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ID_P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ID_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

/// A signature scheme: key type and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// ECDSA on P-256 with SHA-256.
    EcdsaP256,
    /// ECDSA on P-384 with SHA-384.
    EcdsaP384,
    /// Pure Ed25519.
    Ed25519,
}

impl Scheme {
    /// The name that Sigstore's trust documents use.
    pub fn sigstore_name(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "PKIX_ECDSA_P256_SHA_256",
            Self::EcdsaP384 => "PKIX_ECDSA_P384_SHA_384",
            Self::Ed25519 => "PKIX_ED25519",
        }
    }

    /// The algorithm identifier of its signatures in X.509 and CMS.
    pub fn signature_algorithm(self) -> AlgorithmIdentifierOwned {
        let oid = match self {
            Self::EcdsaP256 => ECDSA_WITH_SHA256,
            Self::EcdsaP384 => ECDSA_WITH_SHA384,
            Self::Ed25519 => ID_ED25519,
        };
        AlgorithmIdentifierOwned {
            oid,
            parameters: None,
        }
    }
}

/// A private key that signs. Its `Debug` form never shows the key.
pub struct SigningKey {
    pair: Pair,
    pkcs8: Vec<u8>,
    public: PublicKey,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`KeyError::Generate`] if there is none to be had.
    pub fn generate(scheme: Scheme) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let pkcs8 = match scheme {
            Scheme::EcdsaP256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
            }
            Scheme::EcdsaP384 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &random)
            }
            Scheme::Ed25519 => Ed25519KeyPair::generate_pkcs8(&random),
        }
        .map_err(|_| KeyError::Generate)?;
        Self::from_pkcs8_der(pkcs8.as_ref())
    }

    /// Reads an unencrypted PKCS#8 key.
    ///
    /// # Errors
    /// [`KeyError::Private`] if it is none, or of a kind that is not supported.
    pub fn from_pkcs8_der(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let (pair, scheme) = parse_pair(pkcs8).ok_or(KeyError::Private)?;
        let raw = match &pair {
            Pair::Ecdsa(pair) => pair.public_key().as_ref(),
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
        };
        let public = PublicKey::from_raw(scheme, raw)?;
        Ok(Self {
            pair,
            pkcs8: pkcs8.to_vec(),
            public,
        })
    }

    /// Reads an unencrypted PKCS#8 key in PEM (`PRIVATE KEY`).
    ///
    /// # Errors
    /// As [`Self::from_pkcs8_der`].
    pub fn from_pkcs8_pem(pem: &str) -> Result<Self, KeyError> {
        let (label, der) = der::pem::decode_vec(pem.as_bytes()).map_err(|_| KeyError::Private)?;
        if label != "PRIVATE KEY" {
            return Err(KeyError::Private);
        }
        Self::from_pkcs8_der(&der)
    }

    /// The key as unencrypted PKCS#8 PEM: for a file only its owner may read.
    pub fn to_pkcs8_pem(&self) -> String {
        der::pem::encode_string("PRIVATE KEY", LineEnding::LF, &self.pkcs8).unwrap_or_default()
    }

    /// The key as unencrypted PKCS#8 DER: to be sealed.
    pub fn to_pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Its scheme.
    pub fn scheme(&self) -> Scheme {
        self.public.scheme
    }

    /// Its public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs `message` (the message itself, not its hash).
    ///
    /// # Errors
    /// [`KeyError::Sign`] if the operating system gives no randomness.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.pair {
            Pair::Ecdsa(pair) => pair
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| KeyError::Sign),
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "SigningKey({:?}, {})",
            self.scheme(),
            self.public.id().short()
        )
    }
}

fn parse_pair(pkcs8: &[u8]) -> Option<(Pair, Scheme)> {
    if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8) {
        return Some((Pair::Ecdsa(pair), Scheme::EcdsaP256));
    }
    if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, pkcs8) {
        return Some((Pair::Ecdsa(pair), Scheme::EcdsaP384));
    }
    Ed25519KeyPair::from_pkcs8(pkcs8)
        .ok()
        .map(|pair| (Pair::Ed25519(pair), Scheme::Ed25519))
}

/// A public key as X.509 writes it (SubjectPublicKeyInfo).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    scheme: Scheme,
    spki: Vec<u8>,
    raw: Vec<u8>,
}

impl PublicKey {
    /// Reads a DER SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`KeyError::Public`] if it is none, or of a kind that is not supported.
    pub fn from_spki_der(spki: &[u8]) -> Result<Self, KeyError> {
        let info = SubjectPublicKeyInfoOwned::from_der(spki).map_err(|_| KeyError::Public)?;
        let curve = || {
            info.algorithm
                .parameters
                .as_ref()
                .and_then(|any| any.decode_as::<ObjectIdentifier>().ok())
        };
        let scheme = match info.algorithm.oid {
            ID_ED25519 => Scheme::Ed25519,
            ID_EC_PUBLIC_KEY if curve() == Some(ID_P256) => Scheme::EcdsaP256,
            ID_EC_PUBLIC_KEY if curve() == Some(ID_P384) => Scheme::EcdsaP384,
            _ => return Err(KeyError::Public),
        };
        let raw = info
            .subject_public_key
            .as_bytes()
            .ok_or(KeyError::Public)?
            .to_vec();
        Ok(Self {
            scheme,
            spki: spki.to_vec(),
            raw,
        })
    }

    /// Reads a PEM `PUBLIC KEY`.
    ///
    /// # Errors
    /// As [`Self::from_spki_der`].
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let (label, der) = der::pem::decode_vec(pem.as_bytes()).map_err(|_| KeyError::Public)?;
        if label != "PUBLIC KEY" {
            return Err(KeyError::Public);
        }
        Self::from_spki_der(&der)
    }

    fn from_raw(scheme: Scheme, raw: &[u8]) -> Result<Self, KeyError> {
        let (oid, curve) = match scheme {
            Scheme::EcdsaP256 => (ID_EC_PUBLIC_KEY, Some(ID_P256)),
            Scheme::EcdsaP384 => (ID_EC_PUBLIC_KEY, Some(ID_P384)),
            Scheme::Ed25519 => (ID_ED25519, None),
        };
        let spki = SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned {
                oid,
                parameters: curve.map(Into::into),
            },
            subject_public_key: der::asn1::BitString::from_bytes(raw)
                .map_err(|_| KeyError::Public)?,
        }
        .to_der()
        .map_err(|_| KeyError::Public)?;
        Ok(Self {
            scheme,
            spki,
            raw: raw.to_vec(),
        })
    }

    /// Its scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// DER SubjectPublicKeyInfo.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// PEM `PUBLIC KEY`.
    pub fn to_pem(&self) -> String {
        der::pem::encode_string("PUBLIC KEY", LineEnding::LF, &self.spki).unwrap_or_default()
    }

    /// The key itself: the uncompressed point, or the 32 bytes of Ed25519.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// SHA-256 of the SubjectPublicKeyInfo: the log id of RFC 6962 and Rekor v1.
    pub fn id(&self) -> Digest {
        Digest::sha256(&self.spki)
    }

    /// Checks a signature over `message`.
    ///
    /// # Errors
    /// [`KeyError::Signature`] if it is not by this key over these bytes.
    pub fn verify(&self, message: &[u8], sig: &[u8]) -> Result<(), KeyError> {
        let algorithm: &dyn signature::VerificationAlgorithm = match self.scheme {
            Scheme::EcdsaP256 => &ECDSA_P256_SHA256_ASN1,
            Scheme::EcdsaP384 => &ECDSA_P384_SHA384_ASN1,
            Scheme::Ed25519 => &ED25519,
        };
        UnparsedPublicKey::new(algorithm, &self.raw)
            .verify(message, sig)
            .map_err(|_| KeyError::Signature)
    }
}

/// What can go wrong with a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No randomness.
    #[error("no key could be generated: the operating system gives no randomness")]
    Generate,
    /// Not a private key we can use.
    #[error("this is not an unencrypted PKCS#8 key of ECDSA P-256, P-384 or Ed25519")]
    Private,
    /// Not a public key we can use.
    #[error("this is not a public key of ECDSA P-256, P-384 or Ed25519")]
    Public,
    /// No randomness.
    #[error("signing failed: the operating system gives no randomness")]
    Sign,
    /// Wrong signature.
    #[error("the signature is not by this key over these bytes")]
    Signature,
}

impl Diagnose for KeyError {
    fn code(&self) -> Code {
        match self {
            Self::Generate => Code("CRYPTO-0001"),
            Self::Private => Code("CRYPTO-0002"),
            Self::Public => Code("CRYPTO-0003"),
            Self::Sign => Code("CRYPTO-0004"),
            Self::Signature => Code("CRYPTO-0005"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_verifies_in_every_scheme() {
        for scheme in [Scheme::EcdsaP256, Scheme::EcdsaP384, Scheme::Ed25519] {
            let key = SigningKey::generate(scheme).unwrap();
            let sig = key.sign(b"message").unwrap();
            let public = PublicKey::from_pem(&key.public().to_pem()).unwrap();
            assert_eq!(&public, key.public());
            public.verify(b"message", &sig).unwrap();
            assert!(public.verify(b"massage", &sig).is_err());
            let again = SigningKey::from_pkcs8_pem(&key.to_pkcs8_pem()).unwrap();
            assert_eq!(again.public(), key.public());
        }
    }
}
