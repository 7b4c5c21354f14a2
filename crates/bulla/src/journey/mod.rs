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
pub mod export;
pub mod image_source;
pub mod inventory;
pub mod key_files;
pub mod keyref;
pub mod pages;
pub mod password;
pub mod place;
pub mod publish;
pub mod reach;
pub mod revocations;
pub mod scan;
pub mod seal;
pub mod ship;
pub mod signing;
pub mod source;
pub mod target;
pub mod token;
pub mod trust_view;
pub mod verifying;
