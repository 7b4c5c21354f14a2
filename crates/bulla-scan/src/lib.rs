//! Finds: known weaknesses of components, and secrets in files. What to do about
//! them is `bulla-policy`'s business.
//!
//! [`Database`] is what is known about packages, [`scan`] holds an inventory
//! against it, [`ScanReport`] says what was found and how far it could look.
//! [`vex`] reads what makers say about findings; [`secret`] looks for keys and
//! tokens in text. Nothing here opens a connection or asks for the time.

pub mod database;
pub mod matcher;
pub mod report;
pub mod secret;
#[cfg(test)]
mod testing;
pub mod vex;

pub use database::Database;
pub use matcher::scan;
pub use report::{Coverage, Match, ScanReport};
