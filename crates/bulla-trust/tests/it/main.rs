//! Verification against other people's bundles: the conformance assets of
//! Sigstore, and regressions named after published advisories.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod advisories;
mod conformance;
mod cosign;
mod detached_sct;
mod keys;
mod lab;
mod making;
mod near_misses;
mod old_layout;
mod openssl;
mod oracle;
mod repack;
mod requirements;
mod strict;
mod suite;
mod world;
