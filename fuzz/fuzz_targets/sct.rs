//! Signed certificate timestamps: what is read is written back byte by byte, and
//! what the log is found to have promised is what it promised.
#![no_main]

use bulla_crypto::{
    PublicKey,
    sct::{PrecertEntry, encode_list, parse_sct_list},
};
use bulla_fuzz::{fact_bytes, sow};
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

static KEY: OnceLock<PublicKey> = OnceLock::new();

fuzz_target!(init: {
    sow("sct", &[("good", fact_bytes("scts"))]);
}, |bytes: &[u8]| {
    let Ok(list) = parse_sct_list(bytes) else {
        return;
    };
    let encoded = encode_list(&list).expect("a list that was read");
    assert_eq!(encoded, bytes);
    assert_eq!(parse_sct_list(&encoded).expect("what was written"), list);
    let key = KEY.get_or_init(|| PublicKey::from_spki_der(&fact_bytes("ctKey")).expect("kept key"));
    let promised = PrecertEntry {
        issuer_key_hash: [7; 32],
        tbs: b"tbs",
    };
    let other = PrecertEntry {
        tbs: b"TBS",
        ..promised
    };
    for sct in &list {
        assert!(sct.verify(key, &other).is_err());
        if sct.verify(key, &promised).is_ok() {
            let leaf = sct.timestamp_ms.checked_sub(1_700_000_000_000);
            assert!(matches!(leaf, Some(0 | 1)));
            assert_eq!(sct.leaf_index(), leaf.map(|leaf| 7 + leaf));
        }
    }
});
