//! Names of members of image archives: none leads out of the layout.
#![no_main]

use bulla_oci::archive::member;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|path: &str| {
    if member(path).is_ok() {
        assert!(!path.split('/').any(|part| part == ".."), "{path}");
    }
});
