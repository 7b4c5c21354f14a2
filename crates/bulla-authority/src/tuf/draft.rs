//! The next state of the repository: what changes is signed, nothing else.
//!
//! A draft starts from what is published and collects files; [`Draft::finish`]
//! signs what depends on them, down to the timestamp. Versions only grow, also
//! beyond a floor from before this store. An expiry never moves back unsaid.

use bulla_core::Digest;
use bulla_store::state::Change;
use bulla_trust::tuf::metadata::{
    Delegation, Document, Pin, Role, RoleKeys, Root, Snapshot, TargetFile, Targets, TimestampRole,
    expiry,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

use super::{
    Seed, TargetChange, TopTarget, TufError, TufSettings,
    keys::Keys,
    repository::{
        Current, ONLINE_PATHS, ONLINE_ROLE, ROOT, Repository, TIMESTAMP, target_path, versioned,
    },
    settings::Life,
};

/// Most targets that the online role lists.
const TARGETS: usize = 4_096;

/// What is being made.
pub(super) struct Draft<'a> {
    keys: &'a Keys,
    settings: &'a TufSettings,
    now: Timestamp,
    seed: &'a Seed,
    published: Option<&'a Repository>,
    root: Option<Root>,
    new_root: Option<Vec<u8>>,
    targets: Option<(Targets, Vec<u8>)>,
    online: Option<Targets>,
    files: Files,
}

/// Rows to write, all of them or none.
#[derive(Default)]
pub(super) struct Files {
    pub(super) put: BTreeMap<String, Vec<u8>>,
    pub(super) delete: BTreeSet<String>,
    /// What must still be there: the root and timestamp that the draft began with.
    expected: BTreeMap<&'static str, Option<Vec<u8>>>,
}

/// What a draft came to.
pub(super) struct Finished {
    pub(super) files: Files,
    pub(super) versions: Versions,
}

/// What is in force after a commit.
#[derive(Clone, Debug)]
pub(super) struct Versions {
    pub(super) root: u64,
    pub(super) online: u64,
    pub(super) snapshot: u64,
    pub(super) timestamp: u64,
    pub(super) expires: Timestamp,
}

impl<'a> Draft<'a> {
    /// From what is published.
    pub(super) fn new(
        published: Option<&'a Repository>,
        keys: &'a Keys,
        settings: &'a TufSettings,
        now: Timestamp,
        seed: &'a Seed,
    ) -> Self {
        Self {
            keys,
            settings,
            now,
            seed,
            published,
            root: published.map(|repository| repository.root.clone()),
            new_root: None,
            targets: None,
            online: None,
            files: Files::default(),
        }
    }

    /// Signs root and targets again where their keys are here and it is time,
    /// and lists these files.
    pub(super) fn renew(&mut self, top: &[TopTarget]) -> Result<(), TufError> {
        let root = match self.root.clone() {
            Some(root) => root,
            None => self.make_root()?,
        };
        if self.keys.speaks_for(Role::Root, &root) {
            self.renew_root(root.clone())?;
        }
        if self.keys.speaks_for(Role::Targets, &root) {
            self.renew_targets(top)?;
        }
        Ok(())
    }

    /// The first root of an instance whose keys are all here.
    fn make_root(&mut self) -> Result<Root, TufError> {
        let root = first_root(self.keys, self.settings, self.seed.since)?;
        let mut document = root.document()?;
        self.keys.sign("root", &mut document, &root.root)?;
        self.root = Some(root.clone());
        self.put_root(root.version, document.to_bytes()?);
        Ok(root)
    }

    /// The next root: when it is time, or when an online key was replaced.
    fn renew_root(&mut self, root: Root) -> Result<(), TufError> {
        let mut next = root.clone();
        for (role, name) in [(Role::Snapshot, "snapshot"), (Role::Timestamp, "timestamp")] {
            let newest = RoleKeys::one(self.keys.newest(name)?.public().clone())?;
            match role {
                Role::Snapshot => next.snapshot = newest,
                _ => next.timestamp = newest,
            }
        }
        let life = self.settings.root();
        if next == root && !life.is_due(root.expires, self.now) {
            return Ok(());
        }
        next.version += 1;
        next.expires = self.expires("root", Some(root.expires), life);
        let mut document = next.document()?;
        self.keys.sign("root", &mut document, &root.root)?;
        let bytes = document.to_bytes()?;
        let next = root.next(&bytes)?;
        self.put_root(next.version, bytes);
        self.root = Some(next);
        Ok(())
    }

