//! `bulla verify`: an image against the policy, or against those who count.

use bulla_core::{Decision, Reference};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

use super::{
    args::{ExpectedArgs, TrustArgs, WaiverArgs, demand},
    sign::pair,
};
use crate::{
    compose,
    context::Context,
    failure::{Exit, Failure},
    journey::{
        evidence::{self, Gathered},
        publish::Layouts,
        seal,
        target::Target,
        verifying::{self, Answer, Question, Wanted},
    },
    output::{self, Outputs, talk::Mark},
};

/// Arguments of `bulla verify`.
#[derive(Args)]
#[command(after_help = "\
Without somebody who counts, the policy decides (the instance's, or --policy). With --key,
--certificate-identity or --identity, so many of them as --threshold says must have signed.

Formats: text, json.

Examples:
  bulla verify 127.0.0.1:5610/hello:git-4be1d2a90c11
  bulla verify --policy release.yaml 127.0.0.1:5610/hello@sha256:71c0…
  bulla verify --key cosign.pub --insecure-ignore-tlog registry.example.com/hello:v1
  bulla verify --certificate-identity dana@example.com \\
      --certificate-oidc-issuer http://127.0.0.1:5620/oidc/asserted 127.0.0.1:5610/hello:v1
  bulla verify --sigstore public --threshold 2 ghcr.io/example/hello:v1 --explain \\
      --identity 'https://token.actions.githubusercontent.com=https://github.com/example/**' \\
      --identity https://accounts.google.com=dana@example.com")]
pub struct VerifyArgs {
    /// The image, or layout:DIR as bulla save writes it
    #[arg(value_name = "REF")]
    image: Target,
    /// The policy [default: the instance's]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "identity", "certificate_identity", "certificate_identity_regexp"])]
    policy: Option<PathBuf>,
    /// Only attestations of this predicate type count, instead of signatures
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    #[command(flatten)]
    expected: ExpectedArgs,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    waivers: WaiverArgs,
    #[command(flatten)]
    found: FoundArgs,
    /// Only signatures with this annotation count; repeatable
    #[arg(short, long = "annotation", value_name = "KEY=VALUE", value_parser = pair)]
    annotation: Vec<(String, String)>,
}

/// Where seals are looked for, and how much is told.
#[derive(Args, Clone, Debug)]
pub struct FoundArgs {
    /// Where signatures are looked for: referrers, tags, or both
    #[arg(long, value_name = "LAYOUTS", default_value_t = Layouts::BOTH)]
    pub layout: Layouts,
    /// Show every check
    #[arg(long)]
    pub explain: bool,
}

/// Runs it.
///
/// # Errors
/// If the image or its evidence cannot be had, or is not accepted.
pub fn run(args: VerifyArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    if !args.expected.is_given() {
        return by_policy(args, context, &outputs);
    }
    let wanted = match &args.kind {
        None => Wanted::Signature,
        Some(kind) => Wanted::Statement(Some(seal::wanted_type(kind)?)),
    };
    let question = Question {
        target: args.image.clone(),
        evidence: None,
        layouts: args.found.layout,
    };
    let demand = || {
        let demand = demand(&args.expected, &args.trust, &args.waivers, context)?;
        let annotations = args.annotation.iter().cloned().collect();
        Ok(demand.wanting(wanted).annotated(annotations))
    };
    let answer = context.block_on(verifying::image(&question, demand, context))?;
    tell_answer(context, &outputs, &answer, &args.image, args.found.explain)
}

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
    let judged = &answer.judged;
    let failure = judged.failure(format!("{} is not verified", answer.pinned), answer.gaps());
    let accepted = &judged.accepted;
    if explain {
        context.talk.say(judged.report.to_string().trim_end());
    }
    match &failure {
        Some(failure) => context.talk.alarm(&failure.to_string()),
        None => {
            for one in accepted {
                let line = format!(" ✓ {} by {}", one.kind(), one.signer());
                context.talk.say(&line);
            }
        }
    }
    outputs.write(|format| match (format, &failure) {
        ("json", _) => output::json(&json!({
            "version": 1, "reference": asked.to_string(), "digest": answer.digest,
            "outcome": judged.outcome(answer.gaps()), "accepted": accepted,
            "rejections": judged.rejections, "gaps": answer.gaps(), "report": judged.report,
        })),
        (_, None) => Ok(answer.pinned.clone().into_bytes()),
        (_, Some(_)) => Ok(Vec::new()),
    })?;
    failure.map_or(Ok(Exit::Allowed), |failure| {
        Err(Failure::told(failure.exit()))
    })
}

fn by_policy(args: VerifyArgs, context: &Context, outputs: &Outputs) -> Result<Exit, Failure> {
    let reference = match (&args.image, &args.kind) {
        (Target::Image(reference), None) => reference.clone(),
        _ => {
            let what = "a policy judges images in a registry, by all that is said of them";
            return Err(Failure::new(Exit::Usage, "CLI-0324", what)
                .hint("name who counts: --key REF, or --identity ISSUER=SUBJECT"));
        }
    };
    let (gathered, decision) = context.block_on(decide(&args, &reference, context))?;
    let allowed = decision.outcome.is_allowed();
    outputs.write(|format| match format {
        "json" => output::json(&json!({"version": 1, "reference": reference, "digest": gathered.digest(), "decision": decision, "rejections": gathered.rejections()})),
        _ if allowed => Ok(gathered.pinned.to_string().into_bytes()),
        _ => Ok(Vec::new()),
    })?;
    Ok(tell_decision(
        context,
        &gathered,
        &decision,
        args.found.explain,
    ))
}

async fn decide(
    args: &VerifyArgs,
    reference: &Reference,
    context: &Context,
) -> Result<(Gathered, Decision), Failure> {
    let instance = compose::connect_for(context, reference.registry()).await?;
    let trust = match args.trust.is_given() {
        true => args.trust.trusted(context)?,
        false => instance.trust_root()?.into(),
    };
    let now = args.trust.as_of();
    let gathered = evidence::gather(&instance, reference, trust.root(), now).await?;
    let policy = evidence::policy(&instance, args.policy.as_deref())?;
    let decision = evidence::judge(&policy, &gathered);
    Ok((gathered, decision))
}

fn tell_decision(context: &Context, gathered: &Gathered, decision: &Decision, all: bool) -> Exit {
    let talk = &context.talk;
    if decision.outcome.is_allowed() {
        talk.say(&format!(
            " {} ALLOWED by policy {} ({} rules) · {}",
            talk.paint("✓", Mark::Ok),
            decision.policy,
            decision.rules.len(),
            gathered.pinned
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
    decision.outcome.into()
}
