//! Request paths and headers of the registry: no range leads beyond the content.
#![no_main]

use bulla_registry::{
    path::parse,
    range::{self, Wanted},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, u64)| {
    let (text, size) = input;
    let _ = parse(text);
    let _ = range::chunk(text);
    if let Wanted::Part { offset, length } = range::wanted(Some(text), size) {
        assert!(
            offset.checked_add(length).is_some_and(|end| end <= size),
            "{text}"
        );
    }
});
