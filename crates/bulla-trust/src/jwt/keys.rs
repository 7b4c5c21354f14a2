//! JSON Web Key Sets (RFC 7517) of token issuers, bounded in size and count.
//!
//! ECDSA, Ed25519, and RSA of 2048, 3072 or 4096 bits. Keys for encryption, of
//! other kinds, or for other algorithms are left out: a token signed with one is
//! signed by nobody.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bulla_core::limits;
use bulla_crypto::PublicKey;
use serde::Deserialize;

use super::{Algorithm, JwtError};

/// A key set: what issuers publish at `jwks_uri`.
const KEY_SET_BYTES: u64 = 256 << 10;
/// Keys of one issuer.
const KEYS: usize = 64;
/// DER before the point of a P-256 key.
const P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
/// DER before the point of a P-384 key.
const P384: &[u8] = &[
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04,
];
/// DER before the point of a P-521 key.
const P521: &[u8] = &[
    0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05,
    0x2b, 0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00, 0x04,
];
/// DER before the bytes of an Ed25519 key.
const ED25519: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// The keys of one issuer, each with its id.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    public: PublicKey,
    /// The only algorithm that its issuer uses it with, if it says so.
    algorithm: Option<Algorithm>,
}

impl KeySet {
    /// Reads a key set. Keys of kinds that are not supported are left out: a
    /// token signed with one is refused then, as signed by nobody.
    ///
    /// # Errors
    /// [`JwtError::Keys`] if it is no key set, or too large.
    pub fn parse(bytes: &[u8]) -> Result<Self, JwtError> {
        let set: RawSet =
            limits::parse_json(bytes, KEY_SET_BYTES, "key set").map_err(JwtError::Keys)?;
        let keys = set.keys.into_iter().take(KEYS).filter_map(|key| {
            let algorithm = match key.alg.as_deref() {
                Some(name) => Some(Algorithm::from_name(name)?),
                None => None,
            };
            Some(Key {
                public: key.public()?,
                id: key.kid,
                algorithm,
            })
        });
        Ok(Self {
            keys: keys.collect(),
        })
    }

    /// A set of keys that the caller holds.
    pub fn of(keys: impl IntoIterator<Item = (Option<String>, PublicKey)>) -> Self {
        let keys = keys.into_iter().map(|(id, public)| Key {
            id,
            public,
            algorithm: None,
        });
        Self {
            keys: keys.collect(),
        }
    }

    /// Whether it has a key of that id.
    pub fn holds(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id.as_deref() == Some(id))
    }

    /// Whether it has no key that could be used.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that a token with this key id and algorithm may be signed with.
    pub(super) fn candidates(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = (Option<&str>, &PublicKey)> {
        let fits = move |key: &&Key| {
            let named = match (id, key.id.as_deref()) {
                (Some(id), Some(own)) => id == own,
                _ => true,
            };
            named && key.algorithm.is_none_or(|only| only == algorithm)
        };
        let keys = self.keys.iter().filter(fits);
        keys.map(|key| (key.id.as_deref(), &key.public))
    }
}

#[derive(Deserialize)]
struct RawSet {
    keys: Vec<RawKey>,
}

#[derive(Deserialize)]
struct RawKey {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, rename = "use")]
    usage: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
}

impl RawKey {
    fn public(&self) -> Option<PublicKey> {
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let bytes = |text: &Option<String>, size: usize| {
            let bytes = URL_SAFE_NO_PAD.decode(text.as_ref()?).ok()?;
            (bytes.len() == size).then_some(bytes)
        };
        let der = match (self.kty.as_str(), self.crv.as_deref()) {
            ("EC", Some("P-256")) => [P256.to_vec(), bytes(&self.x, 32)?, bytes(&self.y, 32)?],
            ("EC", Some("P-384")) => [P384.to_vec(), bytes(&self.x, 48)?, bytes(&self.y, 48)?],
            ("EC", Some("P-521")) => [P521.to_vec(), bytes(&self.x, 66)?, bytes(&self.y, 66)?],
            ("OKP", Some("Ed25519")) => [ED25519.to_vec(), bytes(&self.x, 32)?, Vec::new()],
            ("RSA", None) => return self.rsa(),
            _ => return None,
        };
        PublicKey::from_spki_der(&der.concat()).ok()
    }
    fn rsa(&self) -> Option<PublicKey> {
        let number = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_ref()?).ok();
        let key = PublicKey::from_rsa(&number(&self.n)?, &number(&self.e)?).ok()?;
        key.weakness().is_none().then_some(key)
    }
}
