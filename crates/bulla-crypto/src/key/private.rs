//! Private keys that sign in this process, in every [`Scheme`].
//!
//! ECDSA signatures are DER, Ed25519 ones the raw 64 bytes, RSA ones as long as
//! the modulus. The key's bytes are wiped when it is dropped; its files are
//! [`super::file`]'s.

use aws_lc_rs::{
    encoding::{AsBigEndian, AsDer, Curve25519SeedBin, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256},
};
use der::{Decode, pem::LineEnding};
use pkcs8::PrivateKeyInfo;
use spki::ObjectIdentifier;
use zeroize::Zeroizing;

use super::{KeyError, PublicKey, Scheme, pem, prehashed};

/// A private key that signs. Its `Debug` form never shows the key.
pub struct SigningKey {
    pair: Pair,
    pkcs8: Zeroizing<Vec<u8>>,
    public: PublicKey,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl SigningKey {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`KeyError::Generate`] if there is none to be had.
    pub fn generate(scheme: Scheme) -> Result<Self, KeyError> {
        let rsa = |size| RsaKeyPair::generate(size).map(Pair::Rsa);
        let pair = match scheme {
            Scheme::EcdsaP256 | Scheme::EcdsaP384 | Scheme::EcdsaP521 => {
                let curve = scheme.ecdsa().ok_or(KeyError::Generate)?;
                EcdsaKeyPair::generate(curve).map(Pair::Ecdsa)
            }
            Scheme::Ed25519 | Scheme::Ed25519ph => Ed25519KeyPair::generate().map(Pair::Ed25519),
            Scheme::Rsa2048 => rsa(KeySize::Rsa2048),
            Scheme::Rsa3072 => rsa(KeySize::Rsa3072),
            Scheme::Rsa4096 => rsa(KeySize::Rsa4096),
        };
        Self::new(pair.map_err(|_| KeyError::Generate)?, scheme)
    }

    /// Reads an unencrypted PKCS#8 key. Ed25519 is taken as the pure kind.
    ///
    /// # Errors
    /// [`KeyError::Private`] if it is none, or of a kind that is not supported.
    pub fn from_pkcs8_der(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let info = PrivateKeyInfo::from_der(pkcs8).map_err(|_| KeyError::Private)?;
        let curve = info
            .algorithm
            .parameters
            .and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
        let mut rsa = None;
        let scheme = Scheme::of_key(info.algorithm.oid, curve, || {
            let pair = RsaKeyPair::from_pkcs8(pkcs8).ok()?;
            let bits = pair.public_modulus_len() * 8;
            rsa = Some(pair);
            Some(bits)
        })
        .ok_or(KeyError::Private)?;
        let pair = match (rsa, scheme.ecdsa()) {
            (Some(pair), _) => Some(Pair::Rsa(pair)),
            (None, Some(curve)) => EcdsaKeyPair::from_pkcs8(curve, pkcs8).ok().map(Pair::Ecdsa),
            (None, None) => Ed25519KeyPair::from_pkcs8(pkcs8).ok().map(Pair::Ed25519),
        };
        Self::new(pair.ok_or(KeyError::Private)?, scheme)
    }

    /// Reads an `ECPrivateKey` of SEC 1 (RFC 5915).
    ///
    /// # Errors
    /// As [`Self::from_pkcs8_der`].
    pub fn from_sec1_der(sec1: &[u8]) -> Result<Self, KeyError> {
        [Scheme::EcdsaP256, Scheme::EcdsaP384, Scheme::EcdsaP521]
            .into_iter()
            .find_map(|scheme| {
                let pair = EcdsaKeyPair::from_private_key_der(scheme.ecdsa()?, sec1).ok()?;
                Self::new(Pair::Ecdsa(pair), scheme).ok()
            })
            .ok_or(KeyError::Private)
    }

    /// Reads an `RSAPrivateKey` of PKCS #1.
    ///
    /// # Errors
    /// As [`Self::from_pkcs8_der`].
    pub fn from_pkcs1_der(pkcs1: &[u8]) -> Result<Self, KeyError> {
        let pair = RsaKeyPair::from_der(pkcs1).map_err(|_| KeyError::Private)?;
        let scheme = Scheme::of_rsa(pair.public_modulus_len() * 8).ok_or(KeyError::Private)?;
        Self::new(Pair::Rsa(pair), scheme)
    }

    /// Reads an unencrypted PKCS#8 key in PEM (`PRIVATE KEY`).
    ///
    /// # Errors
    /// As [`Self::from_pkcs8_der`].
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, KeyError> {
        let block = pem::first(text, &["PRIVATE KEY"]);
        let block = block.ok().flatten().ok_or(KeyError::Private)?;
        Self::from_pkcs8_der(&block.body)
    }

    fn new(pair: Pair, scheme: Scheme) -> Result<Self, KeyError> {
        let raw = match &pair {
            Pair::Ecdsa(pair) => pair.public_key().as_ref(),
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
            Pair::Rsa(pair) => pair.public_key().as_ref(),
        };
        let public = PublicKey::from_raw(scheme, raw).map_err(|_| KeyError::Private)?;
        let pkcs8 = pair.pkcs8().ok_or(KeyError::Private)?;
        Ok(Self {
            pair,
            pkcs8,
            public,
        })
    }

    /// The same key under another scheme for its kind: Ed25519 has two.
    ///
    /// # Errors
    /// [`KeyError::Scheme`] if `scheme` is for another kind of key.
    pub fn with_scheme(self, scheme: Scheme) -> Result<Self, KeyError> {
        Ok(Self {
            public: self.public.with_scheme(scheme)?,
            ..self
        })
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
        self.public.scheme()
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
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| KeyError::Sign),
            Pair::Ed25519(pair) if self.scheme() == Scheme::Ed25519ph => {
                let seed = pair.seed().map_err(|_| KeyError::Sign)?;
                let seed: Curve25519SeedBin<'_> = seed.as_be_bytes().map_err(|_| KeyError::Sign)?;
                let seed = seed.as_ref().try_into().map_err(|_| KeyError::Sign)?;
                prehashed::sign(seed, message).ok_or(KeyError::Sign)
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| KeyError::Sign)?;
                Ok(signature)
            }
        }
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = self.public.id();
        write!(f, "SigningKey({:?}, {})", self.scheme(), id.short())
    }
}

impl Pair {
    /// PKCS#8 in its first version: what every tool reads.
    fn pkcs8(&self) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = match self {
            Self::Ecdsa(pair) => pair.to_pkcs8v1().ok()?.as_ref().to_vec(),
            Self::Ed25519(pair) => pair.to_pkcs8v1().ok()?.as_ref().to_vec(),
            Self::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
                der.as_ref().to_vec()
            }
        };
        Some(Zeroizing::new(bytes))
    }
}
