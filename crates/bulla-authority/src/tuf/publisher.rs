//! Publishing: one change after the other, each of them whole.
//!
//! Callers in this process share group commits; other processes are kept apart
//! by compare-and-swap of `root.json` and `timestamp.json`.

use bulla_core::Clock;
use bulla_crypto::PublicKey;
use bulla_store::Values;
use bulla_trust::tuf::metadata::{Document, Role, TargetFile, Targets};
use jiff::Timestamp;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, RwLock},
};
use tokio::sync::oneshot;

use super::{
    Installed, Offline, TargetChange, TopTarget, TufError, TufSettings, ages,
    draft::{Draft, Files, Versions},
    install,
    keys::{self, Keys},
    repository::{ONLINE_ROLE, ROOT, Repository, SPACE, target_path, versioned},
};
use crate::{error::AuthorityError, health::Lifetime, key_slot::KeySlots};

mod rotate;

/// How often a change is tried against other processes.
const TRIES: u32 = 16;
/// Former versions that stay, for clients in the middle of an update.
const FORMER: u64 = 16;

/// What is in force after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Of the online role.
    pub online_version: u64,
    /// Of the snapshot.
    pub snapshot_version: u64,
    /// Of the timestamp.
    pub timestamp_version: u64,
    /// When the timestamp expires.
    pub expires: Timestamp,
}

/// What a repository begins with, if the store has none yet.
#[derive(Clone, Debug, Default)]
pub struct Seed {
    /// The first root of an instance that kept it elsewhere.
    pub root: Option<Vec<u8>>,
    /// No version up to this one is given again.
    pub floor: u64,
    /// When the instance was created.
    pub since: Timestamp,
}

/// The repository of one instance. Cheap to clone; its state is in the store.
#[derive(Clone)]
pub struct Publisher {
    inner: Arc<Inner>,
}

struct Inner {
    values: Values,
    slots: KeySlots,
    settings: TufSettings,
    clock: Arc<dyn Clock>,
    seed: Seed,
    top: RwLock<Vec<TopTarget>>,
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
    lifetimes: RwLock<Vec<Lifetime>>,
}

struct Waiting {
    changes: Vec<TargetChange>,
    tell: oneshot::Sender<Result<Published, TufError>>,
}

impl Publisher {
    /// Publishes `top` if it is new or changed and the key of the targets is here;
    /// whether it is.
    ///
    /// # Errors
    /// [`TufError::NoRoot`] if the root is to be offline and there is none yet;
    /// [`TufError`] if metadata cannot be read or signed.
    pub async fn open(&self, top: Vec<TopTarget>) -> Result<bool, TufError> {
        *self
            .inner
            .top
            .write()
            .unwrap_or_else(PoisonError::into_inner) = top;
        self.commit(self.inner.clock.now(), |_| Ok(())).await?;
        let Inner {
            values,
            slots,
            settings,
            ..
        } = &*self.inner;
        let Some(repository) = Repository::load(values).await? else {
            return Err(TufError::NoRoot);
        };
        // A ceremony that was taken in, by a process that ended right then.
        keys::retire(values, slots).await?;
        let keys = Keys::load(slots, values, settings).await?;
        Ok(keys.speaks_for(Role::Targets, &repository.root))
    }

