//! Rekor v1 (`openapi.yaml` of sigstore/rekor), for clients that know no other.
//!
//! The kinds that Sigstore's clients send; entries by UUID, index or content; the
//! log's key, state and consistency proofs; the search index. Each entry is
//! countersigned with its time (SET). A duplicate gets the entry that is there,
//! not 409, on which clients fail. Not here: the kinds of package managers, and
//! storage of attestations.

mod consistency;
mod index;
mod request;
mod retrieve;
mod routes;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::canonical_json;
use bulla_crypto::{Signer, merkle::leaf_hash};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

use super::{Leaf, Log, Sequenced};
use crate::{
    error::AuthorityError,
    search::{SearchIndex, StoredV1},
};

pub use index::{IndexQuery, parse_index_query};
pub use request::{EntryV1, parse_proposed_entry};
pub use retrieve::{Retrieve, parse_retrieve};

/// How the log behaves: section `[rekor-v1]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RekorV1Settings {
    /// Takes no entries any more; everything can still be read and proven.
    pub read_only: bool,
}

/// The log with its key and the id of its tree.
#[derive(Clone)]
pub struct RekorV1 {
    log: Log,
    key: Arc<dyn Signer>,
    tree_id: u64,
    settings: RekorV1Settings,
    index: Option<SearchIndex>,
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
        let rekor = Self {
            log,
            key,
            tree_id,
            settings: RekorV1Settings::default(),
            index: None,
        };
        if rekor.log.is_leading() {
            rekor.begin().await?;
        }
        Ok(rekor)
    }

    /// With these settings, and an index to be searched.
    #[must_use]
    pub fn with(self, settings: RekorV1Settings, index: Option<SearchIndex>) -> Self {
        Self {
            settings,
            index,
            ..self
        }
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

    /// The id of its tree.
    pub fn tree_id(&self) -> u64 {
        self.tree_id
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
        let (body, subjects) = (entry.body().to_vec(), entry.subjects().to_vec());
        let added = self.log.add(leaf_hash(&body), move |_, now_ms| {
            let stored = StoredV1::encode(now_ms / 1000, &body, &subjects);
            Ok(Leaf {
                merkle: body,
                stored,
            })
        });
        self.show(added.await?)
    }

    /// The entry whose leaf has this hash, proven in the present tree.
    async fn find(&self, leaf: [u8; 32]) -> Result<Option<LogEntryV1>, AuthorityError> {
        let found = self.log.find(leaf).await?;
        found.map(|found| self.show(found)).transpose()
    }

    async fn at(&self, index: u64) -> Result<Option<LogEntryV1>, AuthorityError> {
        let found = self.log.prove(index).await?;
        found.map(|found| self.show(found)).transpose()
    }

    /// The present tree, by the proof of its last leaf.
    async fn head(&self) -> Result<Sequenced, AuthorityError> {
        let last = self.log.size().saturating_sub(1);
        let head = self.log.prove(last).await?;
        head.ok_or_else(|| AuthorityError::Damaged {
            what: "log-v1 log".into(),
        })
    }

    fn show(&self, sequenced: Sequenced) -> Result<LogEntryV1, AuthorityError> {
        let damaged = || AuthorityError::Damaged {
            what: "log-v1 log".into(),
        };
        let StoredV1 { time, body, .. } = StoredV1::parse(&sequenced.stored).ok_or_else(damaged)?;
        // What the SET signs is exactly this object, canonical.
        let mut entry = json!({
            "body": STANDARD.encode(body),
            "integratedTime": time,
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
        let uuid = self.uuid(body);
        Ok(LogEntryV1 { uuid, entry })
    }

    /// The UUID of the entry with this leaf.
    fn uuid(&self, body: &[u8]) -> String {
        format!("{:016x}{}", self.tree_id, hex::encode(leaf_hash(body)))
    }

    /// The leaf hash in a UUID, with or without this tree's id before it.
    fn leaf_of(&self, uuid: &str) -> Option<[u8; 32]> {
        let uuid = uuid.to_ascii_lowercase();
        let tree = format!("{:016x}", self.tree_id);
        let hash = uuid
            .strip_prefix(&tree)
            .filter(|rest| rest.len() == 64)
            .unwrap_or(&uuid);
        hex::decode(hash).ok()?.try_into().ok()
    }
}
