//! Image references: what is accepted prints back to itself.
#![no_main]

use bulla_core::Reference;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(reference) = text.parse::<Reference>() {
        let printed = reference.to_string();
        assert_eq!(printed.parse::<Reference>().ok().as_ref(), Some(&reference));
    }
});
