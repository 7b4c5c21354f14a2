//! Arguments that several commands share: how to seal, whose signature counts,
//! and which trust it is judged under. One file for each.

mod expected;
mod sealing;

pub use expected::{ExpectedArgs, TrustArgs, WaiverArgs, demand};
pub use sealing::SealArgs;
