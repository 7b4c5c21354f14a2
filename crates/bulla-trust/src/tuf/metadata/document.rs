//! One piece of metadata with its signatures.

use bulla_core::{Digest, canonical_json::olpc, limits};
use bulla_crypto::Signer;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

use super::{METADATA_BYTES, MetadataError, Role, RoleKeys, TufKey};

/// Most signatures on one piece.
const SIGNATURES: usize = 128;

/// A body and the signatures on its canonical form, by key id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    body: Value,
    canonical: Vec<u8>,
    signatures: BTreeMap<String, Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    signatures: Vec<WireSignature>,
    signed: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    keyid: String,
    sig: String,
}

impl Document {
    /// A body that nobody has signed yet.
    ///
    /// # Errors
    /// [`MetadataError::Write`] if it has no canonical form.
    pub fn new(body: Value) -> Result<Self, MetadataError> {
        Ok(Self {
            canonical: olpc(&body)?,
            body,
            signatures: BTreeMap::new(),
        })
    }

    /// Reads `{signatures, signed}`; nothing is verified.
    ///
    /// # Errors
    /// [`MetadataError::Limit`] if it is too large or not of that form, and
    /// [`MetadataError::Malformed`] if a key signed twice (CVE-2026-6966).
    pub fn parse(bytes: &[u8]) -> Result<Self, MetadataError> {
        let wire: Wire = limits::parse_json(bytes, METADATA_BYTES, "TUF metadata")?;
        let what = wire.signed["_type"].as_str().and_then(Role::from_name);
        let malformed = |why| MetadataError::Malformed {
            what: what.unwrap_or(Role::Root),
            why,
        };
        if wire.signatures.len() > SIGNATURES {
            return Err(malformed("it has more signatures than anybody needs"));
        }
        let mut document = Self::new(wire.signed)?;
        for WireSignature { keyid, sig } in wire.signatures {
            let sig = hex::decode(sig).map_err(|_| malformed("a signature is not hexadecimal"))?;
            if document.signatures.insert(keyid, sig).is_some() {
                return Err(malformed("one key signed it twice"));
            }
        }
        Ok(document)
    }

    /// What is signed.
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// SHA-256 of the bytes that are signed: the digest to compare aloud.
    pub fn digest(&self) -> Digest {
        Digest::sha256(&self.canonical)
    }

    /// The signature of that key, as it stands there.
    pub fn signature(&self, key: &TufKey) -> Option<&[u8]> {
        self.signatures.get(key.id()).map(Vec::as_slice)
    }

    /// Signs with a key of this process or of a device.
    ///
    /// # Errors
    /// [`MetadataError::Scheme`], [`MetadataError::Key`].
    pub fn sign(&mut self, signer: &dyn Signer) -> Result<(), MetadataError> {
        let key = TufKey::new(signer.public().clone())?;
        let signature = signer.sign(&self.canonical)?;
        self.add(&key, signature)
    }

    /// Adds a signature made elsewhere, if it verifies.
    ///
    /// # Errors
    /// [`MetadataError::BadSignature`].
    pub fn add(&mut self, key: &TufKey, signature: Vec<u8>) -> Result<(), MetadataError> {
        if !self.verifies(key, &signature) {
            return Err(MetadataError::BadSignature {
                what: self.name(),
                key: key.id().to_owned(),
            });
        }
        self.signatures.insert(key.id().to_owned(), signature);
        Ok(())
    }

    /// The keys of a role that signed it: each key once, by signatures that verify.
    pub fn signed_by<'k>(&self, role: &'k RoleKeys) -> Vec<&'k TufKey> {
        let signed = |key: &&TufKey| {
            let signature = self.signatures.get(key.id());
            signature.is_some_and(|signature| self.verifies(key, signature))
        };
        role.keys().iter().filter(signed).collect()
    }

    /// Requires the threshold of a role.
    ///
    /// # Errors
    /// [`MetadataError::Signatures`].
    pub fn require(&self, role: &RoleKeys) -> Result<(), MetadataError> {
        let found = self.signed_by(role).len();
        if found >= role.threshold() as usize && found > 0 {
            return Ok(());
        }
        Err(MetadataError::Signatures {
            what: self.name(),
            found,
            threshold: role.threshold(),
        })
    }

    /// The file that clients get.
    ///
    /// # Errors
    /// [`MetadataError::Write`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, MetadataError> {
        let signature = |(keyid, sig): (&String, &Vec<u8>)| WireSignature {
            keyid: keyid.clone(),
            sig: hex::encode(sig),
        };
        let wire = Wire {
            signatures: self.signatures.iter().map(signature).collect(),
            signed: self.body.clone(),
        };
        Ok(serde_json::to_vec_pretty(&wire)?)
    }

    fn verifies(&self, key: &TufKey, signature: &[u8]) -> bool {
        key.public().verify(&self.canonical, signature).is_ok()
    }

    /// `root version 3`.
    pub fn name(&self) -> String {
        let kind = self.body["_type"].as_str().unwrap_or("metadata");
        format!("{kind} version {}", self.body["version"])
    }
}
