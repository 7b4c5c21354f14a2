//! How long metadata holds, and when it is signed again.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// Section `[tuf]` of the configuration. Times are in days.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TufSettings {
    /// How long a timestamp holds.
    pub timestamp_days: u32,
    /// After how long it is signed again.
    pub timestamp_renew_days: u32,
    /// How long a snapshot holds.
    pub snapshot_days: u32,
    /// After how long it is signed again.
    pub snapshot_renew_days: u32,
    /// How long the delegated targets hold.
    pub online_days: u32,
    /// After how long they are signed again.
    pub online_renew_days: u32,
    /// How long the targets hold while their key is online.
    pub targets_days: u32,
    /// How long a root holds while its key is online.
    pub root_days: u32,
    /// Never makes keys of root and targets: `bulla trust ceremony` does.
    pub offline: bool,
}

impl Default for TufSettings {
    fn default() -> Self {
        Self {
            timestamp_days: 7,
            timestamp_renew_days: 1,
            snapshot_days: 30,
            snapshot_renew_days: 7,
            online_days: 30,
            online_renew_days: 7,
            targets_days: 365,
            root_days: 3650,
            offline: false,
        }
    }
}

/// A role's life, and the age at which it is signed again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    pub(super) holds: SignedDuration,
    renew_after: SignedDuration,
}

impl Life {
    fn days(holds: u32, renew_after: u32) -> Self {
        let days = |days: u32| SignedDuration::from_hours(24 * i64::from(days.max(1)));
        let holds = days(holds);
        Self {
            holds,
            // Whatever is configured, a second try fits before it expires.
            renew_after: days(renew_after).min(holds / 2),
        }
    }

    /// Whether what expires then has to be signed again.
    pub(super) fn is_due(self, expires: Timestamp, now: Timestamp) -> bool {
        expires.duration_since(now) <= self.holds - self.renew_after
    }

    /// When what expires then was signed.
    pub(super) fn since(self, expires: Timestamp) -> Timestamp {
        expires.checked_sub(self.holds).unwrap_or(Timestamp::MIN)
    }
}

impl TufSettings {
    pub(super) fn timestamp(&self) -> Life {
        Life::days(self.timestamp_days, self.timestamp_renew_days)
    }

    pub(super) fn snapshot(&self) -> Life {
        Life::days(self.snapshot_days, self.snapshot_renew_days)
    }

    pub(super) fn online(&self) -> Life {
        Life::days(self.online_days, self.online_renew_days)
    }

    pub(super) fn targets(&self) -> Life {
        Life::days(self.targets_days, self.targets_days / 3)
    }

    pub(super) fn root(&self) -> Life {
        Life::days(self.root_days, self.root_days / 3)
    }
}
