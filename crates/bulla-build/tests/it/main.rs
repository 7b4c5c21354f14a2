//! Builds for real: the sandbox, its bounds, what leaves it and what cannot.
//!
//! Everything here runs as whoever runs the tests; `ordinary_user` runs all of it
//! once more as `nobody` where that is possible.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod cargo;
mod detect;
mod fetch;
mod fetch_others;
mod handover;
mod isolation;
mod limits;
mod ordinary_user;
mod setup;
