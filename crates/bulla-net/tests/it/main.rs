//! The clients of the signing services against stand-ins that answer wrongly;
//! answers of real services are tested where those services are.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod keyless;
mod local;
#[cfg(unix)]
mod oidc;
mod peers;
#[cfg(unix)]
mod plugin;
mod rekor_v1;
mod sealing;
mod services;
mod socket;
#[cfg(unix)]
mod softhsm;
mod tuf;
