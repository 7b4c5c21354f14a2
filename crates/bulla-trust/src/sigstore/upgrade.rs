//! Old bundles in the form of version 0.3: one certificate, a proof per entry.
//!
//! Only the wrapping changes; signature, log entries and timestamps stay as they
//! are, byte by byte. Where an old bundle has the log's promise only, the proof
//! must come from the log: [`UpgradeError::NeedsProof`] names the entry, and
//! [`with_entries`] takes the log's answers, each compared with the entry it
//! completes. Nothing is verified; the result is read strictly once.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Code, Diagnose, limits};
use serde_json::{Map, Value, json};

use super::{Failure, UnverifiedBundle};

/// The media type of version 0.3.
pub(super) const CURRENT: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// What is read and written anew.
const OLD: [&str; 5] = [
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    "application/vnd.dev.sigstore.bundle.v0.1+json",
    "application/vnd.dev.sigstore.bundle.v0.2+json",
];

/// A bundle of version 0.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgraded {
    /// Its JSON.
    pub bundle: Vec<u8>,
    /// The media type it had.
    pub from: String,
    /// What was changed; empty if it was current already.
    pub notes: Vec<String>,
}

/// Upgrades a bundle that has all it needs.
///
/// # Errors
/// [`UpgradeError`].
pub fn upgrade(bytes: &[u8]) -> Result<Upgraded, UpgradeError> {
    with_entries(bytes, &[])
}

/// Upgrades a bundle, completing its log entries from the log's answers: each a
/// `TransparencyLogEntry`, or what version 1 of the log answers, JSON.
///
/// # Errors
/// [`UpgradeError`].
pub fn with_entries(bytes: &[u8], answers: &[&[u8]]) -> Result<Upgraded, UpgradeError> {
    let mut bundle: Map<String, Value> = limits::parse_json(bytes, limits::BUNDLE_BYTES, "bundle")
        .map_err(UpgradeError::NoBundle)?;
    if bundle.contains_key("base64Signature") {
        return Err(UpgradeError::CosignLocal);
    }
    let from = bundle.get("mediaType").and_then(Value::as_str);
    let from = from.unwrap_or_default().to_owned();
    let mut notes = Vec::new();
    if from != CURRENT {
        if !OLD.contains(&from.as_str()) {
            return Err(UpgradeError::MediaType { found: from });
        }
        bundle.insert("mediaType".into(), json!(CURRENT));
        notes.push(format!("{from} becomes {CURRENT}"));
    }
    let answers: Vec<Map<String, Value>> = answers
        .iter()
        .map(|answer| answer_entry(answer))
        .collect::<Result<_, _>>()?;
    if let Some(material) = object(&mut bundle, "verificationMaterial") {
        single_certificate(material, &mut notes)?;
        for entry in array(material, "tlogEntries") {
            complete(entry, &answers, &mut notes)?;
        }
    }
    let bundle = serde_json::to_vec(&bundle).map_err(UpgradeError::Encode)?;
    UnverifiedBundle::parse(&bundle).map_err(UpgradeError::Refused)?;
    Ok(Upgraded {
        bundle,
        from,
        notes,
    })
}

/// Only the signer's certificate stays: the rest must come from the trust root.
fn single_certificate(
    material: &mut Map<String, Value>,
    notes: &mut Vec<String>,
) -> Result<(), UpgradeError> {
    let Some(chain) = material.remove("x509CertificateChain") else {
        return Ok(());
    };
    let certificates = chain.get("certificates").and_then(Value::as_array);
    let certificates = certificates.map(Vec::as_slice).unwrap_or_default();
    let (leaf, rest) = certificates.split_first().ok_or(UpgradeError::NoSigner)?;
    material.insert("certificate".into(), leaf.clone());
    notes.push(match rest.len() {
        0 => "the chain of one certificate becomes that certificate".into(),
        dropped => format!(
            "{dropped} certificates beside the signer's are left out: the trust root has to know them"
        ),
    });
    Ok(())
}

fn complete(
    entry: &mut Value,
    answers: &[Map<String, Value>],
    notes: &mut Vec<String>,
) -> Result<(), UpgradeError> {
    let has_proof = entry
        .pointer("/inclusionProof/checkpoint/envelope")
        .and_then(Value::as_str)
        .is_some_and(|checkpoint| !checkpoint.is_empty());
    let Some(entry) = entry.as_object_mut().filter(|_| !has_proof) else {
        return Ok(());
    };
    let index = number(entry.get("logIndex"));
    let same = |answer: &&Map<String, Value>| {
        // The same entry of the same log: its body and its place, not just a proof.
        answer.get("canonicalizedBody") == entry.get("canonicalizedBody")
            && answer.get("logId") == entry.get("logId")
            && number(answer.get("logIndex")) == index
    };
    let proof = answers
        .iter()
        .find(same)
        .and_then(|answer| answer.get("inclusionProof"))
        .ok_or_else(|| UpgradeError::NeedsProof {
            log_index: index,
            log_id: entry
                .get("logId")
                .and_then(|id| id.get("keyId"))
                .and_then(Value::as_str)
                .and_then(|id| STANDARD.decode(id).ok())
                .map(hex::encode)
                .unwrap_or_default(),
        })?;
    entry.insert("inclusionProof".into(), proof.clone());
    notes.push(format!("entry {index} gets its inclusion proof"));
    Ok(())
}

