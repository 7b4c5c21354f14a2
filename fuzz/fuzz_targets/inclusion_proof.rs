//! Inclusion and consistency proofs: no claimed proof loops or panics.
#![no_main]

use bulla_crypto::merkle::{verify_consistency, verify_inclusion};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, u64, [u8; 32], [u8; 32], Vec<[u8; 32]>)| {
    let (a, b, leaf, root, proof) = input;
    let _ = verify_inclusion(&leaf, a, b, &proof, &root);
    let _ = verify_consistency(a, b, &proof, &leaf, &root);
});
