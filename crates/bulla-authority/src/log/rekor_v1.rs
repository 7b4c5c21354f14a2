//! Rekor v1 (`openapi.yaml` of sigstore/rekor), for clients that know no other.
//!
//! The kinds that Sigstore's clients send; entries by UUID, index or content; the
//! log's key, state and consistency proofs; the search index. Each entry is
//! countersigned with its time (SET). A duplicate gets the entry that is there,
//! not 409, on which clients fail. Not here: the kinds of package managers, and
//! storage of attestations.

mod request;
mod routes;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::canonical_json;
use bulla_crypto::{Signer, merkle::leaf_hash};
use serde_json::{Value, json};
use std::sync::Arc;

use super::{Leaf, Log, Sequenced};
use crate::error::AuthorityError;

pub use request::{EntryV1, parse_proposed_entry};

/// The log with its key and the id of its tree.
#[derive(Clone)]
pub struct RekorV1 {
    log: Log,
    key: Arc<dyn Signer>,
    tree_id: u64,
}

/// An entry as the API shows it, under its UUID.
pub struct LogEntryV1 {
    /// 16 digits of the tree's id, 64 of the leaf's hash.
    pub uuid: String,
    /// What stands beside it.
    pub entry: Value,
}

impl RekorV1 {
    /// Serves `log`; a new log gets its genesis entry first, if this
    /// process leads it.
    ///
    /// # Errors
    /// If the genesis entry cannot be added.
    pub async fn start(
        log: Log,
        key: Arc<dyn Signer>,
        tree_id: u64,
    ) -> Result<Self, AuthorityError> {
        let rekor = Self { log, key, tree_id };
        if rekor.log.is_leading() {
            rekor.begin().await?;
        }
        Ok(rekor)
    }

    /// The leader's first act: an empty log gets its genesis entry.
    ///
    /// # Errors
    /// If it cannot be added.
    pub async fn begin(&self) -> Result<(), AuthorityError> {
        if self.log.size() == 0 {
            self.add(&EntryV1::genesis(self.tree_id)?).await?;
        }
        Ok(())
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// What checkpoints call the log.
    pub fn origin(host: &str, tree_id: u64) -> String {
        format!("{host} - {tree_id}")
    }

    /// Logs an entry, or finds it.
    ///
    /// # Errors
    /// If the log or the signature of the entry's time fails.
    pub async fn add(&self, entry: &EntryV1) -> Result<LogEntryV1, AuthorityError> {
        let body = entry.body().to_vec();
        let added = self.log.add(leaf_hash(&body), move |_, now_ms| {
            let stored = [&(now_ms / 1000).to_be_bytes()[..], &body].concat();
            Ok(Leaf {
                merkle: body,
                stored,
            })
        });
        self.show(added.await?)
    }

    /// The entry whose leaf has this hash, proven in the present tree.
    async fn find(&self, leaf: [u8; 32]) -> Result<Option<LogEntryV1>, AuthorityError> {
        let absent = || AuthorityError::Damaged {
            what: "log entry: it is absent".into(),
        };
        match self.log.add(leaf, move |_, _| Err(absent())).await {
            Err(AuthorityError::Damaged { .. }) => Ok(None),
            found => Ok(Some(self.show(found?)?)),
        }
    }

    async fn at(&self, index: u64) -> Result<Option<LogEntryV1>, AuthorityError> {
        let stored = self.log.entry(index).await?;
        match stored.as_ref().and_then(|stored| stored.get(8..)) {
            Some(body) => self.find(leaf_hash(body)).await,
            None => Ok(None),
        }
    }

    fn show(&self, sequenced: Sequenced) -> Result<LogEntryV1, AuthorityError> {
        let damaged = || AuthorityError::Damaged {
            what: "log-v1 log".into(),
        };
        let (time, body) = sequenced.stored.split_first_chunk().ok_or_else(damaged)?;
        let uuid = format!("{:016x}{}", self.tree_id, hex::encode(leaf_hash(body)));
        // What the SET signs is exactly this object, canonical.
        let mut entry = json!({
            "body": STANDARD.encode(body),
            "integratedTime": u64::from_be_bytes(*time),
            "logID": self.key.public().id().hex(),
            "logIndex": sequenced.index,
        });
        let set = self.key.sign(&canonical_json::jcs(&entry)?)?;
        let hashes: Vec<String> = sequenced.proof.iter().map(hex::encode).collect();
        entry["verification"] = json!({
            "inclusionProof": {
                "checkpoint": &*sequenced.checkpoint,
                "hashes": hashes,
                "logIndex": sequenced.index,
                "rootHash": hex::encode(sequenced.root),
                "treeSize": sequenced.size,
            },
            "signedEntryTimestamp": STANDARD.encode(set),
        });
        Ok(LogEntryV1 { uuid, entry })
    }
}
