//! `bulla verify` without anybody who counts: the policy decides, of one manifest
//! or of an index with everything below it, of each by itself.

use bulla_core::{Decision, Outcome, Reference};
use bulla_trust::Revocations;
use serde_json::{Value, json};

use super::VerifyArgs;
use crate::{
    compose,
    context::Context,
    failure::{Exit, Failure},
    journey::{
        evidence::{self, Gathered},
        target::Target,
        verifying::NOT_LOOKED_AT,
    },
    output::{self, Outputs, talk::Mark},
};

/// What was decided on one manifest.
struct Decided {
    gathered: Gathered,
    decision: Decision,
}

impl Decided {
    fn document(&self) -> Value {
        let mut document = json!({
            "reference": self.gathered.pinned, "digest": self.gathered.digest(),
            "outcome": self.decision.outcome, "decision": self.decision,
            "rejections": self.gathered.rejections(),
        });
        if let Some(platform) = &self.gathered.platform {
            document["platform"] = json!(platform);
        }
        document
    }
}

/// Has the policy decide, and tells it.
///
/// # Errors
/// If the image or its evidence cannot be had, or the policy not be read.
pub fn run(args: &VerifyArgs, context: &Context, outputs: &Outputs) -> Result<Exit, Failure> {
    let reference = match (&args.image, &args.kind) {
        (Target::Image(reference), None) => reference.clone(),
        _ => {
            let what = "a policy judges images in a registry, by all that is said of them";
            return Err(Failure::new(Exit::Usage, "CLI-0324", what)
                .hint("name who counts: --key REF, or --identity ISSUER=SUBJECT"));
        }
    };
    let (first, below) = context.block_on(decide(args, &reference, context))?;
    let outcomes = below.iter().map(|one| one.decision.outcome);
    let outcome = outcomes.fold(first.decision.outcome, Outcome::max);
    outputs.write(|format| match format {
        "json" => {
            let mut document = first.document();
            document["version"] = json!(1);
            document["reference"] = json!(reference);
            document["outcome"] = json!(outcome);
            if !below.is_empty() {
                document["below"] = below.iter().map(Decided::document).collect();
            }
            output::json(&document)
        }
        _ if outcome.is_allowed() => Ok(first.gathered.pinned.to_string().into_bytes()),
        _ => Ok(Vec::new()),
    })?;
    for one in std::iter::once(&first).chain(&below) {
        tell(context, one, args.found.explain);
    }
    Ok(outcome.into())
}

async fn decide(
    args: &VerifyArgs,
    reference: &Reference,
    context: &Context,
) -> Result<(Decided, Vec<Decided>), Failure> {
    let instance = compose::connect_for(context, reference.registry()).await?;
    let trust = match args.trust.is_given() {
        true => args.trust.trusted(context)?,
        false => instance.trust_root()?.into(),
    };
    if matches!(trust.root().revocations(), Revocations::NotLookedAt) {
        context.talk.say(NOT_LOOKED_AT);
    }
    let now = args.trust.as_of();
    let which = args.which.which();
    let (first, below) =
        evidence::gather_all(&instance, reference, &which, trust.root(), now).await?;
    let policy = evidence::policy(&instance, args.policy.as_deref())?;
    let decided = |gathered: Gathered| Decided {
        decision: evidence::judge(&policy, &gathered),
        gathered,
    };
    Ok((decided(first), below.into_iter().map(decided).collect()))
}

fn tell(context: &Context, decided: &Decided, all: bool) {
    let talk = &context.talk;
    let (gathered, decision) = (&decided.gathered, &decided.decision);
    if decision.outcome.is_allowed() {
        talk.say(&format!(
            " {} ALLOWED by policy {} ({} rules) · {}",
            talk.paint("✓", Mark::Ok),
            decision.policy,
            decision.rules.len(),
            gathered.shown()
        ));
    } else {
        talk.alarm(&evidence::denial(decision, &gathered.pinned));
    }
    if all {
        for rule in &decision.rules {
            let mark = if rule.outcome.is_allowed() {
                Mark::Ok
            } else {
                Mark::Failed
            };
            for reason in &rule.reasons {
                talk.say(&format!(
                    "   {} {:<24} {}   [{}]",
                    mark.glyph(),
                    rule.rule,
                    reason.text,
                    reason.code
                ));
            }
        }
        for rejection in gathered.rejections() {
            talk.say(&format!(
                "   ✗ not accepted: {}   [{}]",
                rejection.text, rejection.code
            ));
        }
    }
}
