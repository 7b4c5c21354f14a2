//! in-toto statements.
#![no_main]

use bulla_core::Statement;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    if let Ok(statement) = Statement::parse(payload) {
        let again = serde_json::to_vec(&statement).expect("a statement is JSON");
        let again = Statement::parse(&again).expect("what was written");
        assert_eq!(again.subject, statement.subject);
    }
});
