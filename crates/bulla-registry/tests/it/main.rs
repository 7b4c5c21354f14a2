//! The registry as clients see it: requests in, answers out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    missing_docs
)]

mod blobs;
mod clients;
mod fixture;
mod manifests;
mod tags;
mod wire;