    fn renew_targets(&mut self, top: &[TopTarget]) -> Result<(), TufError> {
        if top.is_empty() {
            // Who does not know the documents does not take them from clients.
            return Ok(());
        }
        let delegation = Delegation {
            name: ONLINE_ROLE.into(),
            keys: RoleKeys::one(self.keys.newest(ONLINE_ROLE)?.public().clone())?,
            paths: ONLINE_PATHS.map(String::from).into(),
        };
        let files: BTreeMap<String, TargetFile> = top
            .iter()
            .map(|target| (target.path.clone(), target.file()))
            .collect();
        let life = self.settings.targets();
        let current = self.current();
        if let Some(Current { targets, .. }) = current
            && targets.files == files
            && targets.delegation.as_ref() == Some(&delegation)
            && !life.is_due(targets.expires, self.now)
        {
            return Ok(());
        }
        let targets = Targets {
            version: self.next(current.map(|current| current.targets.version)),
            expires: self.expires("targets", current.map(|c| c.targets.expires), life),
            files,
            delegation: Some(delegation),
        };
        let mut document = targets.document()?;
        self.keys
            .sign("targets", &mut document, &self.root()?.targets)?;
        for target in top {
            self.put_content(&target.path, &target.bytes);
        }
        self.put_targets(targets, &document)
    }

    /// Takes in roots that others signed.
    pub(super) fn follow(&mut self, roots: &[Vec<u8>]) -> Result<(), TufError> {
        for bytes in roots {
            let next = match &self.root {
                Some(root) => root.next(bytes)?,
                // The ceremony that makes an instance's first root.
                None => Root::first(bytes)?,
            };
            self.put_root(next.version, bytes.clone());
            self.root = Some(next);
        }
        Ok(())
    }

    /// Takes in targets that others signed, with the files that they list.
    pub(super) fn list(
        &mut self,
        bytes: &[u8],
        contents: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), TufError> {
        let document = Document::parse(bytes)?;
        document.require(&self.root()?.targets)?;
        let targets = Targets::read(&document)?;
        let known = self.current().map(|current| &current.targets);
        if known.is_some_and(|known| targets.version <= known.version) {
            let current = known.map_or(0, |known| known.version);
            return Err(TufError::DoesNotFit {
                why: format!(
                    "its targets are version {}, and {current} is published",
                    targets.version
                ),
            });
        }
        for (path, file) in &targets.files {
            let content = contents
                .get(path)
                .filter(|bytes| file.sha256.matches(bytes));
            let kept = known.and_then(|known| known.files.get(path));
            match content {
                Some(bytes) => self.put_content(path, bytes),
                None if kept.is_some_and(|kept| kept.sha256 == file.sha256) => {}
                None => {
                    return Err(TufError::DoesNotFit {
                        why: format!("it lists {path}, but the file is not with it"),
                    });
                }
            }
        }
        self.put_targets(targets, &document)
    }

    /// Changes what the online role lists.
    pub(super) fn change(&mut self, changes: &[TargetChange]) -> Result<(), TufError> {
        let listed = self.current().and_then(|current| current.online.as_ref());
        let mut files = listed
            .map(|online| online.files.clone())
            .unwrap_or_default();
        for change in changes {
            match change {
                TargetChange::Put { path, bytes } => {
                    self.put_content(path, bytes);
                    files.insert(path.clone(), TargetFile::of(bytes));
                }
                TargetChange::Remove { path } => {
                    files.remove(path);
                }
            }
        }
        if files.len() > TARGETS {
            return Err(TufError::TooMany {
                count: files.len(),
                limit: TARGETS,
            });
        }
        if listed.is_none_or(|online| online.files != files) {
            let online = self.next_online(files);
            self.online = Some(online);
        }
        Ok(())
    }

