//! What one policy and one evaluation of it may cost (rules R4, R17).
//!
//! Time is measured from outside, too: an engine may swallow its own alarm.
//! Memory is bounded by what bounds it: the length of policy and input, the time,
//! and the few functions that make much of little.

use std::time::Duration;

/// The limits of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How long one evaluation may take.
    pub time: Duration,
    /// Bytes of all its source text.
    pub source_bytes: usize,
    /// Bytes of its input.
    pub input_bytes: usize,
}

impl Budget {
    /// What a policy gets that is judged once, by whoever wrote the command line.
    pub const ONCE: Self = Self {
        time: Duration::from_secs(5),
        source_bytes: 1 << 20,
        input_bytes: 32 << 20,
    };
}

impl Default for Budget {
    fn default() -> Self {
        Self::ONCE
    }
}
