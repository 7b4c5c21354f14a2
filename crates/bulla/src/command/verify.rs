//! `bulla verify`: an image against the policy, or against one identity.

use bulla_core::Reference;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

use crate::{
    compose,
    context::Context,
    failure::{Exit, Failure},
    journey::evidence::{self, Expected, Gathered},
    output,
    output::talk::Mark,
};

/// Arguments of `bulla verify`.
#[derive(Args)]
#[command(after_help = "\
Without an identity, the policy decides (the instance's, or --policy). With one, at least one
signature or attestation must be by it.

Formats: text, json.

Examples:
  bulla verify 127.0.0.1:5610/hello:git-4be1d2a90c11
  bulla verify --policy release.yaml 127.0.0.1:5610/hello@sha256:71c0…
  bulla verify --certificate-identity dana@example.com \\
      --certificate-oidc-issuer http://127.0.0.1:5620/oidc/asserted 127.0.0.1:5610/hello:v1")]
pub struct VerifyArgs {
    /// The image
    #[arg(value_name = "REF")]
    reference: Reference,
    /// The policy [default: the instance's]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["certificate_identity", "certificate_oidc_issuer"])]
    policy: Option<PathBuf>,
    #[command(flatten)]
    expected: ExpectedArgs,
    /// Only attestations of this predicate type count
    #[arg(long = "type", value_name = "TYPE", requires = "certificate_identity")]
    kind: Option<String>,
    /// Show every check
    #[arg(long)]
    explain: bool,
}

/// Whose signature counts, under which root.
#[derive(Args, Clone, Debug, Default)]
pub struct ExpectedArgs {
    /// The signer's address or URI, exactly
    #[arg(long, value_name = "IDENTITY", requires = "certificate_oidc_issuer")]
    pub certificate_identity: Option<String>,
    /// The issuer that vouched for it, exactly
    #[arg(long, value_name = "URL", requires = "certificate_identity")]
    pub certificate_oidc_issuer: Option<String>,
    /// A trusted_root.json [default: the instance's]
    #[arg(long, value_name = "FILE")]
    pub trusted_root: Option<PathBuf>,
}

impl ExpectedArgs {
    /// The expected signer, if one is named.
    pub fn signer(&self) -> Option<Expected> {
        let identity = self.certificate_identity.clone()?;
        Some(Expected {
            identity,
            issuer: self.certificate_oidc_issuer.clone()?,
        })
    }
}

/// Runs it.
///
/// # Errors
/// If the image or its evidence cannot be had, or is not accepted.
pub fn run(args: VerifyArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let (gathered, decision, root) = context.block_on(async {
        let instance = compose::connect_for(context, args.reference.registry()).await?;
        let trust = match &args.expected.trusted_root {
            Some(file) => evidence::read_trust_root(file)?,
            None => instance.trust_root()?,
        };
        let root = trust.id().clone();
        let now = jiff::Timestamp::now();
        let gathered = evidence::gather(&instance, &args.reference, trust, now).await?;
        let decision = match args.expected.signer() {
            Some(_) => None,
            None => {
                let policy = evidence::policy(&instance, args.policy.as_deref())?;
                Some(evidence::judge(&policy, &gathered))
            }
        };
        Ok((gathered, decision, root))
    })?;
    if let Some(decision) = decision {
        let allowed = decision.outcome.is_allowed();
        outputs.write(|format| match format {
            "json" => output::json(&json!({"version": 1, "reference": args.reference, "digest": gathered.digest(), "decision": decision, "rejections": gathered.rejections()})),
            _ if allowed => Ok(gathered.pinned.to_string().into_bytes()),
            _ => Ok(Vec::new()),
        })?;
        return Ok(tell(context, &gathered, &decision, args.explain));
    }
    let expected = args.expected.signer().unwrap_or_default();
    let accepted = evidence::by_signer(&gathered, &root, &expected, args.kind.as_deref())?;
    outputs.write(|format| match format {
        "json" => output::json(&json!({"version": 1, "reference": args.reference, "digest": gathered.digest(), "accepted": accepted})),
        _ => Ok(gathered.pinned.to_string().into_bytes()),
    })?;
    for one in &accepted {
        context.talk.say(&format!(
            " ✓ {} by {}",
            one.claim().predicate_type,
            one.proof().signer
        ));
    }
    Ok(Exit::Allowed)
}

fn tell(
    context: &Context,
    gathered: &Gathered,
    decision: &bulla_core::Decision,
    all: bool,
) -> Exit {
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
