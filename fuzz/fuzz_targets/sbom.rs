//! Inventories of other tools, in CycloneDX and SPDX.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = bulla_inventory::sbom::read(bytes);
});
