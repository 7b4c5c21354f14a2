//! The other opinion: the core of the `sigstore-*` crates.
//!
//! Whatever we accept with the strict requirements, it accepts too, on good
//! bundles and on bundles that are edited in one place.

use bulla_trust::sigstore::Verification;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;
use sigstore_verify::{VerificationPolicy, Verifier, types::Bundle};

use crate::suite::{Case, assets};

fn core_accepts(case: &Case, bundle: &[u8]) -> bool {
    let document = match &case.root {
        Some(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        None => sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT.to_owned(),
    };
    let root = sigstore_trust_root::TrustedRoot::from_json(&document).unwrap();
    let verifier = Verifier::new(&root).unwrap();
    let Ok(bundle) = Bundle::from_json(&String::from_utf8_lossy(bundle)) else {
        return false;
    };
    let policy = VerificationPolicy::any_identity();
    verifier
        .verify(case.artifact.as_slice(), &bundle, &policy)
        .is_ok()
}

fn we_accept(case: &Case, bundle: &[u8]) -> bool {
    let attestation = case.bundle_json().get("dsseEnvelope").is_some();
    case.under_root(|root| {
        let verification = Verification::new(root, Timestamp::now());
        if attestation {
            verification.attestation(bundle, &case.digest()).is_ok()
        } else {
            verification
                .signature(bundle, case.artifact.as_slice())
                .is_ok()
        }
    })
    .unwrap_or(false)
}

#[test]
fn the_core_accepts_what_we_accept() {
    let Some(assets) = assets() else { return };
    let mut accepted = 0;
    let good = |case: &&Case| case.key.is_none() && !case.name.ends_with("_fail");
    for case in Case::all(&assets).iter().filter(good) {
        if we_accept(case, &case.bundle) {
            assert!(core_accepts(case, &case.bundle), "{}", case.name);
            accepted += 1;
        }
    }
    assert!(accepted >= 15, "{accepted}");
}

/// Every leaf of a JSON tree, by pointer.
fn leaves(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| leaves(value, format!("{at}/{key}"), found)),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(index, value)| leaves(value, format!("{at}/{index}"), found)),
        _ => found.push(at),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_core_accepts_what_we_accept_of_edited_bundles(
        name in prop::sample::select(vec![
            "happy-path-v0.3", "rekor2-happy-path", "rekor2-dsse-happy-path",
            "intoto-with-custom-trust-root",
        ]),
        leaf in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in prop::sample::select(b"ABCabc019+/=".to_vec()),
    ) {
        let Some(assets) = assets() else { return Ok(()) };
        let case = Case::read(&assets, name);
        let mut bundle = case.bundle_json();
        let mut pointers = Vec::new();
        leaves(&bundle, String::new(), &mut pointers);
        let pointer: &String = leaf.get(&pointers);
        let edited = bundle.pointer_mut(pointer).unwrap();
        if let Some(text) = edited.as_str().filter(|text| !text.is_empty()) {
            let mut bytes = text.as_bytes().to_vec();
            let place = at.index(bytes.len());
            bytes[place] = byte;
            *edited = Value::String(String::from_utf8_lossy(&bytes).into_owned());
        }
        let bundle = bundle.to_string();
        if we_accept(&case, bundle.as_bytes()) {
            prop_assert!(core_accepts(&case, bundle.as_bytes()), "{bundle}");
        }
    }
}
