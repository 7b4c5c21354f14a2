//! How long things hold, and who is told what before they stop.
//!
//! Every part names what it has that ends ([`Lifetime`]) and how it is renewed:
//! by itself, or by a command that somebody with an offline key runs. An
//! [`Alarm`] is raised while there is still time, and says which command mends
//! it; once something has ended, [`Lifetime::require`] gives the words for
//! clients. What ends is named by a few fixed words, since they label metrics.
//! Nothing is renewed here: that is each part's own doing.

pub mod concern;
pub mod gate;

use bulla_core::{Code, Diagnose};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{cmp::Reverse, fmt};

/// How something is renewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Renewal {
    /// The process that holds the lease does it, from a third of its life on.
    Itself,
    /// Somebody has to run this command line.
    Command(String),
}

/// From when to when something holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lifetime {
    /// A few fixed words: `TUF root`, `signing intermediate`.
    pub what: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when, this moment excluded.
    pub until: Timestamp,
    /// How it is renewed.
    pub renewal: Renewal,
}

impl Lifetime {
    /// Something that is renewed without anybody.
    pub fn itself(what: impl Into<String>, since: Timestamp, until: Timestamp) -> Self {
        Self {
            what: what.into(),
            since,
            until,
            renewal: Renewal::Itself,
        }
    }

    /// Something that `command` renews.
    pub fn by_command(
        what: impl Into<String>,
        since: Timestamp,
        until: Timestamp,
        command: impl Into<String>,
    ) -> Self {
        let renewal = Renewal::Command(command.into());
        let what = what.into();
        Self {
            what,
            since,
            until,
            renewal,
        }
    }

    /// When it ought to be renewed: after a third of its life.
    pub fn renew_at(&self) -> Timestamp {
        self.after(3)
    }

    /// Whether it ought to have been renewed.
    pub fn is_due(&self, now: Timestamp) -> bool {
        now >= self.renew_at()
    }

    /// Whether it holds no longer.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.until
    }

    /// Seconds that are left; negative once it has ended.
    pub fn seconds_left(&self, now: Timestamp) -> i64 {
        self.until.duration_since(now).as_secs()
    }

    /// What has to be said about it now: for a command from a third of its life
    /// on; for what renews itself once half of it is gone, as it then was due
    /// and did not happen; for both once it has ended.
    pub fn alarm(&self, now: Timestamp) -> Option<Alarm> {
        let (from, urgency) = match self.renewal {
            Renewal::Command(_) => (self.renew_at(), Urgency::Soon),
            Renewal::Itself => (self.after(2), Urgency::Overdue),
        };
        let urgency = match self.is_expired(now) {
            true => Urgency::Expired,
            false if now >= from => urgency,
            false => return None,
        };
        Some(Alarm {
            what: self.what.clone(),
            since: self.since,
            until: self.until,
            urgency,
            mend: self.command().to_owned(),
        })
    }

    /// Nothing, as long as it holds.
    ///
    /// # Errors
    /// [`Expired`] with what clients are told.
    pub fn require(&self, now: Timestamp) -> Result<(), Expired> {
        match self.is_expired(now) {
            true => Err(Expired {
                what: self.what.clone(),
                until: self.until,
                mend: self.command().to_owned(),
            }),
            false => Ok(()),
        }
    }

    /// The command that renews it; for what renews itself, the one that lets it.
    pub fn command(&self) -> &str {
        match &self.renewal {
            Renewal::Command(command) => command,
            Renewal::Itself => LET_IT_RENEW,
        }
    }

    fn after(&self, part: i32) -> Timestamp {
        let life = self.until.duration_since(self.since) / part;
        self.since.checked_add(life).unwrap_or(self.until)
    }
}

/// What renews itself is renewed at each start, too.
const LET_IT_RENEW: &str = "restart the authority, and see its log for why it did not renew this";

/// How much of a hurry there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// There is time to prepare the renewal.
    Soon,
    /// It ought to have renewed itself.
    Overdue,
    /// It holds no longer.
    Expired,
}

/// Something that ends, and nobody renewed it yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alarm {
    /// What ends.
    pub what: String,
    /// Since when it holds.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// How much of a hurry there is.
    pub urgency: Urgency,
    /// What to do: mostly a whole command line.
    pub mend: String,
}

impl Alarm {
    /// What has to be said about `lifetimes` at `now`, the most urgent first.
    pub fn all(lifetimes: &[Lifetime], now: Timestamp) -> Vec<Self> {
        let mut alarms: Vec<_> = lifetimes
            .iter()
            .filter_map(|life| life.alarm(now))
            .collect();
        alarms.sort_by_key(|alarm| (Reverse(alarm.urgency), alarm.until));
        alarms
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.urgency {
            Urgency::Soon => "ends",
            Urgency::Overdue => "did not renew itself and ends",
            Urgency::Expired => "expired",
        };
        let until = self.until.strftime("%Y-%m-%d %H:%M UTC");
        write!(f, "{} {verb} on {until}: {}", self.what, self.mend)
    }
}

/// What clients are told instead of an answer that nobody could verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {what} of this authority expired on {}; whoever runs it mends that with: {mend}",
    until.strftime("%Y-%m-%d %H:%M UTC")
)]
pub struct Expired {
    what: String,
    until: Timestamp,
    mend: String,
}

impl Diagnose for Expired {
    fn code(&self) -> Code {
        Code("AUTH-0800")
    }

    fn hint(&self) -> Option<String> {
        Some(self.mend.clone())
    }
}

/// The life of a certificate.
pub fn of_certificate(
    what: impl Into<String>,
    certificate: &bulla_crypto::x509::Certificate,
    renewal: Renewal,
) -> Lifetime {
    let validity = certificate.validity();
    // The last second of a certificate is still part of its life.
    let until = validity.until.checked_add(SignedDuration::from_secs(1));
    Lifetime {
        what: what.into(),
        since: validity.from,
        until: until.unwrap_or(validity.until),
        renewal,
    }
}

#[cfg(test)]
mod tests;
