//! The authority as clients meet it: over its router, with real verifiers.

#![allow(clippy::unwrap_used, missing_docs)] // a helper that panics fails its test

mod advisories;
mod ca;
mod client;
mod instance;
mod login;
mod rekor_v1;
mod services;
mod sigstore;
mod upstream;
