//! SPIFFE ids of the transport: nothing is normalized, so that two ids which differ
//! never become one.
#![no_main]

use bulla_authority::transport::SpiffeId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    bulla_fuzz::sow("spiffe_id", &[
        ("replica", b"spiffe://id-1.bulla.local/authority/replica-1".to_vec()),
        ("domain", b"spiffe://example.org".to_vec()),
    ]);
}, |bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(id) = SpiffeId::parse(text) else {
        return;
    };
    assert_eq!(id.to_string(), text);
    let again = SpiffeId::new(id.trust_domain(), id.path()).expect("its own parts");
    assert_eq!(again.to_string(), text);
    assert!(!id.path().split('/').any(|part| matches!(part, "." | "..")));
});
