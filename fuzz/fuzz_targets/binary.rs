//! Executables: formats, and the lists of dependencies inside them.
#![no_main]

use bulla_inventory::{
    binary::{Binary, parse_go_build},
    cataloger::cargo::parse_crate_list,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Binary::inspect(bytes);
    let _ = parse_go_build(bytes);
    let _ = parse_crate_list(bytes);
});
