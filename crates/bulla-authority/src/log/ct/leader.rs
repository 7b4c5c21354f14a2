//! Promises while another process leads the log, or the lead changes.
//!
//! The same precertificate is put to whoever leads until one of them promises: its
//! entry is found as a duplicate where it was logged already, so however often the
//! lead changes meanwhile, there is one entry and one promise.

use bulla_crypto::{
    sct::{PrecertEntry, Sct, parse_sct},
    x509::Precertificate,
};
use std::{pin::Pin, time::Duration};
use tokio::time::{sleep, timeout};

use super::CtLog;
use crate::error::AuthorityError;

/// How long whoever leads is looked for: clients give up after 20 s.
const PATIENCE: Duration = Duration::from_secs(15);
/// After the first try; doubled with each that follows.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest of these pauses.
const LONGEST: Duration = Duration::from_secs(1);

/// The way to whichever process leads.
pub trait Leader: Send + Sync {
    /// An SCT in its TLS form for this precertificate (DER), by the process that
    /// leads now; nothing if that is this one, or it does not answer.
    fn promise<'a>(
        &'a self,
        precertificate: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Option<Vec<u8>>> + Send + 'a>>;
}

impl CtLog {
    /// Asks for promises there whenever this process does not lead.
    pub fn ask(&self, leader: std::sync::Arc<dyn Leader>) {
        // A second one would lead to the same place.
        let _ = self.leader.set(leader);
    }

    /// Has a precertificate of our own intermediate logged, by whoever leads. The
    /// same precertificate gets the same promise again.
    ///
    /// # Errors
    /// If the log cannot take it, or nobody leads it for too long.
    pub async fn promise(&self, precert: &Precertificate) -> Result<Sct, AuthorityError> {
        let Some(leader) = self.leader.get() else {
            return self.promise_here(precert).await;
        };
        let promised = async {
            let mut pause = PAUSE;
            loop {
                match self.promise_here(precert).await {
                    Err(AuthorityError::NotLeading { .. }) => {}
                    // Whether the log has it now is not known: whoever leads finds out.
                    Err(AuthorityError::LogUnavailable { .. }) if !self.log.is_leading() => {}
                    done => return done,
                }
                if let Some(sct) = leader.promise(precert.certificate().der()).await {
                    return self.checked(precert, &sct);
                }
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST);
            }
        };
        let nobody = || AuthorityError::NotLeading {
            log: self.log.name().into(),
        };
        timeout(PATIENCE, promised)
            .await
            .unwrap_or_else(|_| Err(nobody()))
    }

    /// A promise of ours, for this precertificate and no other.
    fn checked(&self, precert: &Precertificate, sct: &[u8]) -> Result<Sct, AuthorityError> {
        let sct = parse_sct(sct)?;
        let promised = PrecertEntry {
            issuer_key_hash: precert.issuer_key_hash(),
            tbs: precert.tbs_der(),
        };
        sct.verify(self.key.public(), &promised)?;
        Ok(sct)
    }
}
