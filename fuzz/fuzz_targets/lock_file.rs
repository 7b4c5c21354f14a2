//! Lock files of every kind, by the name that tells the kind.
#![no_main]

use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 6] = [
    "Cargo.lock",
    "go.mod",
    "package-lock.json",
    "poetry.lock",
    "requirements.txt",
    "uv.lock",
];

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, content) = input;
    let name = NAMES[usize::from(kind) % NAMES.len()];
    let _ = bulla_inventory::catalog_lock_file(name, content);
});
