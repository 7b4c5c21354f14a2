//! The TUF repository through which clients get the instance's trust documents.
//!
//! The Update Framework 1.0: root and targets, whose keys may be offline; snapshot
//! and timestamp, signed again long before they expire; and a delegated role
//! `online` for what changes daily (revocations, policies, advisories). The files
//! of the repository are rows of the state store and change in one transaction
//! that swaps `timestamp.json`, so that any replica serves them, no client ever
//! sees a name whose file is missing, and no version is given twice. The SHA-256
//! of the first `root.json` is the instance's root fingerprint: that file is made
//! once and kept, and every later root is served forever.

mod ages;
mod change;
mod documents;
mod draft;
mod error;
mod install;
mod keys;
mod publisher;
mod repository;
mod routes;
mod settings;

pub use change::TargetChange;
pub use documents::{Legacy, TopTarget, top_targets};
pub use error::TufError;
pub use install::{Installed, Offline};
pub use publisher::{Published, Publisher, Seed};
pub use repository::{ONLINE_PATHS, ONLINE_ROLE};
pub use settings::TufSettings;

#[cfg(test)]
mod tests;
