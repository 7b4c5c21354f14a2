//! signing_config.json, and the choice of services from it.
#![no_main]

use bulla_core::{Clock, SystemClock};
use bulla_trust::root::signing_config::SigningConfig;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(config) = SigningConfig::parse(bytes) {
        let _ = config.services(SystemClock.now(), Default::default());
    }
});
