//! The TUF repository through which clients get the instance's trust documents.
//!
//! The Update Framework 1.0: four roles with an Ed25519 key each, consistent
//! snapshots, one hash per target (clients pick one at random where there are
//! two). The SHA-256 of the first `root.json` is the instance's root
//! fingerprint, so that file is made once and kept. Delegations, thresholds
//! above one and root rotation are not part of it yet.

mod metadata;

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bulla_core::{Code, Diagnose, Digest};
use bulla_crypto::{KeyError, Signer};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use metadata::{key_id, public_key, signed};

/// How long each role's metadata is valid. Root and targets are for years, as
/// nobody signs them again while the instance runs; the other two are signed
/// again at each start and each day.
const ROOT_LIFE: SignedDuration = SignedDuration::from_hours(24 * 3650);
const TARGETS_LIFE: SignedDuration = SignedDuration::from_hours(24 * 365);
const SNAPSHOT_LIFE: SignedDuration = SignedDuration::from_hours(24 * 30);
const TIMESTAMP_LIFE: SignedDuration = SignedDuration::from_hours(24 * 7);

/// The keys of the four roles, all Ed25519.
pub struct TufKeys {
    /// Says who the others are.
    pub root: Arc<dyn Signer>,
    /// Says which files there are.
    pub targets: Arc<dyn Signer>,
    /// Says which metadata belongs together.
    pub snapshot: Arc<dyn Signer>,
    /// Says what is newest.
    pub timestamp: Arc<dyn Signer>,
}

/// A file that clients fetch through the repository.
pub struct Target {
    /// Its name: `trusted_root.json`.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The first `root.json` of a new instance.
///
/// # Errors
/// [`TufError`] if it cannot be signed.
pub fn first_root(keys: &TufKeys, now: Timestamp) -> Result<Vec<u8>, TufError> {
    let all = [
        ("root", &keys.root),
        ("targets", &keys.targets),
        ("snapshot", &keys.snapshot),
        ("timestamp", &keys.timestamp),
    ];
    let mut by_id = serde_json::Map::new();
    let mut roles = serde_json::Map::new();
    for (role, key) in all {
        let id = key_id(key)?;
        roles.insert(role.into(), json!({"keyids": [id], "threshold": 1}));
        by_id.insert(id, public_key(key));
    }
    let body = json!({"consistent_snapshot": true, "keys": by_id, "roles": roles});
    signed("root", 1, now, ROOT_LIFE, body, &keys.root)
}

/// The repository, made and kept fresh.
pub struct Publisher {
    keys: TufKeys,
    root: Vec<u8>,
    targets: Vec<Target>,
    files: RwLock<BTreeMap<String, Arc<Vec<u8>>>>,
}

impl Publisher {
    /// Publishes `targets` under `root` (the first `root.json`). `version` must
    /// be larger than that of every earlier call for this repository.
    ///
    /// # Errors
    /// [`TufError`] if metadata cannot be signed.
    pub fn new(
        keys: TufKeys,
        root: Vec<u8>,
        targets: Vec<Target>,
        version: u64,
        now: Timestamp,
    ) -> Result<Self, TufError> {
        let publisher = Self {
            keys,
            root,
            targets,
            files: RwLock::default(),
        };
        publisher.refresh(version, now)?;
        Ok(publisher)
    }

    /// Signs everything below the root again.
    ///
    /// # Errors
    /// [`TufError`] if metadata cannot be signed.
    pub fn refresh(&self, version: u64, now: Timestamp) -> Result<(), TufError> {
        let mut files = BTreeMap::new();
        let mut listed = serde_json::Map::new();
        for target in &self.targets {
            let digest = Digest::sha256(&target.bytes);
            listed.insert(
                target.name.clone(),
                json!({"length": target.bytes.len(), "hashes": {"sha256": digest.hex()}}),
            );
            let path = format!("targets/{}.{}", digest.hex(), target.name);
            files.insert(path, Arc::new(target.bytes.clone()));
        }
        let body = json!({"targets": listed});
        let targets = signed(
            "targets",
            version,
            now,
            TARGETS_LIFE,
            body,
            &self.keys.targets,
        )?;
        let body = json!({"meta": {"targets.json": meta(version, &targets)}});
        let snapshot = signed(
            "snapshot",
            version,
            now,
            SNAPSHOT_LIFE,
            body,
            &self.keys.snapshot,
        )?;
        let body = json!({"meta": {"snapshot.json": meta(version, &snapshot)}});
        let timestamp = signed(
            "timestamp",
            version,
            now,
            TIMESTAMP_LIFE,
            body,
            &self.keys.timestamp,
        )?;
        files.insert("1.root.json".into(), Arc::new(self.root.clone()));
        files.insert("root.json".into(), Arc::new(self.root.clone()));
        files.insert(format!("{version}.targets.json"), Arc::new(targets));
        files.insert(format!("{version}.snapshot.json"), Arc::new(snapshot));
        files.insert("timestamp.json".into(), Arc::new(timestamp));
        let mut served = self.files.write().unwrap_or_else(PoisonError::into_inner);
        // A client in the middle of an update may still ask for the last version.
        let last = format!("{}.", version.saturating_sub(1));
        for (path, bytes) in std::mem::take(&mut *served) {
            if path.starts_with(&last) {
                files.entry(path).or_insert(bytes);
            }
        }
        *served = files;
        Ok(())
    }

    /// A file of the repository, by its path.
    pub fn file(&self, path: &str) -> Option<Arc<Vec<u8>>> {
        self.files
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(path)
            .cloned()
    }

    /// Serves the files.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new().route("/{*path}", get(serve)).with_state(self)
    }
}

async fn serve(State(publisher): State<Arc<Publisher>>, Path(path): Path<String>) -> Response {
    match publisher.file(&path) {
        Some(bytes) => (
            [(header::CONTENT_TYPE, "application/json")],
            bytes.as_ref().clone(),
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn meta(version: u64, bytes: &[u8]) -> Value {
    json!({
        "version": version, "length": bytes.len(),
        "hashes": {"sha256": Digest::sha256(bytes).hex()},
    })
}

/// Why metadata could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TufError {
    /// It cannot be written as canonical JSON.
    #[error("TUF metadata cannot be written: {0}")]
    Json(#[from] serde_json::Error),
    /// It cannot be signed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Diagnose for TufError {
    fn code(&self) -> Code {
        match self {
            Self::Json(_) => Code("AUTH-0201"),
            Self::Key(_) => Code("AUTH-0202"),
        }
    }
}

#[cfg(test)]
mod tests;
