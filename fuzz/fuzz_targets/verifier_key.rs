//! Verifier keys of logs and witnesses: what is read is written back as it was.
#![no_main]

use bulla_crypto::verifier_key::VerifierKey;
use bulla_fuzz::{requests, sow};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    sow("verifier_key", &requests::verifier_keys());
}, |bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(key) = VerifierKey::parse(text) {
        let again = VerifierKey::parse(&key.to_string()).expect("what was written");
        assert_eq!(again.to_string(), key.to_string());
    }
});
