//! Lists of allowed signers, and OpenPGP keyrings.
#![no_main]

use bulla_source::{AllowedSigners, Keyring};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = AllowedSigners::parse(bytes);
    let _ = Keyring::parse(bytes);
});
