//! Real repositories, made by git, ssh-keygen and gpg, read by bulla-source.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says on stdout what it skips"
)]

mod export;
mod open;
mod signature;
mod support;
mod working;
