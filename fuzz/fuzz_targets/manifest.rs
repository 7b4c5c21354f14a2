//! Image manifests and indexes, as they are pushed.
#![no_main]

use bulla_registry::manifest::read;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Option<&str>, &[u8])| {
    let (content_type, bytes) = input;
    let _ = read(bytes, content_type);
    let _ = read(bytes, Some("application/vnd.oci.image.manifest.v1+json"));
});
