//! What came out of verifying an image for those who count, told: of one
//! manifest, or of an index with everything below it.

use serde_json::{Value, json};

use crate::{
    context::Context,
    failure::{Exit, Failure},
    journey::{
        target::Target,
        verifying::{Answer, NOT_LOOKED_AT},
    },
    output::{self, Outputs},
};

/// Manifests that are not accepted and are told one by one.
const SHOWN: usize = 5;

/// Tells what came out, as data and in words.
///
/// # Errors
/// The denial.
pub fn tell_answer(
    context: &Context,
    outputs: &Outputs,
    answer: &Answer,
    asked: &Target,
    explain: bool,
) -> Result<Exit, Failure> {
    let all = || std::iter::once(answer).chain(&answer.below);
    let outcome = answer.outcome();
    if explain {
        for one in all() {
            context.talk.say(one.judged.report.to_string().trim_end());
        }
    }
    let mut refused: Vec<&Answer> = all().filter(|one| one.failure().is_some()).collect();
    refused.sort_by_key(|one| std::cmp::Reverse(one.own_outcome()));
    for failure in refused.iter().take(SHOWN).filter_map(|one| one.failure()) {
        context.talk.alarm(&failure.to_string());
    }
    if let Some(more) = refused.len().checked_sub(SHOWN + 1) {
        let text = format!("✗ and {} more; -o json names them", more + 1);
        context.talk.alarm(&text);
    }
    if refused.is_empty() {
        for one in all() {
            for said in &one.judged.accepted {
                let on = match answer.below.is_empty() {
                    true => String::new(),
                    false => format!(" · {}", one.shown()),
                };
                let line = format!(" ✓ {} by {}{on}", said.kind(), said.signer());
                context.talk.say(&line);
            }
        }
        let mut accepted = all().flat_map(|one| &one.judged.accepted);
        if accepted.any(|said| said.revocation_not_looked_at()) {
            context.talk.say(NOT_LOOKED_AT);
        }
    }
    outputs.write(|format| match format {
        "json" => output::json(&document(answer, asked)),
        _ if outcome.is_allowed() => Ok(answer.pinned.clone().into_bytes()),
        _ => Ok(Vec::new()),
    })?;
    match outcome.is_allowed() {
        true => Ok(Exit::Allowed),
        false => Err(Failure::told(outcome.into())),
    }
}

/// The answer as data. Frozen, version 1; fields are only added. `outcome` is that
/// of the whole.
fn document(answer: &Answer, asked: &Target) -> Value {
    let mut document = part(answer);
    document["version"] = json!(1);
    document["reference"] = json!(asked.to_string());
    document["outcome"] = json!(answer.outcome());
    if !answer.below.is_empty() {
        document["below"] = answer.below.iter().map(part).collect();
    }
    document
}

fn part(answer: &Answer) -> Value {
    let judged = &answer.judged;
    let mut part = json!({
        "reference": answer.pinned, "digest": answer.digest,
        "outcome": answer.own_outcome(), "accepted": judged.accepted,
        "rejections": judged.rejections, "gaps": answer.gaps, "report": judged.report,
    });
    if let Some(platform) = &answer.platform {
        part["platform"] = json!(platform);
    }
    part
}
