//! One watched log: what was verified of it, and how that is carried on.
//!
//! Each new entry is hashed onto the edge of the last verified tree. If the root
//! is the one that the log signed, then the new tree extends the old one and the
//! entries that were looked at are all there are; no proof needs to be asked for.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::{
    checkpoint::{Checkpoint, parse_checkpoint},
    merkle::{Frontier, NodeHash, leaf_hash},
    note::parse_note,
    verifier_key::VerifierKey,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::time::Instant;

use super::{
    Finding, MonitorError, Rules, What,
    feed::{BUNDLE, Entry, Feed},
};

/// What was verified of a log: its size and the edge of its tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchState {
    frontier: Frontier,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    size: u64,
    /// The partial tiles, in base64, from level 0 up; full ones are left out.
    edge: Vec<String>,
}

impl WatchState {
    /// Leaves that were verified.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over them.
    pub fn root(&self) -> NodeHash {
        self.frontier.root()
    }

    /// As it is kept.
    pub fn to_json(&self) -> Vec<u8> {
        let edge = self.frontier.edge();
        let edge = edge.iter().map(|tile| STANDARD.encode(&tile.bytes));
        let stored = Stored {
            size: self.size(),
            edge: edge.collect(),
        };
        serde_json::to_vec(&stored).unwrap_or_default()
    }

    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// [`MonitorError::Format`] if it is something else.
    pub fn parse(json: &[u8]) -> Result<Self, MonitorError> {
        let damaged = || MonitorError::Format {
            log: "the stored state".into(),
            what: "an edge",
        };
        let stored: Stored = serde_json::from_slice(json).map_err(|_| damaged())?;
        let mut edge = stored.edge.iter().map(|tile| STANDARD.decode(tile).ok());
        let frontier = Frontier::load(stored.size, |_| edge.next().flatten());
        Ok(Self {
            frontier: frontier.map_err(|_| damaged())?,
        })
    }
}

/// A log that is watched.
pub struct LogWatch {
    name: String,
    origin: Option<String>,
    key: VerifierKey,
    feed: Box<dyn Feed>,
    rules: Arc<Rules>,
}

impl LogWatch {
    /// Watches the log that `feed` reads and `key` signs, under that name.
    pub fn new(name: &str, key: VerifierKey, feed: Box<dyn Feed>, rules: Arc<Rules>) -> Self {
        Self {
            name: name.to_owned(),
            origin: None,
            key,
            feed,
            rules,
        }
    }

    /// Demands that origin of its checkpoints; else it is the name of the key.
    #[must_use]
    pub fn of_origin(mut self, origin: String) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads the log on from `state` and gives what was found. If the log
    /// contradicts itself, `state` stays as it is, to be compared with again.
    ///
    /// # Errors
    /// [`MonitorError`] if the log cannot be read, or its checkpoint is not its own.
    pub async fn round(&self, state: &mut WatchState) -> Result<Vec<Finding>, MonitorError> {
        let note = self.feed.checkpoint().await?;
        if note.is_empty() {
            // A log of our own that has not published anything yet.
            return Ok(Vec::new());
        }
        let checkpoint = self.verified(&note)?;
        let contradicts = |detail: String| {
            Ok(vec![Finding {
                log: self.name.clone(),
                what: What::Contradiction { detail },
            }])
        };
        let (old, new) = (state.size(), checkpoint.size);
        if new < old {
            return contradicts(format!("it had {old} entries and now signs {new}"));
        }
        let mut frontier = state.frontier.clone();
        let mut found = Vec::new();
        while frontier.size() < new {
            let started = Instant::now();
            let at = frontier.size();
            let number = at / BUNDLE;
            let width = (new - number * BUNDLE).min(BUNDLE);
            let entries = self
                .feed
                .bundle(number, u16::try_from(width).unwrap_or(256));
            let skip = usize::try_from(at % BUNDLE).unwrap_or(0);
            let before = frontier.size();
            for entry in entries.await?.iter().skip(skip) {
                let index = frontier.append(leaf_hash(&entry.merkle));
                found.extend(self.look(entry, index).await?);
            }
            if frontier.size() == before {
                return Err(MonitorError::Format {
                    log: self.name.clone(),
                    what: "an empty bundle",
                });
            }
            frontier.settle();
            // Far behind, it rests as long as it works.
            tokio::time::sleep(started.elapsed()).await;
        }
        if frontier.root() != checkpoint.root {
            let detail = match old {
                _ if old == new => format!("it signs two trees of {new} entries"),
                0 => format!("its {new} entries have not the root that it signs"),
                _ => format!("its tree of {new} entries does not extend the one of {old}"),
            };
            return contradicts(detail);
        }
        state.frontier = frontier;
        Ok(found)
    }

    fn verified(&self, note: &str) -> Result<Checkpoint, MonitorError> {
        let refused = |source| MonitorError::Note {
            log: self.name.clone(),
            source,
        };
        let note = parse_note(note.as_bytes()).map_err(refused)?;
        self.key.verify(&note).map_err(refused)?;
        let checkpoint = parse_checkpoint(note.text.as_bytes()).map_err(refused)?;
        let origin = self.origin.as_deref().unwrap_or(self.key.name());
        match checkpoint.origin == origin {
            true => Ok(checkpoint),
            false => Err(MonitorError::Format {
                log: self.name.clone(),
                what: "a checkpoint of another origin",
            }),
        }
    }

    async fn look(&self, entry: &Entry, index: u64) -> Result<Vec<Finding>, MonitorError> {
        let finding = |what| Finding {
            log: self.name.clone(),
            what,
        };
        let ours = self.feed.is_ours(entry, index).await?;
        let mut found = Vec::new();
        if ours && self.rules.are_none() {
            return Ok(found);
        }
        let described = entry.described();
        if !ours {
            let signer = described.signers.first().cloned().unwrap_or_default();
            found.push(finding(What::NotIssued { index, signer }));
        }
        for signer in described.signers {
            if self.rules.is_unexpected(&signer) {
                found.push(finding(What::Unexpected {
                    index,
                    kind: described.kind.clone(),
                    signer,
                }));
            }
        }
        Ok(found)
    }
}
