//! The body of `add-checkpoint`: the size that the log believes the witness to
//! have, a consistency proof, a signed checkpoint.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::{
    checkpoint::{Checkpoint, parse_checkpoint},
    merkle::NodeHash,
    note::{Note, parse_note},
};

use super::WitnessRefusal;

/// Bytes of a request: a checkpoint with many signatures fits well.
pub(super) const MAX_BYTES: usize = 64 << 10;
/// Hashes of a proof.
const MAX_PROOF: usize = 63;

/// A checkpoint that wants a cosignature. Nothing in it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the witness is believed to have cosigned last.
    pub old: u64,
    /// That the tree of `old` leaves is the beginning of the new one.
    pub proof: Vec<NodeHash>,
    /// The signed note.
    pub note: Note,
    /// Its text, read.
    pub checkpoint: Checkpoint,
}

impl AddCheckpoint {
    /// The body of the request.
    pub(super) fn encode(old: u64, proof: &[NodeHash], note: &str) -> String {
        let hashes = proof.iter().map(|hash| STANDARD.encode(hash) + "\n");
        format!("old {old}\n{}\n{note}", hashes.collect::<String>())
    }
}

/// Reads the body of a request.
///
/// # Errors
/// [`WitnessRefusal::Malformed`].
pub fn parse_add_checkpoint(body: &[u8]) -> Result<AddCheckpoint, WitnessRefusal> {
    let malformed = || WitnessRefusal::Malformed;
    if body.len() > MAX_BYTES {
        return Err(malformed());
    }
    let body = std::str::from_utf8(body).map_err(|_| malformed())?;
    let (head, note) = body.split_once("\n\n").ok_or_else(malformed)?;
    let mut lines = head.split('\n');
    let old_text = lines
        .next()
        .and_then(|line| line.strip_prefix("old "))
        .ok_or_else(malformed)?;
    let old: u64 = old_text.parse().map_err(|_| malformed())?;
    if old.to_string() != old_text {
        return Err(malformed());
    }
    let hash = |line: &str| STANDARD.decode(line).ok()?.try_into().ok();
    let proof: Option<Vec<NodeHash>> = lines.take(MAX_PROOF + 1).map(hash).collect();
    let proof = proof.ok_or_else(malformed)?;
    if proof.len() > MAX_PROOF {
        return Err(malformed());
    }
    let note = parse_note(note.as_bytes()).map_err(|_| malformed())?;
    let checkpoint = parse_checkpoint(note.text.as_bytes()).map_err(|_| malformed())?;
    Ok(AddCheckpoint {
        old,
        proof,
        note,
        checkpoint,
    })
}
