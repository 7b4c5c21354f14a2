//! Requests to the certificate authority, of both versions of its API. What is
//! accepted has a token: the header's, or the one in the body.
#![no_main]

use bulla_authority::ca::{parse_legacy_request, parse_signing_request};
use bulla_fuzz::{requests, sow};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    sow("signing_request", &requests::signing());
}, |bytes: &[u8]| {
    let _ = parse_signing_request(None, bytes);
    let _ = parse_signing_request(Some("a.b.c"), bytes);
    assert!(parse_legacy_request(None, bytes).is_err());
    let _ = parse_legacy_request(Some("a.b.c"), bytes);
});
