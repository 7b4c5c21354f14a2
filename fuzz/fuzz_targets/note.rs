//! Signed notes and the checkpoints in them: what the log is found to have signed
//! is what it signed.
#![no_main]

use bulla_crypto::{PublicKey, checkpoint::parse_checkpoint, note::parse_note};
use bulla_fuzz::{fact, fact_bytes, sow, world};
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

static KEY: OnceLock<PublicKey> = OnceLock::new();

fuzz_target!(init: {
    sow("note", &[("good", fact("/note").into()), ("text", fact("/noteText").into())]);
}, |bytes: &[u8]| {
    if let Ok(note) = parse_note(bytes) {
        let checkpoint = parse_checkpoint(note.text.as_bytes());
        let printed = note.to_string();
        let again = parse_note(printed.as_bytes()).expect("what was written");
        assert_eq!(again.to_string(), printed);
        let key = KEY.get_or_init(|| PublicKey::from_spki_der(&fact_bytes("logKey")).expect("kept"));
        if note.verify(world::ORIGIN, key).is_ok() {
            assert_eq!(note.text, fact("/noteText"));
            assert_eq!(checkpoint.expect("a checkpoint").size, 9);
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(checkpoint) = parse_checkpoint(text.as_bytes())
    {
        // Extension lines are dropped; the rest is one spelling.
        assert!(text.starts_with(&checkpoint.text()));
    }
});
