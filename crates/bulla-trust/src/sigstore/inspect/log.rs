//! A log entry, described: in which log, where, and what vouches for it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{decode, seconds, shown};

/// A log entry.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntryView {
    /// The log's key, hex.
    pub log_id: String,
    /// The entry's index over all shards of the log.
    pub index: u64,
    /// What kind of entry, such as `hashedrekord 0.0.1`.
    pub kind: String,
    /// When the log says it took it in; it proves that only with a promise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integrated_time: Option<Timestamp>,
    /// Whether the log signed a promise.
    pub promise: bool,
    /// The proof that it is in the tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofView>,
    /// The length of the logged body in bytes.
    pub body_bytes: usize,
}

/// A proof of inclusion.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProofView {
    /// The entry's index in the tree.
    pub index: u64,
    /// The size of the tree.
    pub tree_size: u64,
    /// The tree's root, hex.
    pub root_hash: String,
    /// How many hashes lead there.
    pub hashes: usize,
    /// What the log signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointView>,
}

/// A checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointView {
    /// Whose tree.
    pub origin: String,
    /// Its size, as written.
    pub tree_size: String,
    /// By which names it is signed: the log, and its witnesses.
    pub signed_by: Vec<String>,
}

impl LogEntryView {
    pub(super) fn of(entry: &Value) -> Self {
        let integrated = number(entry, "/integratedTime");
        Self {
            log_id: hex::encode(bytes(entry, "/logId/keyId")),
            index: number(entry, "/logIndex"),
            kind: format!(
                "{} {}",
                text(entry, "/kindVersion/kind"),
                text(entry, "/kindVersion/version")
            ),
            integrated_time: i64::try_from(integrated)
                .ok()
                .filter(|time| *time != 0)
                .and_then(seconds),
            promise: !bytes(entry, "/inclusionPromise/signedEntryTimestamp").is_empty(),
            proof: entry
                .get("inclusionProof")
                .filter(|proof| proof.is_object())
                .map(ProofView::of),
            body_bytes: bytes(entry, "/canonicalizedBody").len(),
        }
    }
}

impl ProofView {
    fn of(proof: &Value) -> Self {
        let checkpoint = text(proof, "/checkpoint/envelope");
        Self {
            index: number(proof, "/logIndex"),
            tree_size: number(proof, "/treeSize"),
            root_hash: hex::encode(bytes(proof, "/rootHash")),
            hashes: proof
                .get("hashes")
                .and_then(Value::as_array)
                .map_or(0, Vec::len),
            checkpoint: (!checkpoint.is_empty()).then(|| CheckpointView::of(checkpoint)),
        }
    }
}

impl CheckpointView {
    fn of(note: &str) -> Self {
        let mut lines = note.lines();
        let mut next = || lines.next().unwrap_or_default().to_owned();
        let (origin, tree_size) = (next(), next());
        let signatures: Vec<&str> = note
            .lines()
            .filter_map(|line| line.strip_prefix("— "))
            .collect();
        let name = |line: &&str| line.split(' ').next().unwrap_or_default().to_owned();
        Self {
            origin,
            tree_size,
            signed_by: shown(&signatures, name),
        }
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn bytes(value: &Value, pointer: &str) -> Vec<u8> {
    decode(text(value, pointer))
}

/// The JSON form of protobuf writes 64-bit numbers as texts.
fn number(value: &Value, pointer: &str) -> u64 {
    match value.pointer(pointer) {
        Some(Value::String(text)) => text.parse().unwrap_or_default(),
        Some(Value::Number(number)) => number.as_u64().unwrap_or_default(),
        _ => 0,
    }
}
