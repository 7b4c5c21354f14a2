//! An inventory of the image, in a format that can be read.

use bulla_core::{Reason, statement::predicate_type};
use serde_json::Value;

use super::case::{Case, Verdict, speak};
use crate::{
    code,
    ir::{Sbom, SbomFormat},
};

pub(super) fn judge(case: &Case<'_>, rule: &Sbom) -> Verdict {
    let types: Vec<&str> = rule.formats.iter().map(|f| type_of(*f)).collect();
    let mut unreadable = None;
    for format in &rule.formats {
        let types = [type_of(*format)];
        let Some(attestation) = case.newest(&types, &rule.authorities) else {
            continue;
        };
        if is_document(*format, &attestation.claim().predicate) {
            return Verdict::allow(format!(
                "{} inventory by {}",
                name_of(*format),
                speak(case.policy, &attestation.proof().signer)
            ))
            .resting_on(attestation);
        }
        let text = format!(
            "the inventory is not a {} document with a list of components",
            name_of(*format)
        );
        unreadable = Some(
            Verdict::deny(
                Reason::new(code::SBOM, text).hint("bulla ship .   takes the inventory again"),
            )
            .resting_on(attestation),
        );
    }
    unreadable.unwrap_or_else(|| case.absent("inventory", &types, &rule.authorities))
}

fn type_of(format: SbomFormat) -> &'static str {
    match format {
        SbomFormat::CycloneDx => predicate_type::CYCLONEDX,
        SbomFormat::Spdx => predicate_type::SPDX,
    }
}

fn name_of(format: SbomFormat) -> &'static str {
    match format {
        SbomFormat::CycloneDx => "CycloneDX",
        SbomFormat::Spdx => "SPDX",
    }
}

/// Whether it says what it is, and lists something or nothing. CycloneDX leaves
/// an empty list out, SPDX describes at least the image itself.
fn is_document(format: SbomFormat, document: &Value) -> bool {
    let text = |key| document.get(key).and_then(Value::as_str);
    match format {
        SbomFormat::CycloneDx => {
            text("bomFormat") == Some("CycloneDX")
                && text("specVersion").is_some()
                && document.get("components").is_none_or(Value::is_array)
        }
        SbomFormat::Spdx => {
            text("spdxVersion").is_some_and(|v| v.starts_with("SPDX-2."))
                && document
                    .get("packages")
                    .and_then(Value::as_array)
                    .is_some_and(|packages| !packages.is_empty())
        }
    }
}
