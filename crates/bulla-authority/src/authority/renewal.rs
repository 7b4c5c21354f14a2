//! What ends and what renews itself, part by part.
//!
//! The renewal of a part is cheap when nothing is due, so it is simply asked each
//! minute. Signing again what all replicas share is the leader's doing alone;
//! leaves of the transport belong to the process that holds them.

use jiff::Timestamp;
use std::time::Duration;
use tokio::sync::Notify;

use super::Authority;
use crate::{
    error::AuthorityError,
    health::{Alarm, Expired, Lifetime, concern::Concerns},
};

/// How often renewal is looked at.
const ROUND: Duration = Duration::from_secs(60);
/// At most that much is added, so that replicas do not all ask at once.
const JITTER_MS: u64 = 5000;

impl Authority {
    /// Everything here that ends some day.
    pub fn lifetimes(&self) -> Vec<Lifetime> {
        let parts = &self.parts;
        let certified = parts.ca.lifetimes().into_iter();
        certified
            .chain(parts.tsa.lifetimes())
            .chain(parts.transport.lifetimes())
            .chain(parts.login.lifetimes())
            .chain(parts.tuf.lifetimes())
            .collect()
    }

    /// What has to be said about them now, the most urgent first.
    pub fn alarms(&self, now: Timestamp) -> Vec<Alarm> {
        Alarm::all(&self.lifetimes(), now)
    }

    /// Whether certificates could be verified by anybody.
    pub(super) fn ca_holds(&self) -> Result<(), Expired> {
        let now = self.now();
        hold(self.parts.ca.intermediates.lifetimes_now(now), now)
    }

    /// The same of timestamps.
    pub(super) fn tsa_holds(&self) -> Result<(), Expired> {
        let now = self.now();
        hold(self.parts.tsa.signers.lifetimes_now(now), now)
    }

    /// Renews what is due; as the leader also what all replicas share. One part
    /// that fails does not keep the others from it.
    ///
    /// # Errors
    /// The first failure, after every part had its turn.
    pub async fn renew(&self, now: Timestamp) -> Result<(), AuthorityError> {
        let parts = &self.parts;
        let mut rounds = vec![
            ("transport", parts.transport.renew(now).await),
            ("certificate authority", parts.ca.renew(now).await),
            ("timestamp authority", parts.tsa.renew(now).await),
        ];
        if self.is_leader() {
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
        now: Timestamp,
    ) -> Vec<(&'static str, Result<(), AuthorityError>)> {
        let parts = &self.parts;
        vec![
            ("ceremony", super::ceremony::round(parts).await),
            ("revocations", parts.revocation.renew(now).await),
            ("tuf", parts.tuf.renew(now).await),
            ("next ceremony", super::publish::note_anew(parts).await),
            ("login issuer", parts.login.renew(now).await),
            ("log-v1 garbage", parts.rekor_v1.log().collect().await),
            ("log-v2 garbage", parts.rekor.log().collect().await),
            ("ct garbage", parts.ca.ct.log().collect().await),
        ]
    }

    /// Renews each minute, and at once when `asked`, as long as this future is
    /// driven; `after` is told what there is to look at when a round is over.
    pub async fn keep_renewed(&self, asked: &Notify, mut after: impl FnMut(Concerns) + Send) {
        loop {
            let jitter = bulla_crypto::random::bytes::<2>().unwrap_or_default();
            let jitter = u64::from(u16::from_le_bytes(jitter)) % JITTER_MS;
            tokio::select! {
                () = tokio::time::sleep(ROUND + Duration::from_millis(jitter)) => {}
                () = asked.notified() => {}
            }
            // Each part's failure is in the log, and an alarm says what stays due.
            let _ = self.renew(self.now()).await;
            after(self.concerns().await);
        }
    }
}

/// Nothing is refused for a life that is not known: what needs it says so itself.
fn hold(lives: Result<Vec<Lifetime>, AuthorityError>, now: Timestamp) -> Result<(), Expired> {
    let lives = lives.unwrap_or_default();
    lives.iter().try_for_each(|life| life.require(now))
}
