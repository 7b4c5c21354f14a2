//! Sigstore bundles.
#![no_main]

use bulla_trust::sigstore::UnverifiedBundle;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = UnverifiedBundle::parse(bytes) {
        let _ = bundle.kind();
        let _ = bundle.statement();
    }
});
