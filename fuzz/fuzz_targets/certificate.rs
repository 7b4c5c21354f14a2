//! X.509 certificates, one in DER and chains in PEM.
#![no_main]

use bulla_crypto::x509::{parse_certificate, parse_pem_chain};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_certificate(bytes);
    let _ = parse_pem_chain(bytes);
});
