//! DSSE envelopes: their form, the bytes that are signed, and one key's signature.
//! Whatever that key is found to have signed is what it signed.
#![no_main]

use bulla_core::{Envelope, limits};
use bulla_crypto::PublicKey;
use bulla_fuzz::{ENVELOPE_PAYLOAD, fact_bytes, kept, sow};
use bulla_trust::dsse;
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

static KEY: OnceLock<PublicKey> = OnceLock::new();

fuzz_target!(init: {
    sow("envelope", &[("good", kept().facts["envelope"].to_string().into_bytes())]);
}, |bytes: &[u8]| {
    if let Ok(envelope) = limits::parse_json::<Envelope>(bytes, 1 << 20, "envelope") {
        let signed = envelope.pre_authentication_encoding();
        assert!(signed.ends_with(&envelope.payload));
        let again = serde_json::to_vec(&envelope).expect("an envelope is JSON");
        let again: Envelope = serde_json::from_slice(&again).expect("what was written");
        assert_eq!(again, envelope);
    }
    if let Ok(envelope) = dsse::parse(bytes) {
        let key = KEY.get_or_init(|| {
            PublicKey::from_spki_der(&fact_bytes("envelopeKey")).expect("kept key")
        });
        if dsse::check(&envelope, key).is_ok() {
            assert_eq!(envelope.payload, ENVELOPE_PAYLOAD);
            assert_eq!(envelope.payload_type, "application/json");
        }
    }
});
