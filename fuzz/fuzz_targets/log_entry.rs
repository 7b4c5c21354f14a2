//! Requests to the log's second version. Whatever is accepted is logged in one
//! canonical form.
#![no_main]

use bulla_authority::log::rekor_v2::parse_create_entry;
use bulla_core::canonical_json;
use bulla_fuzz::{requests, sow};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    sow("log_entry", &requests::log_v2());
}, |bytes: &[u8]| {
    if let Ok(entry) = parse_create_entry(bytes) {
        let value: serde_json::Value = serde_json::from_slice(entry.body()).expect("a leaf is JSON");
        let again = canonical_json::jcs(&value).expect("a leaf has a canonical form");
        assert_eq!(again, entry.body());
    }
});
