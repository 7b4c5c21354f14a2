//! Verification against other people's bundles: the conformance assets of
//! Sigstore, and regressions named after published advisories.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod advisories;
mod conformance;
mod making;
mod near_misses;
mod repack;
mod suite;
mod world;
