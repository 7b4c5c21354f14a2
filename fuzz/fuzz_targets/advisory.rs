//! Advisories as their publishers write them: OSV, Debian's lists, CVSS vectors.
#![no_main]

use bulla_scan::database::{
    Builder,
    import::{debian, osv},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut builder = Builder::new();
    let _ = osv::add(bytes, None, &mut builder);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = debian::add(text, &mut builder);
        let _ = osv::severity_of_vector(text);
    }
});
