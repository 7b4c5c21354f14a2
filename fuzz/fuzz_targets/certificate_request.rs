//! PKCS#10 requests.
#![no_main]

use bulla_crypto::x509::parse_csr_pem;
use bulla_fuzz::{requests, sow};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    sow("certificate_request", &requests::certificate_request());
}, |bytes: &[u8]| {
    let _ = parse_csr_pem(bytes);
});
