//! Isolated builds, their provenance, and reproducing them.
//!
//! A [`Recipe`] says what to build. Dependencies are fetched by digest in a
//! profile that has a network and nothing else; the steps run in a sandbox that
//! has no network; only declared outputs leave it, hashed while they are copied.
//! Keys never come near: this crate returns facts, the caller signs them.

pub mod recipe;

pub use recipe::Recipe;
