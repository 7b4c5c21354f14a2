//! Docker's config.json.
#![no_main]

use bulla_oci::Credentials;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Credentials::parse(bytes);
});
