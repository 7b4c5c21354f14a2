//! Leads a log again whose sequencer fell: for a process that leads alone.
//!
//! A sequencer that panicked is gone with what it held in memory; what it had
//! acknowledged is in the store. So the log is taken over as at the start: the
//! tree is read and checked, the epoch is a new one, and nothing that the old one
//! had on its way can be committed any more. One that falls again and again is
//! brought back more and more slowly. Where there are replicas, the lease does this.

use jiff::Timestamp;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};

use super::Log;

/// Between a fall and the first try; doubled with each that follows.
const FIRST: Duration = Duration::from_millis(100);
/// The longest of these pauses.
const LONGEST: Duration = Duration::from_secs(30);
/// After that long without a fall the last ones are forgotten.
const STEADY: Duration = Duration::from_secs(600);

/// That a sequencer fell, lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fall {
    /// Of which log.
    pub log: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// How often, since then.
    pub times: u32,
    /// Why it does not lead yet; nothing once it leads again.
    pub down: Option<String>,
}

/// Who brings a log's sequencer back.
pub struct Keeper {
    log: Log,
    first: Duration,
    last: Mutex<Option<Last>>,
}

struct Last {
    fall: Fall,
    /// Since when it leads again, if it does.
    up: Option<Instant>,
}

impl Keeper {
    /// For this log.
    pub fn new(log: Log) -> Self {
        Self {
            log,
            first: FIRST,
            last: Mutex::default(),
        }
    }

    /// The last fall, until it is forgotten.
    pub fn fall(&self) -> Option<Fall> {
        self.last().as_ref().map(|last| last.fall.clone())
    }

    /// Leads the log again whenever its sequencer fell; returns once it was told to
    /// stop, or another process took over.
    pub async fn keep(self: Arc<Self>) {
        while let Some(epoch) = self.log.fallen().await {
            let mut pause = self.fell(epoch);
            loop {
                sleep(pause).await;
                match self.log.lead_again(epoch).await {
                    Ok(true) => break self.rose(),
                    Ok(false) => break,
                    Err(error) => {
                        let log = self.log.name();
                        tracing::error!(log, %error, "the log cannot be taken over again yet");
                        self.is_down(error.to_string());
                        pause = (pause * 2).min(LONGEST);
                    }
                }
            }
        }
    }

    /// Notes a fall; how long to wait before the first try.
    fn fell(&self, epoch: u64) -> Duration {
        let log = self.log.name();
        let mut last = self.last();
        let times = last.as_ref().map_or(0, |last| last.fall.times);
        let since = last.as_ref().map(|last| last.fall.since);
        let times = times.saturating_add(1);
        tracing::error!(target: "audit", event = "log.sequencer.fell", log, epoch, times);
        *last = Some(Last {
            fall: Fall {
                log,
                since: since.unwrap_or_else(|| self.log.now()),
                times,
                down: Some("its sequencer panicked".into()),
            },
            up: None,
        });
        let doubled = 2_u32.saturating_pow(times.saturating_sub(1));
        self.first.saturating_mul(doubled).min(LONGEST)
    }

    fn is_down(&self, why: String) {
        if let Some(last) = &mut *self.last() {
            last.fall.down = Some(why);
        }
    }

    fn rose(&self) {
        let log = self.log.name();
        tracing::info!(target: "audit", event = "log.sequencer.leads-again", log);
        if let Some(last) = &mut *self.last() {
            last.fall.down = None;
            last.up = Some(Instant::now());
        }
    }

    /// What is not forgotten.
    fn last(&self) -> MutexGuard<'_, Option<Last>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let steady = |last: &mut Last| last.up.is_some_and(|up| up.elapsed() >= STEADY);
        last.take_if(steady);
        last
    }
}

#[cfg(test)]
mod tests;
