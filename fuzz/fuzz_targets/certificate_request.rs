//! PKCS#10 requests.
#![no_main]

use bulla_crypto::x509::parse_csr_pem;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_csr_pem(bytes);
});
