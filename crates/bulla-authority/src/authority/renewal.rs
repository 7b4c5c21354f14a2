//! What ends and what renews itself, part by part.
//!
//! The renewal of a part is cheap when nothing is due, so it is simply asked each
//! minute. Signing again what all replicas share is the leader's doing alone;
//! leaves of the transport belong to the process that holds them.

use jiff::Timestamp;
use std::time::Duration;

use super::Authority;
use crate::{
    error::AuthorityError,
    health::{Alarm, Lifetime, Renewal, of_certificate},
};

/// How often renewal is looked at.
const ROUND: Duration = Duration::from_secs(60);
/// At most that much is added, so that replicas do not all ask at once.
const JITTER_MS: u64 = 5000;

impl Authority {
    /// Everything here that ends some day.
    pub fn lifetimes(&self) -> Vec<Lifetime> {
        let parts = &self.parts;
        let ceremony = |what| Renewal::Command(format!("bulla trust ceremony plan --renew {what}"));
        let mut all = Vec::new();
        if let [intermediate, root, ..] = &*parts.ca.chain {
            let renewal = ceremony("ca-intermediate");
            all.push(of_certificate(
                "signing intermediate",
                intermediate,
                renewal,
            ));
            all.push(of_certificate("signing root", root, ceremony("ca-root")));
        }
        if let [leaf, root, ..] = parts.tsa.signer.chain() {
            all.push(of_certificate(
                "timestamp certificate",
                leaf,
                ceremony("tsa"),
            ));
            all.push(of_certificate("timestamp root", root, ceremony("tsa-root")));
        }
        all.extend(parts.transport.lifetimes());
        all
    }

    /// What has to be said about them now, the most urgent first.
    pub fn alarms(&self, now: Timestamp) -> Vec<Alarm> {
        let lifetimes = self.lifetimes();
        let mut alarms: Vec<_> = lifetimes
            .iter()
            .filter_map(|life| life.alarm(now))
            .collect();
        alarms.sort_by_key(|alarm| (std::cmp::Reverse(alarm.urgency), alarm.until));
        alarms
    }

    /// Renews what is due. `leads`: whether this process may also sign again what
    /// all replicas share. One part that fails does not keep the others from it.
    ///
    /// # Errors
    /// The first failure, after every part had its turn.
    pub async fn renew(&self, now: Timestamp, leads: bool) -> Result<(), AuthorityError> {
        let parts = &self.parts;
        let mut rounds = vec![("transport", parts.transport.renew(now).await)];
        if leads {
            rounds.extend(self.renew_shared(now).await);
        }
        let mut first = Ok(());
        for (part, result) in rounds {
            if let Err(error) = result {
                tracing::error!(part, %error, "renewal failed and is tried again in a minute");
                first = first.and(Err(error));
            }
        }
        first
    }

    /// The leader's part of a round: each by its name.
    async fn renew_shared(
        &self,
        _now: Timestamp,
    ) -> Vec<(&'static str, Result<(), AuthorityError>)> {
        Vec::new()
    }

    /// Renews each minute, as long as this future is driven. `leads` is asked each
    /// time; `after` is called when a round is over.
    pub async fn keep_renewed(
        &self,
        leads: impl Fn() -> bool + Send,
        mut after: impl FnMut() + Send,
    ) {
        loop {
            let jitter = bulla_crypto::random::bytes::<2>().unwrap_or_default();
            let jitter = u64::from(u16::from_le_bytes(jitter)) % JITTER_MS;
            tokio::time::sleep(ROUND + Duration::from_millis(jitter)).await;
            // Each part's failure is in the log, and an alarm says what stays due.
            let _ = self.renew(self.parts.clock.now(), leads()).await;
            after();
        }
    }
}
