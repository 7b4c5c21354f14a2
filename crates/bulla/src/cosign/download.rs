//! `cosign download` and `cosign tree`: what hangs on an image, not verified.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_oci::{
    EvidenceSource,
    cosign::{LegacyLayer, Slot, annotation},
    tree::{self, TreeNode},
};
use bulla_trust::sigstore::UnverifiedBundle;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

use super::{failure::Failure, given::Given, predicate, say, surroundings, transfer};

/// Everything of one kind that hangs on the image.
struct Found {
    bundles: Vec<Vec<u8>>,
    layers: Vec<LegacyLayer>,
}

fn fetch(given: &Given, slot: Slot) -> Result<Found, Failure> {
    let image = surroundings::reference(given.args.first().map_or("", String::as_str))?;
    surroundings::run(given, async {
        let registry = surroundings::registry(given, &image)?;
        let evidence = surroundings::evidence(&image)?;
        let source = EvidenceSource::Registry {
            registry: &registry,
            image: &image,
            evidence: &evidence,
        };
        let has_platform = given.command.flag("platform").is_some();
        let platform = if has_platform {
            transfer::platform(given)?
        } else {
            None
        };
        let digest = match platform {
            Some(platform) => {
                let found = source.for_platform(&platform).await;
                found
                    .map_err(|error| surroundings::registry_error("finding the platform", &error))?
                    .digest
            }
            None => transfer::digest(&registry, &image).await?,
        };
        let failed = |error| surroundings::registry_error("downloading", &error);
        let bundles = match slot {
            Slot::Sboms => Vec::new(),
            _ => source.bundles(&digest).await.map_err(failed)?.found,
        };
        let sets = source.legacy(&digest, slot).await.map_err(failed)?;
        Ok(Found {
            bundles: bundles.into_iter().map(|one| one.bytes).collect(),
            layers: sets.into_iter().flat_map(|set| set.layers).collect(),
        })
    })
}

/// Runs `download signature`.
///
/// # Errors
/// If the image is not there.
pub fn signature(given: &Given) -> Result<(), Failure> {
    let found = fetch(given, Slot::Signatures)?;
    if !found.bundles.is_empty() {
        return say::data(given, &lines(found.bundles.iter()));
    }
    if found.layers.is_empty() {
        return Err(Failure::coded(
            "CLI-0494",
            "no signatures associated with the image",
        ));
    }
    let mut out = String::new();
    for layer in &found.layers {
        let text = |key: &str| layer.annotations.get(key).filter(|text| !text.is_empty());
        let json = |key: &str| {
            text(key)
                .and_then(|text| serde_json::from_str::<Value>(text).ok())
                .unwrap_or_default()
        };
        let certificate = text(annotation::CERTIFICATE)
            .and_then(|pem| bulla_crypto::x509::parse_pem_chain(pem.as_bytes()).ok())
            .and_then(|chain| Some(json!({"Raw": STANDARD.encode(chain.first()?.der())})));
        let line = json!({
            "Base64Signature": text(annotation::SIGNATURE),
            "Payload": STANDARD.encode(&layer.bytes),
            "Cert": certificate,
            "Chain": Value::Null,
            "Bundle": json(annotation::BUNDLE),
            "RFC3161Timestamp": json(annotation::TIMESTAMP),
        });
        let _ = writeln!(out, "{line}");
    }
    say::data(given, out.as_bytes())
}

/// Runs `download attestation`.
///
/// # Errors
/// If the image is not there, or nothing has the type.
pub fn attestation(given: &Given) -> Result<(), Failure> {
    let wanted = given
        .text("predicate-type")
        .map(predicate::parse)
        .transpose()?;
    let found = fetch(given, Slot::Attestations)?;
    let is_wanted = |kind: Option<String>| match &wanted {
        None => true,
        Some(wanted) => kind.as_deref() == Some(wanted),
    };
    let of_bundle = |bytes: &Vec<u8>| {
        let statement = UnverifiedBundle::parse(bytes).and_then(|bundle| bundle.statement());
        statement.ok().map(|statement| statement.predicate_type)
    };
    let bundles: Vec<&Vec<u8>> = found
        .bundles
        .iter()
        .filter(|bytes| is_wanted(of_bundle(bytes)))
        .collect();
    let layers: Vec<&Vec<u8>> = found
        .layers
        .iter()
        .filter(|layer| is_wanted(layer.annotations.get(annotation::PREDICATE_TYPE).cloned()))
        .map(|layer| &layer.bytes)
        .collect();
    if bundles.is_empty() && layers.is_empty() {
        let of = wanted.map_or(String::new(), |kind| {
            format!(" with predicate type '{kind}'")
        });
        return Err(Failure::coded(
            "CLI-0494",
            format!("no attestations{of} found"),
        ));
    }
    say::data(given, &lines(bundles.into_iter().chain(layers)))
}

