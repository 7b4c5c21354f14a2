//! The two ports of the TUF workflow, filled from memory.
//!
//! [`Answers`] stands for the repository: what was fetched is answered at once,
//! the first thing that was not ends the run and is remembered. [`Stored`]
//! stands for the cache: it holds verified metadata and nothing else.

use sigstore_tuf::{Error, MetadataStore, Repository, Result, transport::FetchFuture};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Files, Need};

/// Files of the repository, as far as they were fetched.
#[derive(Clone, Default)]
pub(super) struct Answers {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    known: BTreeMap<String, Option<Vec<u8>>>,
    missing: Option<Need>,
}

impl Answers {
    pub(super) fn add(&self, need: &Need, bytes: Option<Vec<u8>>) {
        let mut inner = self.lock();
        inner.known.insert(need.path.clone(), bytes);
        inner.missing = None;
    }

    pub(super) fn missing(&self) -> Option<Need> {
        self.lock().missing.clone()
    }

    pub(super) fn count(&self) -> usize {
        self.lock().known.len()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, path: String, limit: u64) -> Result<Option<Vec<u8>>> {
        let mut inner = self.lock();
        if let Some(answer) = inner.known.get(&path) {
            return Ok(answer.clone());
        }
        inner.missing.get_or_insert(Need { path, limit });
        Err(Error::transport("not fetched yet"))
    }
}

impl Repository for Answers {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        let answer = self.get(name.to_owned(), max_length);
        Box::pin(std::future::ready(answer))
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        let answer = self.get(format!("targets/{path}"), max_length);
        Box::pin(std::future::ready(answer))
    }
}

/// Metadata that was verified, in this run or an earlier one.
#[derive(Clone)]
pub(super) struct Stored {
    files: Arc<Mutex<Files>>,
}

impl Stored {
    pub(super) fn new(files: Files) -> Self {
        Self {
            files: Arc::new(Mutex::new(files)),
        }
    }

    /// What is worth keeping: roots, and the newest of each other role. Versioned
    /// copies and targets are not read back.
    pub(super) fn metadata(&self) -> Files {
        let kept = |name: &str| {
            name.starts_with("root_history/")
                || matches!(
                    name,
                    "root.json" | "timestamp.json" | "snapshot.json" | "targets.json"
                )
        };
        let files = self.lock().clone();
        files.into_iter().filter(|(name, _)| kept(name)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MetadataStore for Stored {
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>> {
        // A target is taken from the repository's metadata of this very run.
        if name.starts_with("targets/") {
            return Ok(None);
        }
        Ok(self.lock().get(name).cloned())
    }

    fn store(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.lock().insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }
}
