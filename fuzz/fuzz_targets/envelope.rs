//! DSSE envelopes, and the bytes that their signatures are over.
#![no_main]

use bulla_core::{Envelope, limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(envelope) = limits::parse_json::<Envelope>(bytes, 1 << 20, "envelope") {
        let signed = envelope.pre_authentication_encoding();
        assert!(signed.ends_with(&envelope.payload));
        let again = serde_json::to_vec(&envelope).expect("an envelope is JSON");
        let again: Envelope = serde_json::from_slice(&again).expect("what was written");
        assert_eq!(again, envelope);
    }
});
