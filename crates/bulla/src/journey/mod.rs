//! The stages that `ship` walks and `explain` walks back.
//!
//! ```text
//! source ─▶ build ─▶ inventory ─▶ scan ─▶ seal ─▶ publish ─▶ admission
//!                                            evidence ─▶ chain ─▶ text, svg
//! ```
//! Each stage is one file; each verifies what the one before it claims.

pub mod admission;
pub mod build;
pub mod chain;
pub mod chain_svg;
pub mod chain_text;
pub mod evidence;
pub mod image_source;
pub mod inventory;
pub mod pages;
pub mod scan;
pub mod seal;
pub mod ship;
pub mod source;
pub mod target;
pub mod trust_view;