    /// The repository as the store has it; nothing is made or signed.
    pub fn new(
        values: Values,
        slots: KeySlots,
        settings: TufSettings,
        clock: Arc<dyn Clock>,
        seed: Seed,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                values,
                slots,
                settings,
                clock,
                seed,
                top: RwLock::default(),
                waiting: Mutex::default(),
                turn: tokio::sync::Mutex::default(),
                lifetimes: RwLock::default(),
            }),
        }
    }

    /// The newest keys of snapshot, timestamp and the online role.
    pub(crate) async fn online_keys(&self) -> Result<[PublicKey; 3], TufError> {
        let Inner {
            values,
            slots,
            settings,
            ..
        } = &*self.inner;
        let keys = Keys::load(slots, values, settings).await?;
        let public = |role| Ok::<_, TufError>(keys.newest(role)?.public().clone());
        Ok([
            public("snapshot")?,
            public("timestamp")?,
            public(ONLINE_ROLE)?,
        ])
    }

    /// The key of the root in force, if it is here.
    pub(crate) async fn root_key(&self) -> Result<Option<PublicKey>, TufError> {
        let Inner {
            values,
            slots,
            settings,
            ..
        } = &*self.inner;
        let Some(repository) = Repository::load(values).await? else {
            return Ok(None);
        };
        let keys = Keys::load(slots, values, settings).await?;
        let speaks = keys.speaks_for(Role::Root, &repository.root);
        Ok(keys.root.filter(|_| speaks).map(|key| key.public().clone()))
    }

    /// The targets metadata in force.
    pub(crate) async fn targets_metadata(&self) -> Result<Option<Vec<u8>>, TufError> {
        let repository = Repository::load(&self.inner.values).await?;
        let Some(current) = repository.and_then(|repository| repository.current) else {
            return Ok(None);
        };
        self.file(&versioned("targets", current.targets.version))
            .await
    }

    /// The first root, wherever it was kept before, is in the store.
    pub(crate) async fn take_over(&self) -> Result<(), TufError> {
        let Inner { values, seed, .. } = &*self.inner;
        let Some(root) = &seed.root else {
            return Ok(());
        };
        let first = versioned("root", 1);
        let swap = |key, value| bulla_store::state::Change::Swap {
            key,
            expected: None,
            value,
        };
        // If another process was faster, it wrote the same.
        values
            .apply(SPACE, &[swap(&first, root), swap(ROOT, root)])
            .await?;
        Ok(())
    }

    /// The bytes of the first root.
    ///
    /// # Errors
    /// [`TufError::State`], [`TufError::NoRoot`].
    pub async fn first_root(&self) -> Result<Vec<u8>, TufError> {
        let root = self.inner.values.get(SPACE, &versioned("root", 1)).await?;
        root.ok_or(TufError::NoRoot)
    }

    /// A file of the repository, by its path.
    ///
    /// # Errors
    /// [`TufError::State`].
    pub async fn file(&self, path: &str) -> Result<Option<Vec<u8>>, TufError> {
        Ok(self.inner.values.get(SPACE, path).await?)
    }

    /// The content of a target as clients find it: the targets role first.
    ///
    /// # Errors
    /// [`TufError`] if the repository cannot be read.
    pub async fn target(&self, path: &str) -> Result<Option<Vec<u8>>, TufError> {
        let Some(repository) = Repository::load(&self.inner.values).await? else {
            return Ok(None);
        };
        let Some(current) = &repository.current else {
            return Ok(None);
        };
        let online = current.online.as_ref();
        let file = current.targets.files.get(path);
        let file = file.or_else(|| online?.files.get(path));
        let Some(file) = file else { return Ok(None) };
        let path = target_path(path, file.sha256.hex());
        Ok(self.inner.values.get(SPACE, &path).await?)
    }

    /// The paths of the online role that begin with `prefix`.
    ///
    /// # Errors
    /// [`TufError`] if the repository cannot be read.
    pub async fn targets(&self, prefix: &str) -> Result<Vec<String>, TufError> {
        let repository = Repository::load(&self.inner.values).await?;
        let online = repository.and_then(|repository| repository.current?.online);
        let paths = online.map(|online| online.files.into_keys());
        let paths = paths.into_iter().flatten();
        Ok(paths.filter(|path| path.starts_with(prefix)).collect())
    }

    /// Changes what the online role lists; all of it, or nothing. When this
    /// returns, it is durable and the next `timestamp.json` vouches for it.
    ///
    /// # Errors
    /// [`TufError::NotOnline`], [`TufError::TooLarge`], or why it was not signed.
    pub async fn publish(&self, changes: Vec<TargetChange>) -> Result<Published, TufError> {
        for change in &changes {
            change.check()?;
        }
        let (tell, told) = oneshot::channel();
        let waiting = Waiting { changes, tell };
        self.lock_waiting().push(waiting);
        // A task of its own: a caller that goes away takes nobody's commit along.
        let publisher = self.clone();
        tokio::spawn(async move { publisher.commit_waiting().await });
        told.await.map_err(|_| TufError::Stopping)?
    }

    /// Lists `bytes` under `path`.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub async fn put_target(&self, path: &str, bytes: Vec<u8>) -> Result<Published, TufError> {
        let path = path.to_owned();
        self.publish(vec![TargetChange::Put { path, bytes }]).await
    }

    /// Lists `path` no more.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub async fn remove_target(&self, path: &str) -> Result<Published, TufError> {
        let path = path.to_owned();
        self.publish(vec![TargetChange::Remove { path }]).await
    }

    /// Signs again what is due. Cheap if nothing is.
    ///
    /// # Errors
    /// [`AuthorityError::Tuf`].
    pub async fn renew(&self, now: Timestamp) -> Result<(), AuthorityError> {
        self.commit(now, |_| Ok(())).await?;
        Ok(())
    }

    /// Takes in what a ceremony signed; from then on root and targets have no
    /// key here, if the ceremony's root names other keys for them.
    ///
    /// # Errors
    /// [`TufError`] if it is not signed as it must be; nothing has changed then.
    pub async fn install(&self, offline: &Offline) -> Result<Installed, TufError> {
        let now = self.inner.clock.now();
        install::check(offline, now)?;
        let versions = self
            .commit(now, |draft| {
                draft.follow(&offline.roots)?;
                match &offline.targets {
                    Some(targets) => draft.list(targets, &offline.contents),
                    None => Ok(()),
                }
            })
            .await?;
        install::after(&self.inner.values, &self.inner.slots, offline, now).await?;
        self.look().await?;
        Ok(versions.installed())
    }

    async fn commit_waiting(&self) {
        let turn = self.inner.turn.lock().await;
        let waiting = std::mem::take(&mut *self.lock_waiting());
        if waiting.is_empty() {
            return;
        }
        let changes: Vec<TargetChange> = waiting
            .iter()
            .flat_map(|w| w.changes.iter().cloned())
            .collect();
        let now = self.inner.clock.now();
        let outcome = self
            .commit_in_turn(now, |draft| draft.change(&changes))
            .await;
        drop(turn);
        let outcome = outcome
            .map(|versions| versions.published())
            .map_err(Arc::new);
        for Waiting { tell, .. } in waiting {
            // Whoever went away does not ask any more.
            let _ = tell.send(outcome.clone().map_err(TufError::Batch));
        }
    }

    async fn commit(
        &self,
        now: Timestamp,
        change: impl Fn(&mut Draft<'_>) -> Result<(), TufError>,
    ) -> Result<Versions, TufError> {
        let _turn = self.inner.turn.lock().await;
        let versions = self.commit_in_turn(now, change).await?;
        self.look().await?;
        Ok(versions)
    }

    /// Notes how long everything holds.
    async fn look(&self) -> Result<(), TufError> {
        let Inner {
            values,
            slots,
            settings,
            lifetimes,
            ..
        } = &*self.inner;
        if let Some(repository) = Repository::load(values).await? {
            let keys = Keys::load(slots, values, settings).await?;
            let installed = install::last(values).await?;
            let now = ages::lifetimes(&repository, &keys, settings, installed);
            *lifetimes.write().unwrap_or_else(PoisonError::into_inner) = now;
        }
        Ok(())
    }

    /// How long everything holds, as this process saw it last.
    pub fn lifetimes(&self) -> Vec<Lifetime> {
        let lifetimes = self.inner.lifetimes.read();
        lifetimes.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Drafts on what is published and swaps it in, until nobody was faster.
    async fn commit_in_turn(
        &self,
        now: Timestamp,
        change: impl Fn(&mut Draft<'_>) -> Result<(), TufError>,
    ) -> Result<Versions, TufError> {
        let Inner {
            values,
            slots,
            settings,
            seed,
            top,
            ..
        } = &*self.inner;
        for _ in 0..TRIES {
            let keys = Keys::load(slots, values, settings).await?;
            let published = Repository::load(values).await?;
            let published = published.as_ref();
            let mut draft = Draft::new(published, &keys, settings, now, seed);
            change(&mut draft)?;
            let top = top.read().unwrap_or_else(PoisonError::into_inner).clone();
            draft.renew(&top)?;
            let Some(mut finished) = draft.finish()? else {
                return published.and_then(Versions::of).ok_or(TufError::Contended);
            };
            self.clear(&mut finished.files, &finished.versions).await?;
            if values.apply(SPACE, &finished.files.changes()).await? {
                let versions = finished.versions;
                tracing::info!(
                    target: "audit", event = "tuf.published",
                    root = versions.root, online = versions.online, snapshot = versions.snapshot,
                    timestamp = versions.timestamp, expires = %versions.expires,
                );
                return Ok(versions);
            }
        }
        Err(TufError::Contended)
    }

    /// What no client in the middle of an update can still ask for.
    async fn clear(&self, files: &mut Files, versions: &Versions) -> Result<(), TufError> {
        if let Some(old) = versions.snapshot.checked_sub(FORMER) {
            files.delete.insert(versioned("snapshot", old));
        }
        let path = versioned(ONLINE_ROLE, versions.online);
        if let (Some(old), Some(new)) = (
            versions.online.checked_sub(FORMER).filter(|old| *old > 0),
            files.put.get(&path),
        ) {
            let new = contents(Some(new))?;
            let old_path = versioned(ONLINE_ROLE, old);
            let next = self.file(&versioned(ONLINE_ROLE, old + 1)).await?;
            let next = contents(next.as_ref())?;
            for content in contents(self.file(&old_path).await?.as_ref())? {
                if !next.contains(&content) && !new.contains(&content) {
                    files.delete.insert(content);
                }
            }
            files.delete.insert(old_path);
        }
        Ok(())
    }

    fn lock_waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.inner
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the contents are that a piece of online targets lists.
fn contents(metadata: Option<&Vec<u8>>) -> Result<BTreeSet<String>, TufError> {
    let Some(bytes) = metadata else {
        return Ok(BTreeSet::new());
    };
    let document = Document::parse(bytes)?;
    let targets = Targets::read(&document)?;
    let path = |(path, file): (&String, &TargetFile)| target_path(path, file.sha256.hex());
    Ok(targets.files.iter().map(path).collect())
}

impl Versions {
    fn of(repository: &Repository) -> Option<Self> {
        let current = repository.current.as_ref()?;
        Some(Self {
            root: repository.root.version,
            online: current.online.as_ref().map_or(0, |online| online.version),
            snapshot: current.snapshot.version,
            timestamp: current.timestamp.version,
            expires: current.timestamp.expires,
        })
    }

    fn installed(&self) -> Installed {
        Installed {
            root_version: self.root,
            timestamp_version: self.timestamp,
        }
    }

    fn published(&self) -> Published {
        Published {
            online_version: self.online,
            snapshot_version: self.snapshot,
            timestamp_version: self.timestamp,
            expires: self.expires,
        }
    }
}
