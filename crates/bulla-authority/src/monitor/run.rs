//! The monitor of an instance: its logs in turn, where it is in each, what it found.

use bulla_core::Clock;
use bulla_store::{Values, state::Change};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{Finding, LogWatch, MonitorError, MonitorSettings, RemoteLog, Rules, WatchState};
use bulla_crypto::verifier_key::VerifierKey;

const POSITIONS: &str = "monitor";
const FINDINGS: &str = "monitor-finding";
/// Findings that are kept; the oldest go first.
const KEPT: usize = 1000;

/// A finding and when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    time: Timestamp,
    #[serde(flatten)]
    finding: Finding,
}

/// Watches logs.
pub struct Monitor {
    logs: Vec<LogWatch>,
    values: Values,
    clock: Arc<dyn Clock>,
    interval: Duration,
    /// Why a log could not be read last time, by its name.
    failures: Mutex<BTreeMap<String, String>>,
}

impl Monitor {
    /// Watches `own` logs and those of the settings.
    ///
    /// # Errors
    /// [`MonitorError`] if the settings cannot be meant so.
    pub fn new(
        settings: &MonitorSettings,
        own: impl FnOnce(&Arc<Rules>) -> Result<Vec<LogWatch>, MonitorError>,
        values: Values,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, MonitorError> {
        let rules = Arc::new(Rules::new(&settings.watch, &settings.allow)?);
        let mut logs = match settings.own {
            true => own(&rules)?,
            false => Vec::new(),
        };
        for log in &settings.logs {
            let key = VerifierKey::parse(&log.key)?;
            let feed = Box::new(RemoteLog::new(log)?);
            logs.push(LogWatch::new(&log.url, key, feed, rules.clone()));
        }
        Ok(Self {
            logs,
            values,
            clock,
            interval: Duration::from_secs(settings.interval_seconds.clamp(1, 86_400).into()),
            failures: Mutex::default(),
        })
    }

    /// Watches until dropped, as long as `leads` says so.
    pub async fn keep_watching(self: Arc<Self>, leads: impl Fn() -> bool + Send + Sync) {
        loop {
            if leads() {
                self.round().await;
            }
            tokio::time::sleep(self.interval).await;
        }
    }

    /// Looks at every log once.
    pub async fn round(&self) {
        for log in &self.logs {
            let failure = self.look(log).await.err().map(|error| error.to_string());
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            match failure {
                None => drop(failures.remove(log.name())),
                Some(failure) => {
                    tracing::warn!(log = log.name(), failure, "not watched");
                    failures.insert(log.name().to_owned(), failure);
                }
            }
        }
    }

    /// Why logs could not be read last time, by their names.
    pub fn failures(&self) -> BTreeMap<String, String> {
        let failures = self.failures.lock();
        failures.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was found and not acknowledged, the oldest first.
    ///
    /// # Errors
    /// [`MonitorError`] of the database.
    pub async fn findings(&self) -> Result<Vec<(Timestamp, Finding)>, MonitorError> {
        let limit = u32::try_from(KEPT).unwrap_or(u32::MAX);
        let stored = self.values.scan(FINDINGS, "", limit).await?;
        let kept = stored
            .iter()
            .filter_map(|(_, value)| serde_json::from_slice::<Kept>(value).ok());
        Ok(kept.map(|kept| (kept.time, kept.finding)).collect())
    }

    /// Forgets what was found until now: somebody has looked at it.
    ///
    /// # Errors
    /// [`MonitorError`] of the database.
    pub async fn acknowledge(&self) -> Result<(), MonitorError> {
        let limit = u32::try_from(KEPT).unwrap_or(u32::MAX);
        let stored = self.values.scan(FINDINGS, "", limit).await?;
        let changes: Vec<Change<'_>> = stored
            .iter()
            .map(|(key, _)| Change::Delete { key })
            .collect();
        self.values.apply(FINDINGS, &changes).await?;
        tracing::info!(target: "audit", event = "monitor.findings.acknowledged", count = changes.len());
        Ok(())
    }

    async fn look(&self, log: &LogWatch) -> Result<(), MonitorError> {
        let stored = self.values.get(POSITIONS, log.name()).await?;
        let mut state = match &stored {
            Some(json) => WatchState::parse(json)?,
            None => WatchState::default(),
        };
        let before = state.size();
        let found = log.round(&mut state).await?;
        // Findings first: found twice after a crash is better than not at all.
        for finding in &found {
            self.keep(finding).await?;
        }
        if state.size() != before {
            let value = state.to_json();
            let swap = Change::Swap {
                key: log.name(),
                expected: stored.as_deref(),
                value: &value,
            };
            self.values.apply(POSITIONS, &[swap]).await?;
        }
        Ok(())
    }

    /// Keeps a finding, once, and says it aloud.
    async fn keep(&self, finding: &Finding) -> Result<(), MonitorError> {
        let limit = u32::try_from(KEPT + 1).unwrap_or(u32::MAX);
        let stored = self.values.scan(FINDINGS, "", limit).await?;
        let known = stored
            .iter()
            .filter_map(|(_, value)| serde_json::from_slice::<Kept>(value).ok())
            .any(|kept| kept.finding == *finding);
        if known {
            return Ok(());
        }
        tracing::warn!(target: "audit", event = "monitor.finding", finding = %finding);
        let next = stored
            .last()
            .and_then(|(key, _)| key.parse::<u64>().ok())
            .map_or(0, |last| last + 1);
        let kept = Kept {
            time: self.clock.now(),
            finding: finding.clone(),
        };
        let value = serde_json::to_vec(&kept).unwrap_or_default();
        let key = format!("{next:020}");
        let mut changes = vec![Change::Put {
            key: &key,
            value: &value,
        }];
        let surplus = (stored.len() + 1).saturating_sub(KEPT);
        changes.extend(
            stored
                .iter()
                .take(surplus)
                .map(|(key, _)| Change::Delete { key }),
        );
        self.values.apply(FINDINGS, &changes).await?;
        Ok(())
    }
}
