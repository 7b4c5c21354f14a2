//! Verification against other people's bundles: the conformance assets of
//! Sigstore, and regressions named after published advisories.
#![allow(missing_docs)]

mod advisories;
mod conformance;
mod near_misses;
mod suite;
