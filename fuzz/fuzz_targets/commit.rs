//! Git commit objects, and the signatures in them.
#![no_main]

use bulla_source::{
    CommitHeader,
    signature::{openpgp, ssh},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = CommitHeader::parse(bytes);
    let _ = openpgp::parse(bytes);
    let _ = ssh::parse(bytes);
});
