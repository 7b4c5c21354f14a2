//! The clock may stand still, but not run backwards: a timestamp that is older
//! than one already given would prove what is not so.
//!
//! The latest time given is kept in memory, and a floor of it in the store for
//! the next start and for other replicas ([`super::Tsa::renew`]).

use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use bulla_core::{Code, Diagnose};
use jiff::Timestamp;

/// How many seconds requests of the same moment, and clocks of replicas, may
/// lie apart.
const SLACK: i64 = 2;

/// The latest time that was given, in seconds since 1970.
#[derive(Debug)]
pub struct ClockGuard(AtomicI64);

impl Default for ClockGuard {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl ClockGuard {
    /// Lets a time pass that is not behind.
    ///
    /// # Errors
    /// [`ClockBehind`] if a later time was given already.
    pub fn admit(&self, now: Timestamp) -> Result<(), ClockBehind> {
        let now = now.as_second();
        let latest = self.0.fetch_max(now, SeqCst);
        let behind = latest.saturating_sub(now);
        match behind > SLACK {
            true => Err(ClockBehind { seconds: behind }),
            false => Ok(()),
        }
    }

    /// Knows that this time was given, here or elsewhere.
    pub fn raise(&self, given: Timestamp) {
        self.0.fetch_max(given.as_second(), SeqCst);
    }

    /// The latest time that was given, if one was.
    pub fn latest(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.0.load(SeqCst)).ok()
    }
}

/// The clock is behind a time that was given already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the clock is {seconds} seconds behind a timestamp that was given already")]
pub struct ClockBehind {
    /// How far.
    pub seconds: i64,
}

impl Diagnose for ClockBehind {
    fn code(&self) -> Code {
        Code("AUTH-0430")
    }

    fn hint(&self) -> Option<String> {
        Some("set this machine's clock, for example with `chronyc makestep`".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_runs_backwards_is_noticed() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let guard = ClockGuard::default();
        assert_eq!(guard.latest(), None);
        guard.admit(at(1000)).unwrap();
        guard.admit(at(998)).unwrap();
        assert_eq!(guard.admit(at(997)), Err(ClockBehind { seconds: 3 }));
        guard.raise(at(2000));
        assert!(guard.admit(at(1500)).is_err());
        guard.admit(at(2001)).unwrap();
        assert_eq!(guard.latest(), Some(at(2001)));
    }
}
