//! Package URLs: what is accepted prints to a canonical form that is accepted.
#![no_main]

use bulla_inventory::Purl;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(purl) = Purl::parse(text) {
        let printed = purl.to_string();
        let again = Purl::parse(&printed).expect("what was written");
        assert_eq!(again.to_string(), printed);
    }
});
