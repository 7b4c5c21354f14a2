//! Whatever is tampered with is denied by the stage that it belongs to.
//!
//! Each test makes something real, changes one thing, and expects the exit code
//! and the stable error code of the stage that must notice. Every refusal stands
//! beside the untouched twin that is accepted.

mod bundles;
mod image;
mod policy;
pub(crate) mod scene;
mod source;

use bulla_testkit::Outcome;
pub(crate) use policy::signed_by;
use serde_json::Value;

/// Asserts that `verify -o json` objected in `rule` with `code`.
#[track_caller]
fn objects<'a>(outcome: &'a Outcome, rule: &str, code: &str) -> &'a Outcome {
    let json = outcome.json();
    let rules = json["decision"]["rules"].as_array().expect("rules");
    let found = rules.iter().find(|one| one["rule"] == rule);
    let found = found.unwrap_or_else(|| panic!("no rule {rule}\n{}", outcome.account()));
    assert_ne!(found["outcome"], "allow", "{}", outcome.account());
    assert!(
        codes(&found["reasons"]).contains(&code.to_owned()),
        "{rule} does not say {code}\n{}",
        outcome.account()
    );
    outcome
}

/// Asserts that one of the bundles was rejected with `code`.
#[track_caller]
fn rejects<'a>(outcome: &'a Outcome, code: &str) -> &'a Outcome {
    let found = codes(&outcome.json()["rejections"]);
    assert!(
        found.contains(&code.to_owned()),
        "rejections {found:?}, not {code}\n{}",
        outcome.account()
    );
    outcome
}

fn codes(reasons: &Value) -> Vec<String> {
    let reasons = reasons.as_array().into_iter().flatten();
    let codes = reasons.filter_map(|reason| reason["code"].as_str());
    codes.map(str::to_owned).collect()
}
