//! Answers of the certificate authority and of the token socket.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = bulla_net::ca::parse_answer(bytes);
    let _ = bulla_net::token::parse_answer(bytes);
});
