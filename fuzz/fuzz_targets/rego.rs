//! Rego policies: read, and asked about a statement that the same bytes may be.
#![no_main]

use bulla_expr::{
    Budget,
    rego::{Module, Policy},
};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use std::time::Duration;

/// What an engine that is left behind may cost is not what is looked for here.
const SMALL: Budget = Budget {
    time: Duration::from_secs(5),
    source_bytes: 512,
    input_bytes: 4096,
};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let brackets = |byte: &u8| matches!(byte, b'(' | b'[' | b'{');
    if bytes.iter().filter(|byte| brackets(byte)).count() > 8 {
        return;
    }
    let input: Value = serde_json::from_slice(bytes).unwrap_or(json!({"predicate": {"n": 1}}));
    for text in [
        text.to_owned(),
        format!("package signature\nallow {{ {text} }}"),
    ] {
        let module = Module {
            name: "fuzz",
            text: &text,
        };
        if let Ok(policy) = Policy::parse(&[module], SMALL) {
            let asked = policy.ask("data.signature.allow", &input, Timestamp::UNIX_EPOCH);
            assert!(!matches!(asked, Err(bulla_expr::rego::RegoError::Crashed)));
        }
    }
});
