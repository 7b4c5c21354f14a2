//! Chains that are sent to the certificate log, and the leaves that it gives back.
#![no_main]

use bulla_authority::log::ct::parse_chain;
use bulla_crypto::ct_leaf::parse_tile_leaf;
use bulla_fuzz::{requests, sow};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    sow("chain", &requests::chains());
}, |bytes: &[u8]| {
    let _ = parse_chain(bytes);
    let mut rest = bytes;
    while let Ok((_, after)) = parse_tile_leaf(rest) {
        assert!(after.len() < rest.len());
        rest = after;
    }
});
