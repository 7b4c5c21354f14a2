//! Manifests and configurations as a registry or a layout gives them.
#![no_main]

use bulla_oci::manifest::{parse_config, parse_manifest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Option<&str>, &[u8])| {
    let (stated, bytes) = input;
    let _ = parse_manifest(bytes, stated);
    let _ = parse_manifest(bytes, None);
    let _ = parse_config(bytes);
});
