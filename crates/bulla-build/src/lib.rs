//! Isolated builds, their provenance, and reproducing them.
//!
//! A [`Recipe`] says what to build. Dependencies are fetched by digest in a
//! profile that has a network and nothing else; the steps run in a sandbox that
//! has no network; only declared outputs leave it, hashed while they are copied.
//! Keys never come near: this crate returns facts, the caller signs them.

#[cfg(target_os = "linux")]
pub mod build;
pub mod detect;
#[cfg(target_os = "linux")]
pub mod fetch;
pub mod output;
#[cfg(target_os = "linux")]
pub mod provenance;
pub mod recipe;
#[cfg(target_os = "linux")]
pub mod reproduce;
pub mod sandbox;
#[cfg(target_os = "linux")]
mod toolchain;

#[cfg(target_os = "linux")]
pub use build::{BuildError, BuildEvent, Built, Options, build};
pub use output::BuiltFile;
#[cfg(target_os = "linux")]
pub use provenance::provenance;
pub use recipe::Recipe;
#[cfg(target_os = "linux")]
pub use reproduce::reproduce;
pub use sandbox::Isolation;
#[cfg(target_os = "linux")]
pub use toolchain::Tool;
