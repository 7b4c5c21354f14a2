//! Signed notes and the checkpoints in them.
#![no_main]

use bulla_crypto::{checkpoint::parse_checkpoint, note::parse_note};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = parse_note(bytes) {
        let _ = parse_checkpoint(note.text.as_bytes());
        let printed = note.to_string();
        let again = parse_note(printed.as_bytes()).expect("what was written");
        assert_eq!(again.to_string(), printed);
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(checkpoint) = parse_checkpoint(text.as_bytes())
    {
        // Extension lines are dropped; the rest is one spelling.
        assert!(text.starts_with(&checkpoint.text()));
    }
});
