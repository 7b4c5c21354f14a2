//! The monitor of an instance: its logs in turn, where it is in each, what it found.

use bulla_core::Clock;
use bulla_crypto::verifier_key::VerifierKey;
use bulla_store::{Values, state::Change};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    Finding, Forgotten, Found, LogWatch, MonitorError, MonitorSettings, RemoteLog, Report, Rules,
    Unread, WatchState, What,
};

const POSITIONS: &str = "monitor";
const FINDINGS: &str = "monitor-finding";
/// Findings that are kept; the oldest go first.
const KEPT: usize = 1000;
/// Findings that are shown, and acknowledged, at once, and how many bytes of them.
const SHOWN: usize = 100;
const SHOWN_BYTES: usize = 1 << 20;

/// Watches logs.
pub struct Monitor {
    logs: Vec<LogWatch>,
    values: Values,
    clock: Arc<dyn Clock>,
    interval: Duration,
    /// What could not be read last time, by the log's name.
    unread: Mutex<BTreeMap<String, Unread>>,
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
            unread: Mutex::default(),
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
            let name = log.name();
            let Err(error) = self.look(log).await else {
                self.lock().remove(name);
                continue;
            };
            let why = error.to_string();
            tracing::warn!(log = name, failure = why, "not watched");
            let now = self.clock.now();
            let mut unread = self.lock();
            let since = unread.get(name).map_or(now, |before| before.since);
            let log = name.to_owned();
            unread.insert(name.to_owned(), Unread { log, since, why });
        }
    }

    /// What could not be read last time.
    pub fn unread(&self) -> Vec<Unread> {
        self.lock().values().cloned().collect()
    }

    /// What was found and not acknowledged, the oldest first.
    ///
    /// # Errors
    /// [`MonitorError`] of the database.
    pub async fn findings(&self) -> Result<Vec<Found>, MonitorError> {
        let stored = self.stored().await?;
        Ok(stored.iter().filter_map(|(_, value)| read(value)).collect())
    }

    /// What a person is shown: the oldest findings, as many as can be looked at.
    ///
    /// # Errors
    /// [`MonitorError`] of the database.
    pub async fn report(&self) -> Result<Report, MonitorError> {
        let stored = self.stored().await?;
        let mut bytes = 0;
        let fits = |(place, (_, value)): &(usize, &(String, Vec<u8>))| {
            bytes += value.len();
            *place == 0 || (*place < SHOWN && bytes <= SHOWN_BYTES)
        };
        let count = stored.iter().enumerate().take_while(fits).count();
        let (shown, rest) = stored.split_at(count);
        Ok(Report {
            findings: shown.iter().filter_map(|(_, value)| read(value)).collect(),
            through: shown.last().map(|(key, _)| key.clone()),
            more: rest.len(),
            unread: self.unread(),
        })
    }

    /// Forgets what a [`Report`] showed, by its `through`: somebody has looked at
    /// it. What was found since stays. Gives how many that were.
    ///
    /// # Errors
    /// [`MonitorError`] of the database.
    pub async fn acknowledge(&self, through: &str) -> Result<usize, MonitorError> {
        let stored = self.stored().await?;
        let changes: Vec<_> = stored
            .iter()
            .take_while(|(key, _)| key.as_str() <= through)
            .map(|(key, _)| Change::Delete { key })
            .collect();
        let count = changes.len();
        if count > 0 {
            self.values.apply(FINDINGS, &changes).await?;
            tracing::info!(target: "audit", event = "monitor.findings.acknowledged", through, count);
        }
        Ok(count)
    }

    /// Forgets what was verified of a log, so that it is read again from its first
    /// entry and what it shows then is taken for the truth: for a log that
    /// contradicts what it was, and somebody knows why. Gives what it was.
    ///
    /// # Errors
    /// [`MonitorError::Unknown`] if no such log is watched; or of the database.
    pub async fn accept_position(&self, log: &str) -> Result<Forgotten, MonitorError> {
        let mut watched = self.logs.iter().map(LogWatch::name);
        if !watched.any(|name| name == log) {
            return Err(MonitorError::Unknown {
                log: log.to_owned(),
                watched: self.logs.iter().map(|log| log.name().to_owned()).collect(),
            });
        }
        let stored = self.values.get(POSITIONS, log).await?;
        // What cannot be read any more is forgotten as well.
        let state = stored.and_then(|json| WatchState::parse(&json).ok());
        let state = state.unwrap_or_default();
        let forgotten = Forgotten {
            log: log.to_owned(),
            size: state.size(),
            root: hex::encode(state.root()),
        };
        // A look that is under way does not move a position that is gone.
        let delete = Change::Delete { key: log };
        self.values.apply(POSITIONS, &[delete]).await?;
        let Forgotten { size, root, .. } = &forgotten;
        tracing::info!(
            target: "audit", event = "monitor.position.accepted", log, size, root = %root
        );
        Ok(forgotten)
    }

    /// What was found, by the keys that it is kept under.
    async fn stored(&self) -> Result<Vec<(String, Vec<u8>)>, MonitorError> {
        let limit = u32::try_from(KEPT + 1).unwrap_or(u32::MAX);
        Ok(self.values.scan(FINDINGS, "", limit).await?)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Unread>> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub(super) async fn keep(&self, finding: &Finding) -> Result<(), MonitorError> {
        let stored = self.stored().await?;
        let mut known = stored.iter().filter_map(|(_, value)| read(value));
        if known.any(|known| tells(&known.finding, finding)) {
            return Ok(());
        }
        tracing::warn!(target: "audit", event = "monitor.finding", finding = %finding);
        let time = self.clock.now();
        // By the time, so that no key comes again once all were acknowledged.
        let last = stored.last().and_then(|(key, _)| key.parse::<u64>().ok());
        let now = u64::try_from(time.as_microsecond()).unwrap_or(0);
        let next = last.map_or(now, |last| now.max(last.saturating_add(1)));
        let finding = finding.clone();
        let kept = Found { time, finding };
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

fn read(value: &[u8]) -> Option<Found> {
    serde_json::from_slice(value).ok()
}

/// Whether who was told of `known` knows `finding` as well. A log that contradicts
/// itself does so in other words with each new entry; once is enough, or they
/// would push everything else out.
fn tells(known: &Finding, finding: &Finding) -> bool {
    let contradicts = |one: &Finding| matches!(one.what, What::Contradiction { .. });
    known == finding || (known.log == finding.log && contradicts(known) && contradicts(finding))
}
