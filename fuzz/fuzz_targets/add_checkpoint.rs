//! What a log sends to a witness. What is read names a tree that does not shrink, or
//! is refused later; the note's text is the checkpoint's.
#![no_main]

use bulla_authority::witness::parse_add_checkpoint;
use bulla_fuzz::{requests, sow};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    sow("add_checkpoint", &requests::add_checkpoint());
}, |bytes: &[u8]| {
    if let Ok(request) = parse_add_checkpoint(bytes) {
        assert!(request.proof.len() <= 63);
        assert!(request.note.text.starts_with(&request.checkpoint.origin));
    }
});
