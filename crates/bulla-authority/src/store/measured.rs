//! A store whose group commits are timed. It changes nothing else.

use bytes::Bytes;
use std::{sync::Arc, time::Instant};

use super::{Commit, LogStore, Pending, Tree};
use crate::metrics::Metrics;

/// Passes everything on.
pub struct Measured {
    store: Arc<dyn LogStore>,
    metrics: Metrics,
}

impl Measured {
    /// Times the commits of `store`.
    pub fn new(store: Arc<dyn LogStore>, metrics: Metrics) -> Self {
        Self { store, metrics }
    }
}

impl LogStore for Measured {
    fn document<'a>(&'a self, name: &'a str) -> Pending<'a, Option<Vec<u8>>> {
        self.store.document(name)
    }

    fn create_document<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Pending<'a, Vec<u8>> {
        self.store.create_document(name, bytes)
    }

    fn put_document<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Pending<'a, ()> {
        self.store.put_document(name, bytes)
    }

    fn take_over(&self, log: &'static str, epoch: Option<u64>) -> Pending<'_, Tree> {
        self.store.take_over(log, epoch)
    }

    fn tree(&self, log: &'static str) -> Pending<'_, Option<Tree>> {
        self.store.tree(log)
    }

    fn commit(&self, commit: Commit) -> Pending<'_, ()> {
        Box::pin(async move {
            let (log, entries, began) = (commit.log, commit.entries.len(), Instant::now());
            self.store.commit(commit).await?;
            self.metrics.commit(log, entries, began.elapsed());
            Ok(())
        })
    }

    fn publish<'a>(
        &'a self,
        log: &'static str,
        epoch: u64,
        size: u64,
        note: &'a str,
    ) -> Pending<'a, ()> {
        self.store.publish(log, epoch, size, note)
    }

    fn tile(&self, log: &'static str, level: u8, index: u64) -> Pending<'_, Option<Vec<u8>>> {
        self.store.tile(log, level, index)
    }

    fn entries(&self, log: &'static str, first: u64, count: u16) -> Pending<'_, Vec<Bytes>> {
        self.store.entries(log, first, count)
    }

    fn find_all<'a>(
        &'a self,
        log: &'static str,
        identities: &'a [[u8; 32]],
    ) -> Pending<'a, Vec<Option<u64>>> {
        self.store.find_all(log, identities)
    }
}
