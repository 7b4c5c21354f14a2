//! The store over real servers: PostgreSQL and S3, each a process of its own.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod lease;
mod objects;
mod postgres;
mod values;

use bulla_testkit::Postgres;
use std::sync::LazyLock;

/// One server for the tests that do not kill it; each takes a database of its own.
fn shared() -> Option<&'static Postgres> {
    static SERVER: LazyLock<Option<Postgres>> = LazyLock::new(bulla_testkit::postgres);
    SERVER.as_ref()
}
