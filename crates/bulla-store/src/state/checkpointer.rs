//! Moves the write-ahead log into the database file, beside the commits.
//!
//! SQLite itself does it within a commit, which then waits for the disk several
//! times. Here another connection copies what is there without holding anybody
//! up, each second at the most; once the log is long it is begun anew, for which
//! commits wait only as long as the pages of the last moment take.

use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};
use std::{sync::atomic::Ordering, time::Duration};

use super::StateStore;

/// Pages after which a commit does it, should it not happen here.
pub(super) const LAST_RESORT_PAGES: &str = "65536";
/// Pages after which the log is begun anew.
const RESTART_PAGES: i64 = 4096;
const INTERVAL: Duration = Duration::from_secs(1);

/// Works until the store is closed or dropped.
pub(super) fn spawn(options: SqliteConnectOptions, state: &StateStore) {
    let commits = std::sync::Arc::downgrade(&state.commits);
    let (closed, working) = (state.writer.close_event(), state.checkpointing.clone());
    let work = async move {
        let mut seen = 0;
        loop {
            tokio::time::sleep(INTERVAL).await;
            let Some(now) = commits.upgrade().map(|count| count.load(Ordering::Relaxed)) else {
                return;
            };
            let _working = working.lock().await;
            // A failure loses nothing: it is tried again, and then a commit does it.
            if now != seen && checkpoint(&options).await.is_ok() {
                seen = now;
            }
        }
    };
    tokio::spawn(async move {
        tokio::select! {
            () = work => {}
            () = closed => {}
        }
    });
}

async fn checkpoint(options: &SqliteConnectOptions) -> Result<(), sqlx::Error> {
    // Not kept open: whoever closes the file last removes the write-ahead log.
    let mut connection = options.connect().await?;
    let (_, pages, _): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)")
        .fetch_one(&mut connection)
        .await?;
    if pages >= RESTART_PAGES {
        sqlx::query("PRAGMA wal_checkpoint(RESTART)")
            .execute(&mut connection)
            .await?;
    }
    connection.close().await
}
