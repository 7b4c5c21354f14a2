//! The files that people of a ceremony hand to each other: a plan that is read is
//! written back and read as the same, and none can be carried out by nobody.
#![no_main]

use std::path::Path;

use bulla_authority::ceremony::{Export, Outcome, Plan, PublicKeyFile};
use bulla_fuzz::{requests, sow};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    sow("ceremony", &requests::ceremony());
}, |bytes: &[u8]| {
    if let Ok(plan) = Plan::parse(bytes) {
        for role in [&plan.root, &plan.targets] {
            assert!(role.threshold >= 1);
            assert!(role.threshold as usize <= role.people.len());
        }
        let again = plan.to_toml().expect("a plan that was read");
        assert_eq!(Plan::parse(again.as_bytes()).expect("what was written"), plan);
    }
    let _ = Export::parse(bytes);
    let _ = Outcome::parse(bytes);
    let _ = PublicKeyFile::parse(Path::new("dana.json"), bytes, "dana");
});
