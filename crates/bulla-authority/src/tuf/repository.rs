//! What is published now, as the store holds it.
//!
//! The store is believed no more than a mirror: what is not pinned by the
//! timestamp, or a timestamp that the root's keys did not sign, is damage. So
//! whoever can write rows, but has no key, gets nothing signed.

use bulla_store::Values;
use bulla_trust::tuf::metadata::{
    Delegation, Document, Pin, Root, Snapshot, Targets, TimestampRole,
};

use super::TufError;

/// Where the repository's files are, by their paths.
pub(super) const SPACE: &str = "tuf";
pub(super) const ROOT: &str = "root.json";
pub(super) const TIMESTAMP: &str = "timestamp.json";
/// The role for what changes daily.
pub const ONLINE_ROLE: &str = "online";
/// What it may name.
pub const ONLINE_PATHS: [&str; 4] = [
    "revocations/*",
    "policies/*",
    "advisories/*",
    "advisories/*/*",
];

/// The published state, verified.
pub(super) struct Repository {
    pub(super) root: Root,
    pub(super) root_bytes: Vec<u8>,
    /// What is swapped by every change; absent before the first.
    pub(super) current: Option<Current>,
}

/// Everything below the root.
pub(super) struct Current {
    pub(super) timestamp: TimestampRole,
    pub(super) timestamp_bytes: Vec<u8>,
    pub(super) snapshot: Snapshot,
    pub(super) targets: Targets,
    pub(super) targets_document: Document,
    pub(super) online: Option<Targets>,
}

impl Repository {
    /// Loads it; `None` before there is a root.
    pub(super) async fn load(values: &Values) -> Result<Option<Self>, TufError> {
        let Some(root_bytes) = values.get(SPACE, ROOT).await? else {
            return Ok(None);
        };
        let root = Root::first(&root_bytes)?;
        let current = match values.get(SPACE, TIMESTAMP).await? {
            Some(bytes) => Some(Current::load(values, &root, bytes).await?),
            None => None,
        };
        Ok(Some(Self {
            root,
            root_bytes,
            current,
        }))
    }

    /// The delegation in force.
    pub(super) fn delegation(&self) -> Option<&Delegation> {
        let current = self.current.as_ref()?;
        current.targets.delegation.as_ref()
    }
}

impl Current {
    async fn load(values: &Values, root: &Root, bytes: Vec<u8>) -> Result<Self, TufError> {
        let document = Document::parse(&bytes)?;
        document.require(&root.timestamp)?;
        let timestamp = TimestampRole::read(&document)?;
        let snapshot = pinned(values, "snapshot", &timestamp.snapshot).await?;
        let snapshot = Snapshot::read(&snapshot)?;
        let pin = snapshot
            .roles
            .get("targets")
            .ok_or_else(|| TufError::Damaged {
                what: "the snapshot names no targets".into(),
            })?;
        let targets_document = pinned(values, "targets", pin).await?;
        let online = match snapshot.roles.get(ONLINE_ROLE) {
            Some(pin) => Some(Targets::read(&pinned(values, ONLINE_ROLE, pin).await?)?),
            None => None,
        };
        Ok(Self {
            timestamp,
            timestamp_bytes: bytes,
            snapshot,
            targets: Targets::read(&targets_document)?,
            targets_document,
            online,
        })
    }
}

async fn pinned(values: &Values, role: &str, pin: &Pin) -> Result<Document, TufError> {
    let path = versioned(role, pin.version);
    let bytes = values.get(SPACE, &path).await?;
    let bytes = bytes.filter(|bytes| pin.sha256.matches(bytes));
    let bytes = bytes.ok_or_else(|| TufError::Damaged {
        what: format!("{path} is missing, or another than the timestamp vouches for"),
    })?;
    Ok(Document::parse(&bytes)?)
}

/// `3.targets.json`
pub(super) fn versioned(role: &str, version: u64) -> String {
    format!("{version}.{role}.json")
}

/// `targets/revocations/HASH.list.json`
pub(super) fn target_path(path: &str, hash: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, name)) => format!("targets/{folder}/{hash}.{name}"),
        None => format!("targets/{hash}.{path}"),
    }
}
