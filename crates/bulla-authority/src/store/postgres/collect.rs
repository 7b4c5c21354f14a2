//! Garbage: objects that a deposed writer or a failed commit left behind.
//!
//! Only an object whose place in the log is taken, by a committed row, with
//! *another* digest is removed. Rows of full tiles and bundles never change, so
//! nothing that any checkpoint needs can ever be contradicted that way; an object
//! whose place is not committed yet may be the next commit's, and stays.

use bulla_store::{ObjectName, sqlx};
use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use super::{
    super::{StoreError, sql::signed},
    BUNDLE, PostgresStore,
    object::{folder, parse},
};

/// Names of one step.
const STEP: usize = 500;
/// It lists every object, so it is not done each minute.
const INTERVAL: Duration = Duration::from_secs(3600);

impl PostgresStore {
    /// Once an hour; whoever begins to lead waits for that long too.
    pub(super) async fn collect_if_due(&self, log: &'static str) -> Result<u64, StoreError> {
        let now = Instant::now();
        let due = {
            let mut collected = self
                .collected
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let last = collected.entry(log).or_insert(now);
            let due = now.duration_since(*last) >= INTERVAL;
            if due {
                *last = now;
            }
            due
        };
        if due {
            self.collect_now(log).await
        } else {
            Ok(0)
        }
    }

    /// Removes what was left behind below all folders of `log`; how many objects.
    pub(super) async fn collect_now(&self, log: &'static str) -> Result<u64, StoreError> {
        let query = sqlx::query_scalar("SELECT DISTINCT kind FROM log_object WHERE log = $1")
            .bind(log)
            .fetch_all(self.state.pool());
        let mut kinds: Vec<i16> = self.state.within(query).await?;
        if !kinds.contains(&BUNDLE) {
            kinds.push(BUNDLE);
        }
        let mut removed = 0;
        for kind in kinds {
            let folder = folder(log, kind);
            let place = ObjectName::new(folder.clone())?;
            let mut after: Option<ObjectName> = None;
            loop {
                let names = self.objects.list(&place, after.as_ref(), STEP).await?;
                let Some(last) = names.last().cloned() else {
                    break;
                };
                removed += self.collect_some(log, kind, &folder, names).await?;
                after = Some(last);
            }
        }
        Ok(removed)
    }

    async fn collect_some(
        &self,
        log: &'static str,
        kind: i16,
        folder: &str,
        names: Vec<ObjectName>,
    ) -> Result<u64, StoreError> {
        let ours: Vec<_> = names
            .into_iter()
            .filter_map(|name| parse(folder, &name).map(|(index, digest)| (name, index, digest)))
            .collect();
        let indexes = ours.iter().map(|(_, index, _)| signed(*index));
        let indexes: Vec<i64> = indexes.collect::<Result<_, _>>()?;
        let digests: Vec<&[u8]> = ours.iter().map(|(.., digest)| &digest[..]).collect();
        let query = sqlx::query_scalar(
            "SELECT n.place FROM unnest($3::bigint[], $4::bytea[])
                WITH ORDINALITY AS n (idx, digest, place)
             JOIN log_object o ON o.log = $1 AND o.kind = $2 AND o.idx = n.idx
             WHERE o.digest <> n.digest",
        )
        .bind(log)
        .bind(kind)
        .bind(indexes)
        .bind(digests)
        .fetch_all(self.state.pool());
        let contradicted: Vec<i64> = self.state.within(query).await?;
        let mut removed = 0;
        for place in contradicted {
            let place = usize::try_from(place - 1).map_err(|_| StoreError::Range)?;
            let (name, ..) = ours.get(place).ok_or(StoreError::Range)?;
            self.objects.delete(name).await?;
            removed += 1;
        }
        Ok(removed)
    }
}
