//! Advisory databases: damaged ones are refused.
#![no_main]

use bulla_scan::Database;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Database::from_bytes("fuzzed", bytes);
});
