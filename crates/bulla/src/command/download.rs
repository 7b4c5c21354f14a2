//! `bulla download`: what hangs on an image, as it is kept there.

use bulla_core::Reference;
use bulla_oci::cosign::Slot;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    context::Context,
    failure::{Exit, Failure, OrFail},
    journey::{
        evidence,
        publish::Layouts,
        reach::Reach,
        seal,
        verifying::{self, Candidate, Wanted},
    },
    output,
};

/// Arguments of `bulla download`.
#[derive(Args)]
#[command(after_help = "\
Nothing is verified: bulla verify does that. One JSON document per line, a Sigstore bundle, or
the layer of the old layout with its annotations.

Formats: text, json.

Examples:
  bulla download signature 127.0.0.1:5610/hello:v1
  bulla download attestation --type spdxjson 127.0.0.1:5610/hello:v1 > sbom.sigstore.json
  bulla download sbom registry.example.com/hello:v1 > sbom.json")]
pub struct DownloadArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Signatures
    #[command(after_help = "\
Formats: text (one JSON document per line), json.

Examples:
  bulla download signature 127.0.0.1:5610/hello:v1
  bulla download signature --layout tags registry.example.com/hello:v1
  bulla download signature 127.0.0.1:5610/hello:v1 -o json")]
    Signature(FromArgs),
    /// Attestations
    #[command(after_help = "\
Formats: text (one JSON document per line), json.

Examples:
  bulla download attestation 127.0.0.1:5610/hello:v1
  bulla download attestation --type slsaprovenance1 127.0.0.1:5610/hello:v1
  bulla download attestation --layout tags registry.example.com/hello:v1 -o json")]
    Attestation {
        #[command(flatten)]
        from: FromArgs,
        /// Only this predicate type: a short name as in bulla attest, or a URI
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
    },
    /// SBOMs attached under the tag sha256-….sbom
    #[command(after_help = "\
An SBOM that is an attestation is had with bulla download attestation.

Formats: text (the document itself), json.

Examples:
  bulla download sbom registry.example.com/hello:v1 > sbom.json
  bulla download sbom registry.example.com/hello@sha256:71c0…
  bulla download sbom registry.example.com/hello:v1 -o json")]
    Sbom {
        /// The image
        #[arg(value_name = "REF")]
        reference: Reference,
    },
}

/// Of which image, and from where.
#[derive(Args)]
struct FromArgs {
    /// The image
    #[arg(value_name = "REF")]
    reference: Reference,
    /// Where it is looked for: referrers, tags, or both
    #[arg(long, value_name = "LAYOUTS", default_value_t = Layouts::BOTH)]
    layout: Layouts,
}

/// Runs it.
///
/// # Errors
/// If the image is not there, or nothing of the kind hangs on it.
pub fn run(args: DownloadArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let (reference, name, found) = match args.what {
        What::Signature(from) => {
            let found = seals(&from, &Wanted::Signature, context)?;
            (from.reference, "signature", found)
        }
        What::Attestation { from, kind } => {
            let kind = kind.as_deref().map(seal::wanted_type).transpose()?;
            let found = seals(&from, &Wanted::Statement(kind), context)?;
            (from.reference, "attestation", found)
        }
        What::Sbom { reference } => {
            let found = sboms(&reference, context)?;
            (reference, "sbom", found)
        }
    };
    if found.is_empty() {
        let what = format!("{reference} has no {name} of that kind");
        return Err(Failure::new(Exit::NothingToVerify, "CLI-0332", what)
            .hint(format!("bulla tree {reference} shows what there is")));
    }
    outputs.write(|format| match format {
        "json" => {
            let items: Vec<&Value> = found.iter().map(|one| &one.data).collect();
            output::json(&json!({"version": 1, "reference": reference, "items": items}))
        }
        _ => Ok(found
            .iter()
            .flat_map(|one| [one.text.trim_ascii_end(), b"\n"].concat())
            .collect()),
    })?;
    Ok(Exit::Allowed)
}

/// One document, as it is kept, and as data.
struct Found {
    text: Vec<u8>,
    data: Value,
}

fn seals(from: &FromArgs, wanted: &Wanted, context: &Context) -> Result<Vec<Found>, Failure> {
    let reference = &from.reference;
    let collected = context.block_on(async {
        let reach = Reach::open(context, &[reference], false).await?;
        let image = evidence::resolve(reach.source(), reference).await?;
        let pinned = reference.by_digest(image.digest.clone());
        let source = reach.evidence(&pinned, &pinned);
        let collected = verifying::collect(&source, &image.digest, from.layout, wanted).await;
        reach.close().await;
        collected
    })?;
    for gap in &collected.gaps {
        context.talk.warn(&format!("{}   [{}]", gap.text, gap.code));
    }
    let candidates = collected.candidates.iter();
    Ok(candidates
        .filter(|one| one.claims(wanted, false))
        .map(found)
        .collect())
}

fn found(candidate: &Candidate) -> Found {
    let document = candidate.document();
    Found {
        text: serde_json::to_vec(&document).unwrap_or_default(),
        data: json!({"place": candidate.label, "document": document}),
    }
}

fn sboms(reference: &Reference, context: &Context) -> Result<Vec<Found>, Failure> {
    let sets = context.block_on(async {
        let reach = Reach::open(context, &[reference], false).await?;
        let image = evidence::resolve(reach.source(), reference).await?;
        let registry = reach.registry(reference);
        let set = registry.legacy(reference, &image.digest, Slot::Sboms).await;
        let set = set.or_undecidable()?;
        reach.close().await;
        Ok(set)
    })?;
    let layers = sets.into_iter().flat_map(|set| set.layers);
    Ok(layers
        .map(|layer| Found {
            data: json!({
                "mediaType": layer.descriptor.media_type, "digest": layer.descriptor.digest,
                "text": String::from_utf8_lossy(&layer.bytes),
            }),
            text: layer.bytes,
        })
        .collect())
}
