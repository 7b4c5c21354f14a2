//! Requests to the log.
#![no_main]

use bulla_authority::log::rekor_v2::parse_create_entry;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_create_entry(bytes);
});
