//! Private keys in PEM.
#![no_main]

use bulla_crypto::SigningKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = SigningKey::from_pkcs8_pem(text);
});
