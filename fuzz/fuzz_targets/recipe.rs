//! bulla.toml: an error always names a place within the text.
#![no_main]

use bulla_build::Recipe;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = Recipe::parse(text, "bulla.toml")
        && let Some(position) = error.position()
    {
        assert!(position.line >= 1 && position.line <= text.lines().count() + 1);
        assert!(!error.to_string().is_empty());
    }
});
