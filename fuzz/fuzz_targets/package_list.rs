//! What package managers leave on disk.
#![no_main]

use bulla_inventory::cataloger::{apk, dpkg, go, os_release, python};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = apk::parse_installed(bytes);
    let _ = dpkg::parse_status(bytes);
    let _ = dpkg::parse_copyright(bytes);
    let _ = os_release::parse(bytes);
    let _ = python::parse_metadata(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = go::parse_modules(text);
    }
});
