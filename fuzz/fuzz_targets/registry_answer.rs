//! What a registry says beside content: challenges, errors, links.
#![no_main]

use bulla_oci::client::{parse_challenges, parse_errors};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_errors(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = parse_challenges(text);
    }
});
