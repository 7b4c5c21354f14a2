//! A `TransparencyLogEntry` of protobuf-specs, as JSON: what a client gets for its
//! request and keeps in its bundle.
//!
//! Written at once and into one buffer, hashes and entry without strings of their
//! own: thousands are written a second.

use bulla_crypto::merkle::NodeHash;
use serde::{Serialize, Serializer};

use super::entry::Base64;
use crate::log::Sequenced;

/// Most of an answer that is neither entry, hash nor checkpoint: names and numbers.
const FRAME: usize = 400;
/// One hash in base64, between quotes.
const HASH: usize = 47;

/// The entry of a bundle.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TransparencyLogEntry<'a> {
    log_index: Number,
    log_id: LogId<'a>,
    kind_version: KindVersion,
    inclusion_proof: InclusionProof<'a>,
    canonicalized_body: Base64<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogId<'a> {
    key_id: &'a str,
}

#[derive(Serialize)]
struct KindVersion {
    kind: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InclusionProof<'a> {
    log_index: Number,
    root_hash: Base64<'a>,
    tree_size: Number,
    hashes: Hashes<'a>,
    checkpoint: SignedCheckpoint<'a>,
}

#[derive(Serialize)]
struct SignedCheckpoint<'a> {
    envelope: &'a str,
}

impl<'a> TransparencyLogEntry<'a> {
    /// Of an entry of this kind, in the log with this id.
    pub(super) fn new(kind: &'static str, key_id: &'a str, sequenced: &'a Sequenced) -> Self {
        let log_index = Number(sequenced.index);
        Self {
            log_index,
            log_id: LogId { key_id },
            kind_version: KindVersion {
                kind,
                version: "0.0.2",
            },
            inclusion_proof: InclusionProof {
                log_index,
                root_hash: Base64(&sequenced.root),
                tree_size: Number(sequenced.size),
                hashes: Hashes(&sequenced.proof),
                checkpoint: SignedCheckpoint {
                    envelope: &sequenced.checkpoint,
                },
            },
            canonicalized_body: Base64(&sequenced.stored),
        }
    }

    /// As JSON.
    ///
    /// # Errors
    /// None that a client could cause.
    pub(super) fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let proof = &self.inclusion_proof;
        let text = proof.checkpoint.envelope.len() + self.log_id.key_id.len();
        let body = self.canonicalized_body.0.len().div_ceil(3) * 4;
        let length = FRAME + text + body + HASH * (proof.hashes.0.len() + 1);
        let mut json = Vec::with_capacity(length);
        serde_json::to_writer(&mut json, self)?;
        Ok(json)
    }
}

/// 64 bits, as protobuf's JSON has them: a string.
#[derive(Clone, Copy)]
struct Number(u64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct Hashes<'a>(&'a [NodeHash]);

impl Serialize for Hashes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|hash| Base64(hash)))
    }
}
