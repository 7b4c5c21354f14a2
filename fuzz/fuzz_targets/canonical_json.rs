//! Canonical JSON: its own output is a fixed point.
#![no_main]

use bulla_core::{canonical_json::jcs, limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = limits::parse_json::<serde_json::Value>(bytes, 1 << 20, "value")
        && let Ok(canonical) = jcs(&value)
    {
        let read: serde_json::Value = serde_json::from_slice(&canonical).expect("JSON");
        assert_eq!(jcs(&read).expect("canonical again"), canonical);
    }
});
