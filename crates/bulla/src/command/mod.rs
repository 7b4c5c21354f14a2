//! One file per command: its arguments, and what it does with them.

pub mod admit;
pub mod attest;
pub mod attest_blob;
pub mod build;
pub mod explain;
pub mod init;
pub mod sbom;
pub mod scan;
pub mod ship;
pub mod sign;
pub mod sign_blob;
pub mod token;
pub mod trust;
pub mod up;
pub mod verify;
pub mod verify_blob;
pub mod version;
