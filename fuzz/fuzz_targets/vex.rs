//! OpenVEX documents.
#![no_main]

use bulla_scan::vex::OpenVex;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = OpenVex::parse(bytes);
});
