//! Public keys as X.509 writes them (SubjectPublicKeyInfo, RFC 5280 §4.1).
//!
//! A key is checked when it is read: a point off its curve, or an RSA modulus
//! of another length than 2048, 3072 or 4096 bits, never becomes a value.

use aws_lc_rs::{
    digest,
    signature::{ParsedPublicKey, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey},
};
use bulla_core::Digest;
use der::{Decode, Encode, asn1::UintRef, pem::LineEnding};
use spki::{ObjectIdentifier, SubjectPublicKeyInfoOwned};

use super::{Hash, KeyError, Scheme, pem, prehashed};

/// A public key as X.509 writes it, and the scheme it verifies by.
#[derive(Clone)]
pub struct PublicKey {
    scheme: Scheme,
    spki: Vec<u8>,
    raw: Vec<u8>,
    parsed: ParsedPublicKey,
}

impl PublicKey {
    /// Reads a DER SubjectPublicKeyInfo. Ed25519 is taken as the pure kind.
    ///
    /// # Errors
    /// [`KeyError::Public`] if it is none, or of a kind that is not supported.
    pub fn from_spki_der(spki: &[u8]) -> Result<Self, KeyError> {
        let info = SubjectPublicKeyInfoOwned::from_der(spki).map_err(|_| KeyError::Public)?;
        let raw = info.subject_public_key.as_bytes().ok_or(KeyError::Public)?;
        let curve = info
            .algorithm
            .parameters
            .as_ref()
            .and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
        let scheme = Scheme::of_key(info.algorithm.oid, curve, || modulus_bits(raw))
            .ok_or(KeyError::Public)?;
        Self::new(scheme, spki, raw)
    }

    /// Reads a DER PKCS #1 `RSAPublicKey`.
    ///
    /// # Errors
    /// [`KeyError::Public`] if it is none, or of an unsupported length.
    pub fn from_pkcs1_der(pkcs1: &[u8]) -> Result<Self, KeyError> {
        let scheme = modulus_bits(pkcs1).and_then(Scheme::of_rsa);
        Self::from_raw(scheme.ok_or(KeyError::Public)?, pkcs1)
    }

