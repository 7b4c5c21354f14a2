//! Isolated builds, their provenance, and reproducing them.
//!
//! A [`Recipe`] says what to build. Dependencies are fetched by digest in a
//! profile that has a network and nothing else; the steps run in a sandbox that
//! has no network; only declared outputs leave it, hashed while they are copied.
//! Keys never come near: this crate returns facts, the caller signs them.

#[cfg(target_os = "linux")]
pub mod build;
#[cfg(target_os = "linux")]
pub mod fetch;
pub mod output;
pub mod recipe;
pub mod sandbox;
#[cfg(target_os = "linux")]
mod toolchain;

#[cfg(target_os = "linux")]
pub use build::{BuildError, BuildEvent, Built, Options, build};
pub use output::BuiltFile;
pub use recipe::Recipe;
pub use sandbox::Isolation;
#[cfg(target_os = "linux")]
pub use toolchain::Tool;
