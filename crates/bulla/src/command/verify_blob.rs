//! `bulla verify-blob`: a file against its bundle.

use clap::Args;
use std::path::PathBuf;

use super::args::{ExpectedArgs, TrustArgs, WaiverArgs, demand};
use crate::{
    context::Context,
    failure::{Exit, Failure},
    journey::verifying::{self, FileAnswer, FileQuestion, Wanted},
    output::{self, Outputs},
};

/// Arguments of `bulla verify-blob`.
#[derive(Args)]
#[command(after_help = "\
Makes no connection. Without --trusted-root or --sigstore the local instance's root is used.
A file may be named by its digest alone, sha256:HEX.

Formats: text, json.

Examples:
  bulla verify-blob notes.txt --bundle notes.sigstore.json \\
      --certificate-identity dana@example.com --certificate-oidc-issuer http://127.0.0.1:5620/oidc/asserted
  bulla verify-blob app.tar --bundle app.sigstore.json --key cosign.pub --insecure-ignore-tlog
  bulla verify-blob sha256:71c0… --bundle app.sigstore.json --sigstore public --explain \\
      --identity 'https://token.actions.githubusercontent.com=https://github.com/example/app/**'
  bulla verify-blob app.tar --bundle app.sigstore.json --certificate-identity dana@example.com \\
      --certificate-oidc-issuer https://login.example.com --trusted-root trusted_root.json -o json")]
pub struct VerifyBlobArgs {
    /// The file, or its digest
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    bundled: BundledArgs,
    #[command(flatten)]
    expected: ExpectedArgs,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    waivers: WaiverArgs,
}

/// Where the bundle is, and how much is told.
#[derive(Args, Clone, Debug)]
pub struct BundledArgs {
    /// Its bundle; repeatable, for several signers
    #[arg(long, value_name = "FILE", required = true)]
    pub bundle: Vec<PathBuf>,
    /// Show every check
    #[arg(long)]
    pub explain: bool,
}

/// Runs it.
///
/// # Errors
/// If a file cannot be read, or the bundle is not accepted.
pub fn run(args: VerifyBlobArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    args.expected.must_be_given("verify-blob")?;
    let demand = demand(&args.expected, &args.trust, &args.waivers, context)?;
    let question = FileQuestion {
        file: args.file,
        bundles: args.bundled.bundle,
    };
    let answer = verifying::file(&question, &demand.wanting(Wanted::Signature))?;
    tell_file(context, &outputs, &question, &answer, args.bundled.explain)
}

/// Tells what came out, as data and in words.
///
/// # Errors
/// The denial.
pub fn tell_file(
    context: &Context,
    outputs: &Outputs,
    question: &FileQuestion,
    answer: &FileAnswer,
    explain: bool,
) -> Result<Exit, Failure> {
    let judged = &answer.judged;
    let name = question.file.display();
    let failure = judged.failure(
        format!("{name} is not verified by {}", question.named_bundles()),
        &[],
    );
    let accepted = &judged.accepted;
    let mut signers: Vec<String> = accepted.iter().map(|one| one.signer()).collect();
    signers.dedup();
    if explain {
        context.talk.say(judged.report.to_string().trim_end());
    }
    match &failure {
        Some(failure) => context.talk.alarm(&failure.to_string()),
        None => {
            for one in accepted {
                let verb = match one.statement() {
                    Some(statement) => format!("attested ({})", statement.predicate_type),
                    None => "signed".into(),
                };
                let line = format!(" ✓ {name} is {verb} by {}", one.signer());
                context.talk.say(&line);
            }
            if accepted.iter().any(|one| one.revocation_not_looked_at()) {
                context.talk.say(verifying::NOT_LOOKED_AT);
            }
        }
    }
    outputs.write(|format| match (format, &failure) {
        ("json", _) => output::json(&serde_json::json!({
            "version": 1, "file": question.file, "digest": answer.digest,
            "outcome": judged.outcome(&[]),
            "proof": accepted.first().map(|one| one.proof_json()),
            "accepted": accepted, "rejections": judged.rejections, "report": judged.report,
        })),
        (_, None) => Ok(format!("Verified OK by {}", signers.join(" and ")).into_bytes()),
        (_, Some(_)) => Ok(Vec::new()),
    })?;
    failure.map_or(Ok(Exit::Allowed), |failure| {
        Err(Failure::told(failure.exit()))
    })
}
