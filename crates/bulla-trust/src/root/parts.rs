//! Roots put together from keys and certificates in PEM files.
//!
//! For authorities without a `trusted_root.json`: `--certificate-chain`,
//! `--ca-roots` with `--ca-intermediates`, a log's or CT log's `--key`, a
//! timestamp authority's chain. Such a root is written as the document it stands
//! for, in canonical JSON, and named by the SHA-256 of that: the same parts give
//! the same name in whatever order. A path ends only at a chain's last
//! certificate; the others help to reach it and prove nothing by being there.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Digest, RootId, limits};
use bulla_crypto::{
    PublicKey, Scheme,
    x509::{Certificate, parse_pem_chain},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{MEDIA_TYPES, Origin, RootError, TrustRoot, check_counts};

/// What a root is put together from; all PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootParts {
    /// Chains of certificate authorities, root last.
    pub ca_chains: Vec<Vec<u8>>,
    /// Roots of certificate authorities, in any order.
    pub ca_roots: Option<Vec<u8>>,
    /// Certificates between leaves and `ca_roots`.
    pub ca_intermediates: Option<Vec<u8>>,
    /// Chains of timestamp authorities, signer first, root last.
    pub tsa_chains: Vec<Vec<u8>>,
    /// Keys of transparency logs.
    pub logs: Vec<LogKey>,
    /// Keys of certificate transparency logs.
    pub ct_keys: Vec<Vec<u8>>,
}

/// The key of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogKey {
    /// PEM.
    pub pem: Vec<u8>,
    /// The origin of its checkpoints. Needed for a log of version 2, whose id is
    /// bound to it; not used otherwise.
    pub origin: Option<String>,
}

impl RootParts {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it names certificate authorities.
    fn has_authorities(&self) -> bool {
        !self.ca_chains.is_empty() || self.ca_roots.is_some()
    }
}

impl TrustRoot {
    /// A root of these parts alone.
    ///
    /// # Errors
    /// [`RootError::Part`] for a file that cannot be read or used, or
    /// intermediates without roots.
    pub fn assemble(parts: &RootParts) -> Result<Self, RootError> {
        build(
            json!({"mediaType": MEDIA_TYPES[0], "tlogs": [], "ctlogs": [],
                   "certificateAuthorities": [], "timestampAuthorities": []}),
            parts,
            None,
        )
    }

    /// This root with parts put in: they replace all of the kinds that they
    /// give, and are never merged with what was there. It is another root then,
    /// under a name of its own.
    ///
    /// # Errors
    /// As [`Self::assemble`].
    pub fn with_parts(&self, parts: &RootParts) -> Result<Self, RootError> {
        let document = serde_json::to_value(&self.document).map_err(RootError::Json)?;
        let root = build(document, parts, Some(self.id.clone()))?;
        Ok(root.knowing(self.revocations().clone()))
    }

    /// The root that knows nobody: for bare keys, where no log is demanded.
    ///
    /// # Errors
    /// None that can be met.
    pub fn nothing() -> Result<Self, RootError> {
        Self::assemble(&RootParts::default())
    }
}

fn build(
    mut document: Value,
    parts: &RootParts,
    base: Option<RootId>,
) -> Result<TrustRoot, RootError> {
    let own_paths = parts.has_authorities();
    if parts.ca_intermediates.is_some() && parts.ca_roots.is_none() {
        return Err(RootError::Part {
            what: "intermediate certificates",
            detail: "they need roots to lead to".into(),
        });
    }
    if own_paths {
        let mut chains = Vec::new();
        for pem in &parts.ca_chains {
            chains.push(authority(&certificates(pem, "certificate chain")?));
        }
        if let Some(roots) = &parts.ca_roots {
            let between = match &parts.ca_intermediates {
                Some(pem) => certificates(pem, "intermediate certificates")?,
                None => Vec::new(),
            };
            for root in certificates(roots, "root certificates")? {
                let chain: Vec<Certificate> = between.iter().cloned().chain([root]).collect();
                chains.push(authority(&chain));
            }
        }
        put(&mut document, "certificateAuthorities", chains);
    }
    if !parts.tsa_chains.is_empty() {
        let chains = parts.tsa_chains.iter();
        let chains =
            chains.map(|pem| Ok(authority(&certificates(pem, "timestamp authority chain")?)));
        let chains = chains.collect::<Result<_, RootError>>()?;
        put(&mut document, "timestampAuthorities", chains);
    }
    if !parts.logs.is_empty() {
        let logs = parts
            .logs
            .iter()
            .map(|log| log_entry(&log.pem, log.origin.as_deref()));
        put(&mut document, "tlogs", logs.collect::<Result<_, _>>()?);
    }
    if !parts.ct_keys.is_empty() {
        let logs = parts.ct_keys.iter().map(|pem| log_entry(pem, None));
        put(&mut document, "ctlogs", logs.collect::<Result<_, _>>()?);
    }
    // Maps are sorted by name, lists were: equal content has equal bytes.
    let bytes = serde_json::to_vec(&document).map_err(RootError::Json)?;
    let document = limits::parse_json(&bytes, limits::TRUST_DOCUMENT_BYTES, "trust root")?;
    check_counts(&document)?;
    let digest = Digest::sha256(&bytes);
    let origin = Origin::Parts { base };
    let root = TrustRoot::of(document, RootId(digest.clone()), digest, origin, own_paths);
    root.material.check(&root.document)?;
    Ok(root)
}

fn put(document: &mut Value, kind: &str, mut entries: Vec<Value>) {
    entries.sort_by_cached_key(ToString::to_string);
    entries.dedup();
    if let Some(object) = document.as_object_mut() {
        object.insert(kind.to_owned(), Value::Array(entries));
    }
}

fn certificates(pem: &[u8], what: &'static str) -> Result<Vec<Certificate>, RootError> {
    parse_pem_chain(pem).map_err(|error| RootError::Part {
        what,
        detail: error.to_string(),
    })
}

fn authority(chain: &[Certificate]) -> Value {
    let subject = chain.last().map(|root| root.subject().to_string());
    let certificates: Vec<Value> = chain
        .iter()
        .map(|one| json!({"rawBytes": STANDARD.encode(one.der())}))
        .collect();
    json!({
        "subject": {"commonName": subject.clone().unwrap_or_default()},
        "uri": subject.unwrap_or_default(),
        "certChain": {"certificates": certificates},
    })
}

fn log_entry(pem: &[u8], origin: Option<&str>) -> Result<Value, RootError> {
    let unusable = |detail: String| RootError::Part {
        what: "log key",
        detail,
    };
    let text = std::str::from_utf8(pem).map_err(|error| unusable(error.to_string()))?;
    let key = PublicKey::from_pem(text).map_err(|error| unusable(error.to_string()))?;
    let id: [u8; 32] = match (key.scheme(), origin) {
        (Scheme::Ed25519, Some(origin)) => Sha256::new()
            .chain_update(origin)
            .chain_update([b'\n', 1])
            .chain_update(key.raw())
            .finalize()
            .into(),
        _ => Sha256::digest(key.spki_der()).into(),
    };
    Ok(json!({
        "baseUrl": origin.unwrap_or_default(),
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": STANDARD.encode(key.spki_der()),
            "keyDetails": key.scheme().sigstore_name(),
        },
        "logId": {"keyId": STANDARD.encode(id)},
    }))
}

#[cfg(test)]
mod tests;