    /// Signs what depends on the changes, or is due; `None` if nothing is.
    pub(super) fn finish(mut self) -> Result<Option<Finished>, TufError> {
        self.sign_online()?;
        let current = self.current();
        let root_changed = self.new_root.is_some();
        if let (true, None, Some(current)) = (root_changed, &self.targets, current)
            && current
                .targets_document
                .require(&self.root()?.targets)
                .is_err()
        {
            return Err(TufError::DoesNotFit {
                why: "its root names other keys for the targets, and they signed none".into(),
            });
        }
        let mut roles = match current {
            Some(current) => current.snapshot.roles.clone(),
            None => BTreeMap::new(),
        };
        if let Some((targets, bytes)) = &self.targets {
            roles.insert("targets".into(), Pin::of(targets.version, bytes));
        }
        if let Some(online) = &self.online {
            let path = versioned(ONLINE_ROLE, online.version);
            let bytes = self.files.put.get(&path).map(Vec::as_slice);
            roles.insert(
                ONLINE_ROLE.into(),
                Pin::of(online.version, bytes.unwrap_or_default()),
            );
        }
        if !roles.contains_key("targets") {
            // Before the first targets there is nothing to vouch for.
            return Err(TufError::NoRoot);
        }
        let life = self.settings.snapshot();
        let snapshot_changed = root_changed
            || current.is_none_or(|current| {
                current.snapshot.roles != roles || life.is_due(current.snapshot.expires, self.now)
            });
        let (snapshot, pin) = match (snapshot_changed, current) {
            (false, Some(current)) => {
                (current.snapshot.clone(), current.timestamp.snapshot.clone())
            }
            (_, current) => {
                let snapshot = Snapshot {
                    version: self.next(current.map(|current| current.snapshot.version)),
                    expires: self.expires("snapshot", current.map(|c| c.snapshot.expires), life),
                    roles,
                };
                let mut document = snapshot.document()?;
                self.keys
                    .sign("snapshot", &mut document, &self.root()?.snapshot)?;
                let bytes = document.to_bytes()?;
                let pin = Pin::of(snapshot.version, &bytes);
                self.files
                    .put
                    .insert(versioned("snapshot", snapshot.version), bytes);
                (snapshot, pin)
            }
        };
        let life = self.settings.timestamp();
        let due = current.is_none_or(|current| life.is_due(current.timestamp.expires, self.now));
        if !snapshot_changed && !due {
            return Ok(None);
        }
        let timestamp = TimestampRole {
            version: self.next(current.map(|current| current.timestamp.version)),
            expires: self.expires("timestamp", current.map(|c| c.timestamp.expires), life),
            snapshot: pin,
        };
        let mut document = timestamp.document()?;
        self.keys
            .sign("timestamp", &mut document, &self.root()?.timestamp)?;
        let before = current.map(|current| current.timestamp_bytes.clone());
        self.files.expected.insert(TIMESTAMP, before);
        self.files
            .put
            .insert(TIMESTAMP.into(), document.to_bytes()?);
        let online = self
            .online
            .as_ref()
            .or(current.and_then(|c| c.online.as_ref()));
        Ok(Some(Finished {
            versions: Versions {
                root: self.root()?.version,
                online: online.map_or(0, |online| online.version),
                snapshot: snapshot.version,
                timestamp: timestamp.version,
                expires: timestamp.expires,
            },
            files: self.files,
        }))
    }

    /// The delegated role is signed when it changed, is due, or its key did change.
    fn sign_online(&mut self) -> Result<(), TufError> {
        let published = self.published.and_then(Repository::delegation);
        let delegation = match &self.targets {
            Some((targets, _)) => targets.delegation.as_ref(),
            None => published,
        };
        let Some(delegation) = delegation.filter(|delegation| delegation.name == ONLINE_ROLE)
        else {
            return Ok(());
        };
        let listed = self.current().and_then(|current| current.online.as_ref());
        let is_due =
            listed.is_none_or(|online| self.settings.online().is_due(online.expires, self.now));
        let other_key = published.is_none_or(|published| published.keys != delegation.keys);
        let online = match self.online.take() {
            Some(online) => online,
            None if is_due || other_key => self.next_online(
                listed
                    .map(|online| online.files.clone())
                    .unwrap_or_default(),
            ),
            None => return Ok(()),
        };
        let mut document = online.document()?;
        self.keys
            .sign(ONLINE_ROLE, &mut document, &delegation.keys)?;
        let path = versioned(ONLINE_ROLE, online.version);
        self.files.put.insert(path, document.to_bytes()?);
        self.online = Some(online);
        Ok(())
    }

