//! JSON Web Key Sets (RFC 7517) of token issuers: elliptic keys only, bounded.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bulla_core::limits;
use bulla_crypto::PublicKey;
use serde::Deserialize;

use super::JwtError;

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
/// DER before the bytes of an Ed25519 key.
const ED25519: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// The keys of one issuer, each with its id.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<(Option<String>, PublicKey)>,
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
            let public = key.public()?;
            Some((key.kid, public))
        });
        Ok(Self {
            keys: keys.collect(),
        })
    }

    /// A set of keys that the caller holds.
    pub fn of(keys: impl IntoIterator<Item = (Option<String>, PublicKey)>) -> Self {
        Self {
            keys: keys.into_iter().collect(),
        }
    }

    /// The keys that a token with this key id may be signed with.
    pub(super) fn candidates(
        &self,
        id: Option<&str>,
    ) -> impl Iterator<Item = &(Option<String>, PublicKey)> {
        self.keys.iter().filter(move |(own, _)| match (id, own) {
            (Some(id), Some(own)) => id == own,
            _ => true,
        })
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
    crv: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
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
            ("OKP", Some("Ed25519")) => [ED25519.to_vec(), bytes(&self.x, 32)?, Vec::new()],
            _ => return None,
        };
        PublicKey::from_spki_der(&der.concat()).ok()
    }
}
