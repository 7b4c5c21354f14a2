//! trusted_root.json.
#![no_main]

use bulla_core::{Digest, RootId};
use bulla_trust::TrustRoot;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(root) = TrustRoot::parse(bytes, RootId(Digest::sha256(b"root"))) {
        let _ = root.authorities();
    }
});