    fn next_online(&self, files: BTreeMap<String, TargetFile>) -> Targets {
        let listed = self.current().and_then(|current| current.online.as_ref());
        let life = self.settings.online();
        Targets {
            version: self.next(listed.map(|online| online.version)),
            expires: self.expires(ONLINE_ROLE, listed.map(|online| online.expires), life),
            files,
            delegation: None,
        }
    }

    fn current(&self) -> Option<&'a Current> {
        self.published?.current.as_ref()
    }

    fn root(&self) -> Result<&Root, TufError> {
        self.root.as_ref().ok_or(TufError::NoRoot)
    }

    fn put_root(&mut self, version: u64, bytes: Vec<u8>) {
        let before = self
            .published
            .map(|repository| repository.root_bytes.clone());
        self.files.expected.insert(ROOT, before);
        self.files
            .put
            .insert(versioned("root", version), bytes.clone());
        self.files.put.insert(ROOT.into(), bytes.clone());
        self.new_root = Some(bytes);
    }

    fn put_targets(&mut self, targets: Targets, document: &Document) -> Result<(), TufError> {
        let bytes = document.to_bytes()?;
        let path = versioned("targets", targets.version);
        self.files.put.insert(path, bytes.clone());
        self.targets = Some((targets, bytes));
        Ok(())
    }

    fn put_content(&mut self, path: &str, bytes: &[u8]) {
        let hash = Digest::sha256(bytes);
        let path = target_path(path, hash.hex());
        self.files.put.insert(path, bytes.to_vec());
    }

    fn next(&self, version: Option<u64>) -> u64 {
        version.unwrap_or(0).max(self.seed.floor).saturating_add(1)
    }

    /// When something signed now expires. A clock that was set back moves no
    /// expiry back; one that had been far ahead does, and it is said.
    fn expires(&self, role: &str, before: Option<Timestamp>, life: Life) -> Timestamp {
        let wanted = expiry(self.now, life.holds);
        let Some(before) = before.filter(|before| *before > wanted) else {
            return wanted;
        };
        let kept = before.duration_since(wanted) <= life.holds;
        tracing::warn!(
            target: "audit", event = "tuf.clock-behind", role, %before, now = %self.now, kept,
            "the clock is behind what was signed before"
        );
        if kept { before } else { wanted }
    }
}

impl Files {
    /// As one batch of the store.
    pub(super) fn changes(&self) -> Vec<Change<'_>> {
        let put = self
            .put
            .iter()
            .map(|(key, value)| match self.expected.get(key.as_str()) {
                Some(expected) => Change::Swap {
                    key,
                    expected: expected.as_deref(),
                    value,
                },
                None => Change::Put { key, value },
            });
        let delete = self.delete.iter().map(|key| Change::Delete { key });
        put.chain(delete).collect()
    }
}

/// The root of a new instance, all of whose keys are here.
fn first_root(keys: &Keys, settings: &TufSettings, since: Timestamp) -> Result<Root, TufError> {
    let one = |key: Option<&std::sync::Arc<dyn bulla_crypto::Signer>>| {
        let key = key.ok_or(TufError::NoRoot)?;
        Ok::<_, TufError>(RoleKeys::one(key.public().clone())?)
    };
    Ok(Root {
        version: 1,
        expires: expiry(since, settings.root().holds),
        root: one(keys.root.as_ref())?,
        targets: one(keys.targets.as_ref())?,
        snapshot: one(Some(keys.newest("snapshot")?))?,
        timestamp: one(Some(keys.newest("timestamp")?))?,
    })
}
