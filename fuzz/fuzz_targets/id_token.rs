//! ID tokens and the key sets that they are checked with.
#![no_main]

use bulla_trust::jwt::{KeySet, UnverifiedToken};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(token) = UnverifiedToken::parse(bytes) {
        let _ = token.claims().challenge();
    }
    let _ = KeySet::parse(bytes);
});
