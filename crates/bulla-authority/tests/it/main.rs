//! The authority as clients meet it: over its router, with real verifiers.

#![allow(clippy::unwrap_used)] // a helper that panics fails its test

mod client;
mod instance;
mod services;
mod sigstore;
