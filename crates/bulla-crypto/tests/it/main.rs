//! Keys against the tools that write and read the same files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod cosign;
mod openssl;
