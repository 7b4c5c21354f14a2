//! What ends and what renews itself, part by part.
//!
//! The renewal of a part is cheap when nothing is due, so it is simply asked each
//! minute. Signing again what all replicas share is the leader's doing alone;
//! leaves of the transport belong to the process that holds them.

use bulla_crypto::x509::Certificate;
use jiff::Timestamp;
use std::time::Duration;
use tokio::sync::Notify;

use super::Authority;
use crate::{
    error::AuthorityError,
    health::{Alarm, Expired, Lifetime, Renewal, of_certificate},
};

/// How often renewal is looked at.
const ROUND: Duration = Duration::from_secs(60);
/// At most that much is added, so that replicas do not all ask at once.
const JITTER_MS: u64 = 5000;

/// What the certificates of the CA are called, in their order.
const CA_CHAIN: [&str; 2] = ["signing intermediate", "signing root"];
/// The same of the timestamp authority's.
const TSA_CHAIN: [&str; 2] = ["timestamp certificate", "timestamp root"];
/// What begins a ceremony.
const CEREMONY: &str = "bulla trust export --ceremony export.json && bulla trust ceremony plan DIR --export export.json";

fn ceremony() -> Renewal {
    Renewal::Command(CEREMONY.into())
}

impl Authority {
    /// Everything here that ends some day.
    pub fn lifetimes(&self) -> Vec<Lifetime> {
        let parts = &self.parts;
        let named = CA_CHAIN.iter().zip(&*parts.ca.chain);
        named
            .chain(TSA_CHAIN.iter().zip(parts.tsa.signer.chain()))
            .map(|(what, certificate)| of_certificate(*what, certificate, ceremony()))
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
        self.hold(CA_CHAIN.iter().zip(&*self.parts.ca.chain))
    }

    /// The same of timestamps.
    pub(super) fn tsa_holds(&self) -> Result<(), Expired> {
        self.hold(TSA_CHAIN.iter().zip(self.parts.tsa.signer.chain()))
    }

    fn hold<'a>(
        &self,
        mut chain: impl Iterator<Item = (&'a &'static str, &'a Certificate)>,
    ) -> Result<(), Expired> {
        let now = self.now();
        chain.try_for_each(|(what, certificate)| {
            of_certificate(*what, certificate, ceremony()).require(now)
        })
    }

    /// Renews what is due; as the leader also what all replicas share. One part
    /// that fails does not keep the others from it.
    ///
    /// # Errors
    /// The first failure, after every part had its turn.
    pub async fn renew(&self, now: Timestamp) -> Result<(), AuthorityError> {
        let parts = &self.parts;
        let mut rounds = vec![("transport", parts.transport.renew(now).await)];
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
            ("login issuer", parts.login.renew(now).await),
        ]
    }

    /// Renews each minute, and at once when `asked`, as long as this future is
    /// driven; `after` is called when a round is over.
    pub async fn keep_renewed(&self, asked: &Notify, mut after: impl FnMut() + Send) {
        loop {
            let jitter = bulla_crypto::random::bytes::<2>().unwrap_or_default();
            let jitter = u64::from(u16::from_le_bytes(jitter)) % JITTER_MS;
            tokio::select! {
                () = tokio::time::sleep(ROUND + Duration::from_millis(jitter)) => {}
                () = asked.notified() => {}
            }
            // Each part's failure is in the log, and an alarm says what stays due.
            let _ = self.renew(self.now()).await;
            after();
        }
    }
}
