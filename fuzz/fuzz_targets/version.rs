//! Version orders: reflexive and the same from both sides.
#![no_main]

use std::cmp::Ordering;

use bulla_inventory::{Ecosystem, version::compare};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| {
    let (a, b) = input;
    for ecosystem in Ecosystem::ALL {
        let order = compare(ecosystem, a, b);
        assert_eq!(order.map(Ordering::reverse), compare(ecosystem, b, a));
        if compare(ecosystem, a, a).is_some() {
            assert_eq!(compare(ecosystem, a, a), Some(Ordering::Equal));
        }
    }
});
