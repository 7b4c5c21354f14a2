//! Lists of revocations: a good one says itself again, and nothing that does not
//! hold in a bundle is read from one.
#![no_main]

use bulla_fuzz::{kept, requests, sow};
use bulla_trust::revocation::RevocationList;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    sow("revocation_list", &requests::revocations());
}, |bytes: &[u8]| {
    let _ = RevocationList::in_bundle(bytes);
    let Ok(list) = serde_json::from_slice::<RevocationList>(bytes) else {
        return;
    };
    let statement = list.statement(kept().root.id()).expect("a statement");
    let again: RevocationList = serde_json::from_value(statement.predicate).expect("our own");
    assert_eq!(again, list);
});
