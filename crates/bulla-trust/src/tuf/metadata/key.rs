//! Keys as metadata lists them, and the set of keys that speaks for a role.

use bulla_core::{Digest, canonical_json::olpc};
use bulla_crypto::{PublicKey, Scheme};
use serde_json::{Value, json};

use super::MetadataError;

/// Most keys of one role.
const KEYS: usize = 64;

/// A public key, Ed25519 or ECDSA P-256, with the id that metadata gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TufKey {
    public: PublicKey,
    id: String,
}

impl TufKey {
    /// The key under its id: SHA-256 of the canonical form of its entry.
    ///
    /// # Errors
    /// [`MetadataError::Scheme`].
    pub fn new(public: PublicKey) -> Result<Self, MetadataError> {
        let public = match public.scheme() {
            Scheme::Ed25519ph => public.with_scheme(Scheme::Ed25519)?,
            _ => public,
        };
        let id = Digest::sha256(&olpc(&entry(&public)?)?).hex().to_owned();
        Ok(Self { public, id })
    }

    /// From an entry of a root's or a delegation's `keys`. An id that is not the
    /// key's own is refused, so that one key never counts under two ids.
    pub(super) fn parse(id: &str, value: &Value) -> Result<Self, MetadataError> {
        let unknown = || MetadataError::UnknownKey {
            what: "this repository".into(),
            key: id.to_owned(),
        };
        let text = value["keyval"]["public"].as_str().ok_or_else(unknown)?;
        let public = match value["keytype"].as_str() {
            Some("ed25519") => PublicKey::from_ed25519(&hex::decode(text).map_err(|_| unknown())?)?,
            Some("ecdsa") => PublicKey::from_pem(text)?,
            _ => return Err(MetadataError::Scheme),
        };
        let key = Self::new(public)?;
        match key.id == id && key.to_json()? == *value {
            true => Ok(key),
            false => Err(unknown()),
        }
    }

    /// Its entry in `keys`.
    ///
    /// # Errors
    /// [`MetadataError::Scheme`], which [`Self::new`] has excluded.
    pub fn to_json(&self) -> Result<Value, MetadataError> {
        entry(&self.public)
    }

    /// Its id: 64 hex digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }
}

fn entry(public: &PublicKey) -> Result<Value, MetadataError> {
    match public.scheme() {
        Scheme::Ed25519 => Ok(json!({
            "keytype": "ed25519", "scheme": "ed25519",
            "keyval": {"public": hex::encode(public.raw())},
        })),
        Scheme::EcdsaP256 => Ok(json!({
            "keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256",
            "keyval": {"public": public.to_pem()},
        })),
        _ => Err(MetadataError::Scheme),
    }
}

/// The keys of a role and how many of them must sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleKeys {
    keys: Vec<TufKey>,
    threshold: u32,
}

impl RoleKeys {
    /// Distinct keys under a threshold of at least 1 that they can meet.
    ///
    /// # Errors
    /// [`MetadataError::Threshold`]; a key that stands there twice counts once.
    pub fn new(
        keys: impl IntoIterator<Item = TufKey>,
        threshold: u32,
    ) -> Result<Self, MetadataError> {
        let mut distinct: Vec<TufKey> = Vec::new();
        for key in keys {
            if !distinct.contains(&key) {
                distinct.push(key);
            }
        }
        distinct.sort_by(|a, b| a.id.cmp(&b.id));
        let count = distinct.len();
        if threshold < 1 || threshold as usize > count || count > KEYS {
            return Err(MetadataError::Threshold {
                threshold,
                keys: count,
            });
        }
        Ok(Self {
            keys: distinct,
            threshold,
        })
    }

    /// One key that signs alone.
    ///
    /// # Errors
    /// [`MetadataError::Scheme`].
    pub fn one(public: PublicKey) -> Result<Self, MetadataError> {
        Self::new([TufKey::new(public)?], 1)
    }

    /// The keys, by their ids.
    pub fn keys(&self) -> &[TufKey] {
        &self.keys
    }

    /// The key of that id.
    pub fn key(&self, id: &str) -> Option<&TufKey> {
        self.keys.iter().find(|key| key.id == id)
    }

    /// How many must sign.
    pub fn threshold(&self) -> u32 {
        self.threshold
    }

    pub(super) fn to_json(&self) -> Value {
        let ids: Vec<&str> = self.keys.iter().map(TufKey::id).collect();
        json!({"keyids": ids, "threshold": self.threshold})
    }

    /// From `{keyids, threshold}` and the table of keys beside it.
    pub(super) fn parse(role: &Value, keys: &Value) -> Result<Self, MetadataError> {
        // A negative or fractional threshold is none at all (CVE-2026-23992).
        let threshold = role["threshold"].as_u64();
        let threshold = threshold.and_then(|threshold| u32::try_from(threshold).ok());
        let ids = role["keyids"].as_array().map(Vec::as_slice);
        let ids = ids.unwrap_or_default();
        let refused = MetadataError::Threshold {
            threshold: threshold.unwrap_or_default(),
            keys: ids.len(),
        };
        if ids.len() > KEYS {
            return Err(refused);
        }
        let key = |id: &Value| {
            let id = id.as_str().unwrap_or_default();
            TufKey::parse(id, &keys[id])
        };
        let listed: Vec<TufKey> = ids.iter().map(key).collect::<Result<_, _>>()?;
        let parsed = Self::new(listed, threshold.ok_or(refused)?)?;
        // Twice in the list would look like more keys than there are.
        match parsed.keys.len() == ids.len() {
            true => Ok(parsed),
            false => Err(MetadataError::Threshold {
                threshold: parsed.threshold,
                keys: parsed.keys.len(),
            }),
        }
    }
}
