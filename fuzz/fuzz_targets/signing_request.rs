//! Requests to the certificate authority.
#![no_main]

use bulla_authority::ca::parse_signing_request;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_signing_request(None, bytes);
    let _ = parse_signing_request(Some("a.b.c"), bytes);
});