/// The log's answer as the bundle writes an entry.
fn answer_entry(bytes: &[u8]) -> Result<Map<String, Value>, UpgradeError> {
    let unreadable = |detail: &str| UpgradeError::Answer {
        detail: detail.to_owned(),
    };
    let answer: Map<String, Value> =
        limits::parse_json(bytes, limits::SERVICE_ANSWER_BYTES, "log entry")
            .map_err(|error| unreadable(&error.to_string()))?;
    if answer.contains_key("canonicalizedBody") {
        return Ok(answer);
    }
    // Version 1 of the log: one member, named by the entry's UUID.
    let mut entries = answer.values();
    let (Some(entry), None) = (entries.next(), entries.next()) else {
        return Err(unreadable("it is neither one entry nor a log's answer"));
    };
    let text = |pointer: &str| {
        let found = entry.pointer(pointer).and_then(Value::as_str);
        found.ok_or_else(|| unreadable(&format!("it has no {pointer}")))
    };
    let hex64 = |text: &str| {
        let bytes = hex::decode(text).map_err(|_| unreadable("a hash in it is not hex"))?;
        Ok(STANDARD.encode(bytes))
    };
    let at = |pointer: &str| number(entry.pointer(pointer)).to_string();
    let hashes = entry.pointer("/verification/inclusionProof/hashes");
    let hashes = hashes.and_then(Value::as_array).into_iter().flatten();
    let hashes: Vec<String> = hashes
        .map(|hash| hex64(hash.as_str().unwrap_or("?")))
        .collect::<Result<_, _>>()?;
    let entry = json!({
        "logIndex": at("/logIndex"),
        "logId": {"keyId": hex64(text("/logID")?)?},
        "canonicalizedBody": text("/body")?,
        "inclusionProof": {
            "logIndex": at("/verification/inclusionProof/logIndex"),
            "treeSize": at("/verification/inclusionProof/treeSize"),
            "rootHash": hex64(text("/verification/inclusionProof/rootHash")?)?,
            "hashes": hashes,
            "checkpoint": {"envelope": text("/verification/inclusionProof/checkpoint")?},
        },
    });
    match entry {
        Value::Object(entry) => Ok(entry),
        _ => Err(unreadable("it is no entry")),
    }
}

fn object<'a>(
    parent: &'a mut Map<String, Value>,
    name: &str,
) -> Option<&'a mut Map<String, Value>> {
    parent.get_mut(name).and_then(Value::as_object_mut)
}

fn array<'a>(
    parent: &'a mut Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'a mut Value> {
    let list = parent.get_mut(name).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

/// The JSON form of protobuf writes 64-bit numbers as texts.
fn number(value: Option<&Value>) -> u64 {
    match value {
        Some(Value::String(text)) => text.parse().unwrap_or_default(),
        Some(Value::Number(number)) => number.as_u64().unwrap_or_default(),
        _ => 0,
    }
}

/// Why a bundle is not upgraded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpgradeError {
    /// The log's answer cannot be used.
    #[error("the log's answer cannot be used: {detail}")]
    Answer {
        /// Why.
        detail: String,
    },
    /// What `cosign sign-blob --bundle` wrote before there were bundles.
    #[error("this is cosign's local format, which does not say what was signed")]
    CosignLocal,
    /// It cannot be written.
    #[error("the bundle cannot be written as JSON: {0}")]
    Encode(#[source] serde_json::Error),
    /// Of a version that is not known.
    #[error("{found:?} is not the media type of a bundle that is known")]
    MediaType {
        /// The media type it gives.
        found: String,
    },
    /// A log entry without proof, and no answer of the log that has it.
    #[error("entry {log_index} of log {log_id} has no inclusion proof")]
    NeedsProof {
        /// The entry's index.
        log_index: u64,
        /// The log's key, hex.
        log_id: String,
    },
    /// No JSON object of bounded size.
    #[error("this is no bundle: {0}")]
    NoBundle(#[source] limits::LimitError),
    /// An empty chain.
    #[error("the bundle's certificate chain is empty")]
    NoSigner,
    /// What came of it is not a good bundle either.
    #[error("the bundle would be refused: {0}")]
    Refused(#[source] Failure),
}

impl Diagnose for UpgradeError {
    fn code(&self) -> Code {
        match self {
            Self::Answer { .. } => Code("TRUST-0730"),
            Self::CosignLocal => Code("TRUST-0731"),
            Self::Encode(_) => Code("TRUST-0732"),
            Self::MediaType { .. } => Code("TRUST-0733"),
            Self::NeedsProof { .. } => Code("TRUST-0734"),
            Self::NoBundle(_) => Code("TRUST-0735"),
            Self::NoSigner => Code("TRUST-0736"),
            Self::Refused(failure) => failure.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::CosignLocal => {
                "`bulla bundle create --bundle OLD --artifact FILE` makes a bundle of it"
            }
            Self::NeedsProof { .. } | Self::Answer { .. } => {
                "`bulla bundle upgrade --rekor-url URL` asks the log for the proof"
            }
            Self::Refused(failure) => return failure.hint(),
            _ => "`bulla bundle inspect FILE` shows what is in it",
        };
        Some(hint.into())
    }
}

#[cfg(test)]
mod tests;