    /// The RSA key of a modulus and an exponent, both big-endian (RFC 7518 §6.3.1).
    ///
    /// # Errors
    /// As [`Self::from_pkcs1_der`].
    pub fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let number = |bytes| UintRef::new(bytes).map_err(|_| KeyError::Public);
        let key = RsaPublicKey {
            modulus: number(modulus)?,
            exponent: number(exponent)?,
        };
        Self::from_pkcs1_der(&key.to_der().map_err(|_| KeyError::Public)?)
    }

    /// Reads a PEM `PUBLIC KEY` or `RSA PUBLIC KEY`.
    ///
    /// # Errors
    /// As [`Self::from_spki_der`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = pem::first(text, &["PUBLIC KEY", "RSA PUBLIC KEY"]);
        let block = block.ok().flatten().ok_or(KeyError::Public)?;
        match block.label.as_str() {
            "PUBLIC KEY" => Self::from_spki_der(&block.body),
            _ => Self::from_pkcs1_der(&block.body),
        }
    }

    /// The pure Ed25519 key of these 32 bytes (RFC 8032).
    ///
    /// # Errors
    /// [`KeyError::Public`] if there is no such key.
    pub fn from_ed25519(raw: &[u8]) -> Result<Self, KeyError> {
        Self::from_raw(Scheme::Ed25519, raw)
    }

    /// The key of `scheme` whose bytes are `raw`.
    ///
    /// # Errors
    /// [`KeyError::Public`] if there is no such key.
    pub(super) fn from_raw(scheme: Scheme, raw: &[u8]) -> Result<Self, KeyError> {
        let spki = SubjectPublicKeyInfoOwned {
            algorithm: scheme.key_algorithm(),
            subject_public_key: der::asn1::BitString::from_bytes(raw)
                .map_err(|_| KeyError::Public)?,
        }
        .to_der()
        .map_err(|_| KeyError::Public)?;
        Self::new(scheme, &spki, raw)
    }

    fn new(scheme: Scheme, spki: &[u8], raw: &[u8]) -> Result<Self, KeyError> {
        let algorithm = scheme.verification(scheme.hash());
        Ok(Self {
            scheme,
            spki: spki.to_vec(),
            raw: raw.to_vec(),
            parsed: ParsedPublicKey::new(algorithm, raw).map_err(|_| KeyError::Public)?,
        })
    }

    /// The same key under another scheme for its kind: Ed25519 has two.
    ///
    /// # Errors
    /// [`KeyError::Scheme`] if `scheme` is for another kind of key.
    pub fn with_scheme(self, scheme: Scheme) -> Result<Self, KeyError> {
        if !self.scheme.same_key_kind(scheme) {
            return Err(KeyError::Scheme {
                key: self.scheme,
                wanted: scheme,
            });
        }
        Ok(Self { scheme, ..self })
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

    /// The key itself: the point, the 32 bytes of Ed25519, or `RSAPublicKey`.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// SHA-256 of the SubjectPublicKeyInfo: the log id of RFC 6962 and Rekor v1.
    pub fn id(&self) -> Digest {
        Digest::sha256(&self.spki)
    }

    /// Checks a signature over `message`, hashed as the scheme says.
    ///
    /// # Errors
    /// [`KeyError::Signature`] if it is not by this key over these bytes.
    pub fn verify(&self, message: &[u8], sig: &[u8]) -> Result<(), KeyError> {
        self.verify_with(self.scheme.hash(), message, sig)
    }

    /// Checks a signature over `message`, hashed with `hash` (pure Ed25519
    /// ignores it).
    ///
    /// # Errors
    /// [`KeyError::Signature`] if it is not by this key over these bytes.
    pub fn verify_with(&self, hash: Hash, message: &[u8], sig: &[u8]) -> Result<(), KeyError> {
        if self.scheme == Scheme::Ed25519ph {
            return self.verify_digest(hash, &hash.digest(message), sig);
        }
        if hash == self.scheme.hash() || !self.scheme.signs_digest() {
            let checked = self.parsed.verify_sig(message, sig);
            return checked.map_err(|_| KeyError::Signature);
        }
        self.with_hash(hash)?
            .verify_sig(message, sig)
            .map_err(|_| KeyError::Signature)
    }

    /// Checks an RSASSA-PSS signature with SHA-256 over `message` (RFC 8017 §8.1),
    /// whatever the scheme says.
    ///
    /// # Errors
    /// [`KeyError::Signature`] if it is not by this key, or the key is not RSA.
    pub fn verify_pss(&self, message: &[u8], sig: &[u8]) -> Result<(), KeyError> {
        if !self.scheme.is_rsa() {
            return Err(KeyError::Signature);
        }
        UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &self.raw)
            .verify(message, sig)
            .map_err(|_| KeyError::Signature)
    }

    /// Checks a signature over a message of which only the digest is known.
    ///
    /// # Errors
    /// [`KeyError::Signature`] if it is not by this key over this digest; always
    /// for pure Ed25519, and for Ed25519ph with another hash than SHA-512.
    pub fn verify_digest(&self, hash: Hash, digest: &[u8], sig: &[u8]) -> Result<(), KeyError> {
        match self.scheme {
            Scheme::Ed25519 => return Err(KeyError::Signature),
            Scheme::Ed25519ph if hash == Hash::Sha512 => {
                return prehashed::verify(&self.raw, digest, sig).ok_or(KeyError::Signature);
            }
            Scheme::Ed25519ph => return Err(KeyError::Signature),
            _ => {}
        }
        let digest = digest::Digest::import_less_safe(digest, hash.algorithm())
            .map_err(|_| KeyError::Signature)?;
        let checked = match hash == self.scheme.hash() {
            true => self.parsed.verify_digest_sig(&digest, sig),
            false => self.with_hash(hash)?.verify_digest_sig(&digest, sig),
        };
        checked.map_err(|_| KeyError::Signature)
    }

    fn with_hash(&self, hash: Hash) -> Result<ParsedPublicKey, KeyError> {
        let algorithm = self.scheme.verification(hash);
        ParsedPublicKey::new(algorithm, &self.raw).map_err(|_| KeyError::Signature)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.spki == other.spki
    }
}

impl Eq for PublicKey {}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({:?}, {})", self.scheme, self.id().short())
    }
}

#[derive(der::Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    #[allow(dead_code)] // read by the signature library from the same bytes
    exponent: UintRef<'a>,
}

fn modulus_bits(pkcs1: &[u8]) -> Option<usize> {
    let key = RsaPublicKey::from_der(pkcs1).ok()?;
    let modulus = key.modulus.as_bytes();
    let leading = modulus.first()?.leading_zeros() as usize;
    (modulus.len() * 8).checked_sub(leading)
}
