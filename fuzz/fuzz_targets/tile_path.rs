//! Paths of log tiles: one spelling for each tile.
#![no_main]

use bulla_crypto::merkle::parse_tile_path;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|path: &[u8]| {
    let _ = parse_tile_path(path);
});
