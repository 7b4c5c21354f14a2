//! Signed certificate timestamps: what is read is written back byte by byte.
#![no_main]

use bulla_crypto::sct::{encode_list, parse_sct_list};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(list) = parse_sct_list(bytes) {
        let encoded = encode_list(&list).expect("a list that was read");
        assert_eq!(parse_sct_list(&encoded).expect("what was written"), list);
    }
});
