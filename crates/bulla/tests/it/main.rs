//! The finished program, run as people and scripts run it.
//!
//! One module for each promise. Foreign programs come from `cargo xtask peers`;
//! a test without them prints `SKIP` and says what it lacked.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stdout)]

mod bad_input;
mod book;
mod ceremony;
mod cosign_conformance;
mod cosign_face;
mod foreign_image;
mod help;
mod interop;
mod log;
mod login;
mod revocation;
mod seals;
mod second_repository;
mod serve;
mod ship;
mod start;
mod tamper;
