//! A ceiling on what anybody may make us store without having logged in.
//!
//! One bucket per process: device logins that begin. It bounds the rows that can
//! lie in the state at once (rate × life), whoever asks.

use jiff::Timestamp;
use std::sync::{Mutex, PoisonError};

/// At once, and more in each second.
const BURST: i64 = 200;
const PER_SECOND: i64 = 10;

/// Counts what may begin.
#[derive(Default)]
pub struct Throttle {
    spent: Mutex<Spent>,
}

#[derive(Default)]
struct Spent {
    at: i64,
    count: i64,
}

impl Throttle {
    /// Whether one more may begin now.
    pub fn admits(&self, now: Timestamp) -> bool {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let second = now.as_second();
        // A clock that was set back refills nothing, and does not lock us up.
        let passed = second.saturating_sub(spent.at).max(0);
        spent.count = spent
            .count
            .saturating_sub(passed.saturating_mul(PER_SECOND))
            .max(0);
        spent.at = second;
        let room = spent.count < BURST;
        if room {
            spent.count += 1;
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;

    #[test]
    fn a_flood_is_cut_and_time_refills() {
        let throttle = Throttle::default();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let admitted = |now| (0..1000).filter(|_| throttle.admits(now)).count();
        assert_eq!(admitted(now), 200);
        assert_eq!(admitted(now + 3.seconds()), 30);
        assert_eq!(admitted(now - 60.seconds()), 0);
        assert_eq!(admitted(now - 50.seconds()), 100);
    }
}