/// Runs `download sbom`.
///
/// # Errors
/// If the image is not there, or has none.
pub fn sbom(given: &Given) -> Result<(), Failure> {
    say::warn("Downloading SBOMs this way does not ensure its authenticity.");
    let found = fetch(given, Slot::Sboms)?;
    let layer = found
        .layers
        .first()
        .ok_or_else(|| Failure::coded("CLI-0494", "no sbom attached to reference"))?;
    say::line(&format!(
        "Found SBOM of media type: {}",
        layer.descriptor.media_type
    ));
    say::data(given, &layer.bytes)
}

/// JSON documents, one for each line.
fn lines<'a>(documents: impl Iterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::new();
    for bytes in documents {
        match serde_json::from_slice::<Map<String, Value>>(bytes) {
            Ok(document) => out.extend(Value::Object(document).to_string().into_bytes()),
            Err(_) => out.extend_from_slice(bytes),
        }
        out.push(b'\n');
    }
    out
}

/// Runs `tree`.
///
/// # Errors
/// If the image is not there.
pub fn tree(given: &Given) -> Result<(), Failure> {
    let name = given.args.first().map_or("", String::as_str);
    let image = surroundings::reference(name)?;
    let node = surroundings::run(given, async {
        let registry = surroundings::registry(given, &image)?;
        let evidence = surroundings::evidence(&image)?;
        let source = EvidenceSource::Registry {
            registry: &registry,
            image: &image,
            evidence: &evidence,
        };
        tree::tree(&source)
            .await
            .map_err(|error| surroundings::registry_error("reading the tree", &error))
    })?;
    for (digest, problem) in &node.problems {
        say::line(&format!("Error fetching artifact {digest}: {problem}"));
    }
    let mut out = format!("📦 Supply Chain Security Related artifacts for an image: {name}\n");
    if node.is_bare() {
        let _ = writeln!(
            out,
            "No Supply Chain Security Related Artifacts found for image {name},\n start creating one with simply running$ cosign sign <img>"
        );
    }
    draw(&mut out, &node, &image.name());
    say::data(given, out.as_bytes())
}

fn draw(out: &mut String, node: &TreeNode, repository: &str) {
    for tag in &node.tags {
        let what = match tag.slot {
            Slot::Signatures => "🔐 Signatures",
            Slot::Attestations => "💾 Attestations",
            Slot::Sboms => "📦 SBOMs",
        };
        let _ = writeln!(out, "└── {what} for an image tag: {}", tag.place);
        layers(
            out,
            tag.layers
                .iter()
                .map(|layer| layer.digest.to_string())
                .collect(),
        );
    }
    for referrer in &node.referrers {
        let kind = referrer
            .annotations
            .get("dev.sigstore.bundle.predicateType")
            .unwrap_or(&referrer.artifact_type);
        let _ = writeln!(
            out,
            "└── 🔗 {kind} artifacts via OCI referrer: {repository}@{}",
            referrer.descriptor.digest
        );
        layers(
            out,
            referrer
                .layers
                .iter()
                .map(|layer| layer.digest.to_string())
                .collect(),
        );
    }
}

fn layers(out: &mut String, digests: Vec<String>) {
    let last = digests.len().saturating_sub(1);
    for (at, digest) in digests.iter().enumerate() {
        let branch = if at == last { "└──" } else { "├──" };
        let _ = writeln!(out, "   {branch} 🍒 {digest}");
    }
}
