//! What somebody ought to look at, gathered from the logs, the monitor and the witnesses.
//!
//! Findings are in the database, so every replica tells them; what could not be
//! read or was not cosigned only the leader knows, since nobody else tries.

use std::time::Duration;

use super::Authority;
use crate::{
    health::concern::{Concern, Concerns, Kind},
    log::Fall,
    monitor::{Monitor, Unread, WatchedLog},
    witness::WitnessStatus,
};

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// What shows findings, and what they are acknowledged by.
const FINDINGS: &str = "bulla log findings";
/// For what this process ought to be able to read.
const OWN: &str = "restart the authority, and see its log for why it could not read this";
/// For a sequencer that fell: it is brought back without anybody.
const FALLEN: &str = "see the log of the process for the panic, and report it";

impl Authority {
    /// What somebody ought to look at now, findings first and the youngest of them first.
    pub async fn concerns(&self) -> Concerns {
        let mut concerns = Concerns::default();
        if let Some(monitor) = self.monitor() {
            findings(monitor, &mut concerns).await;
        }
        for fall in self.parts.background.falls() {
            concerns.add(fallen(&fall));
        }
        if !self.is_leader() {
            return concerns;
        }
        let unread = self.monitor().map(|monitor| monitor.unread());
        for unread in unread.into_iter().flatten() {
            concerns.add(not_read(&unread, &self.parts.config.monitor.logs));
        }
        for concern in self.witnesses().iter().filter_map(not_cosigned) {
            concerns.add(concern);
        }
        concerns
    }
}

async fn findings(monitor: &Monitor, concerns: &mut Concerns) {
    let why = match tokio::time::timeout(PATIENCE, monitor.findings()).await {
        Ok(Ok(found)) => {
            for found in found.iter().rev() {
                let (what, since) = (found.finding.to_string(), Some(found.time));
                concerns.add(Concern::new(Kind::MonitorFinding, &what, since, FINDINGS));
            }
            return;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    };
    let what = format!("its own findings: {why}");
    concerns.add(Concern::new(Kind::MonitorUnread, &what, None, OWN));
}

/// That it leads again does not say why it fell.
fn fallen(fall: &Fall) -> Concern {
    let (log, times) = (fall.log, fall.times);
    let often = match times {
        1 => "fell once".to_owned(),
        times => format!("fell {times} times"),
    };
    let now = match &fall.down {
        Some(why) => format!("is not written at present: {why}"),
        None => "leads again".into(),
    };
    let what = format!("{log} {now} ({often})");
    Concern::new(Kind::LogFallen, &what, Some(fall.since), FALLEN)
}

fn not_read(unread: &Unread, logs: &[WatchedLog]) -> Concern {
    let what = format!("{}: {}", unread.log, unread.why);
    let log = logs.iter().find(|log| log.url == unread.log);
    let mend = log.map_or_else(|| OWN.to_owned(), WatchedLog::command);
    Concern::new(Kind::MonitorUnread, &what, Some(unread.since), mend)
}

/// One for a witness, whatever the number of logs that it does not cosign.
fn not_cosigned(witness: &WitnessStatus) -> Option<Concern> {
    let failures = &witness.failures;
    let first = failures.values().min_by_key(|failure| failure.since)?;
    let each: Vec<_> = failures
        .iter()
        .map(|(origin, failure)| format!("{origin}: {}", failure.why))
        .collect();
    let what = format!("{}, {}", witness.name, each.join("; "));
    Some(Concern::new(
        Kind::WitnessFailing,
        &what,
        Some(first.since),
        &first.mend,
    ))
}
