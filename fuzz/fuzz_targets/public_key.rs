//! Public keys, ours and those of other tools, in DER and PEM.
#![no_main]

use bulla_crypto::PublicKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = PublicKey::from_spki_der(bytes);
    let _ = PublicKey::from_pkcs1_der(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = PublicKey::from_pem(text);
    }
});
