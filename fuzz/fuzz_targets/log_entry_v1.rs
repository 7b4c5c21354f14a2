//! Proposed entries of the log's first version: every kind that clients send.
//! Whatever is accepted is logged in one canonical form.
#![no_main]

use bulla_authority::log::rekor_v1::parse_proposed_entry;
use bulla_core::canonical_json;
use bulla_fuzz::{requests, sow};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    sow("log_entry_v1", &requests::log_v1());
}, |bytes: &[u8]| {
    if let Ok(entry) = parse_proposed_entry(bytes) {
        let value: serde_json::Value = serde_json::from_slice(entry.body()).expect("a leaf is JSON");
        let again = canonical_json::jcs(&value).expect("a leaf has a canonical form");
        assert_eq!(again, entry.body());
        assert!(entry.subjects().iter().all(|subject| subject.contains(':')));
    }
});
