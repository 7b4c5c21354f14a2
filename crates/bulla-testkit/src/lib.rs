//! The whole-CLI harness: what tests of the finished program are written with.
//!
//! A [`World`] is an empty machine for one test: a home, a working folder, an
//! environment without anything of the developer's. [`World::bulla`] runs the
//! binary in it, [`Instance`] keeps `bulla up` running, [`Distribution`] a registry
//! that we did not write, [`Postgres`] and [`S3`] are what replicas share, [`Repository`]
//! makes git history, [`require`] finds a
//! foreign tool or says `SKIP`, and [`document::run`] executes the commands of a
//! page of the book.
//!
//! Everything here panics with a full account when the test cannot go on; it is
//! never a dependency of shipped code.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stdout)]

mod distribution;
pub mod document;
mod instance;
mod outcome;
mod postgres;
mod repository;
mod s3;
mod scrub;
mod shared;
mod tool;
mod world;

pub use distribution::Distribution;
pub use instance::Instance;
pub use outcome::Outcome;
pub use postgres::{Postgres, postgres};
pub use repository::{Repository, SshKey};
pub use s3::{S3, s3};
pub use scrub::scrub;
pub use shared::Shared;
pub use tool::{data, is_root, require, require_root, require_user_namespaces, skip, suites};
pub use world::{World, binary, workspace};
