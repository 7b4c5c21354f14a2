//! `bulla verify-blob-attestation`: what was said about a file, and by whom.

use clap::Args;
use std::path::PathBuf;

use super::{
    args::{ExpectedArgs, TrustArgs, WaiverArgs, demand},
    verify_blob::{BundledArgs, tell_file},
};
use crate::{
    context::Context,
    failure::{Exit, Failure},
    journey::{
        seal,
        verifying::{self, FileQuestion, Wanted},
    },
};

/// Arguments of `bulla verify-blob-attestation`.
#[derive(Args)]
#[command(after_help = "\
Makes no connection. Without --type every attestation counts; where none is of the wanted type
there is nothing to verify: exit code 3. -o json carries the statements.

Formats: text, json.

Examples:
  bulla verify-blob-attestation app.tar --bundle app.sigstore.json --type slsaprovenance1 \\
      --identity 'https://token.actions.githubusercontent.com=https://github.com/example/app/**' \\
      --sigstore public
  bulla verify-blob-attestation app.tar --bundle sbom.sigstore.json --type spdxjson --key cosign.pub
  bulla verify-blob-attestation sha256:71c0… --bundle review.sigstore.json -o json \\
      --certificate-identity dana@example.com --certificate-oidc-issuer https://login.example.com")]
pub struct VerifyBlobAttestationArgs {
    /// The file, or its digest
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only this predicate type counts: a short name as in bulla attest, or a URI
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    #[command(flatten)]
    bundled: BundledArgs,
    #[command(flatten)]
    expected: ExpectedArgs,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    waivers: WaiverArgs,
}

/// Runs it.
///
/// # Errors
/// If a file cannot be read, or the bundle is not accepted.
pub fn run(args: VerifyBlobAttestationArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    args.expected.must_be_given("verify-blob-attestation")?;
    let kind = args.kind.as_deref().map(seal::wanted_type).transpose()?;
    let demand = demand(&args.expected, &args.trust, &args.waivers, context)?;
    let question = FileQuestion {
        file: args.file,
        bundles: args.bundled.bundle,
    };
    let answer = verifying::file(&question, &demand.wanting(Wanted::Statement(kind)))?;
    tell_file(context, &outputs, &question, &answer, args.bundled.explain)
}
