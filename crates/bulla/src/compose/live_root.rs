//! The instance's trust root in a process that keeps running: read again when
//! another list of revocations lies in the instance's directory.

use bulla_admission::Verifier;
use bulla_core::Digest;
use bulla_policy::{Evidence, Seal};
use bulla_trust::TrustRoot;
use jiff::Timestamp;
use std::{
    fs,
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use crate::{
    failure::Failure,
    instance::Home,
    journey::{evidence, revocations},
};

/// The root, as the directory has it now.
pub struct LiveRoot {
    home: Home,
    read: RwLock<Read>,
}

#[derive(Clone)]
struct Read {
    roots: Arc<Vec<TrustRoot>>,
    list: Option<SystemTime>,
}

impl LiveRoot {
    /// Reads it for the first time.
    ///
    /// # Errors
    /// If the instance's documents cannot be read.
    pub fn open(home: Home) -> Result<Self, Failure> {
        let read = RwLock::new(read(&home)?);
        Ok(Self { home, read })
    }

    fn now(&self) -> Arc<Vec<TrustRoot>> {
        let known = self
            .read
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if written(&self.home) == known.list {
            return known.roots;
        }
        match read(&self.home) {
            Ok(read) => {
                *self.read.write().unwrap_or_else(PoisonError::into_inner) = read.clone();
                read.roots
            }
            // The old list stays in force until it is too old to count.
            Err(failure) => {
                tracing::warn!(%failure, "the trust root cannot be read again");
                known.roots
            }
        }
    }
}

fn written(home: &Home) -> Option<SystemTime> {
    fs::metadata(revocations::file(home))
        .and_then(|found| found.modified())
        .ok()
}

fn read(home: &Home) -> Result<Read, Failure> {
    // Asked before reading: what is written meanwhile is seen the next time.
    let list = written(home);
    let roots = Arc::new(vec![evidence::instance_trust_root(home)?]);
    Ok(Read { roots, list })
}

impl Verifier for LiveRoot {
    fn roots(&self) -> Digest {
        self.now().roots()
    }

    fn collect(&self, seals: &[Seal], digest: &Digest, now: Timestamp) -> Evidence {
        self.now().collect(seals, digest, now)
    }
}
