//! The authority as clients meet it: over its router, with real verifiers.

// A helper that panics fails its test; a test that skips says so.
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs
)]

mod advisories;
mod ca;
mod ceremony;
mod client;
mod concerns;
mod cosign;
mod crash;
mod expiry;
mod generations;
mod instance;
mod login;
mod logs;
mod peers;
mod rekor_v1;
mod replicas;
mod revocation;
mod services;
mod sigstore;
mod tuf;
mod upstream;
mod witness;

/// Says that a test cannot run here; an error where none may be left out.
fn skip(name: &str, why: &str) {
    eprintln!("SKIP {name}: {why}");
    assert!(std::env::var_os("BULLA_NO_SKIP").is_none(), "{name}: {why}");
}
