//! The client against our own registry, and against registries that lie.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    missing_docs
)]

mod auth;
mod clients;
mod hostile;
mod legacy;
mod moving;
mod ours;
mod server;
