//! `cosign attach`: evidence that was made elsewhere, in the old layout.

use bulla_core::Reference;
use bulla_oci::{
    Registry,
    cosign::{Existing, NewLayer, Slot, annotation},
};

use super::{checks, failure::Failure, given::Given, material, say, surroundings, transfer};

/// Adds layers to the image's evidence.
fn add(
    given: &Given,
    slot: Slot,
    make: impl Fn(&Reference) -> Result<Vec<NewLayer>, Failure>,
) -> Result<(), Failure> {
    let image = surroundings::reference(given.args.first().map_or("", String::as_str))?;
    surroundings::run(given, async {
        let registry: Registry = surroundings::registry(given, &image)?;
        let evidence = surroundings::evidence(&image)?;
        let digest = transfer::digest(&registry, &image).await?;
        let layers = make(&image.by_digest(digest.clone()))?;
        registry
            .add_legacy(&evidence, &digest, slot, &layers, Existing::Keep)
            .await
            .map(drop)
            .map_err(|error| surroundings::registry_error("attaching", &error))
    })
}

/// Runs `attach signature`.
///
/// # Errors
/// If a part cannot be read, or the registry refuses.
pub fn signature(given: &Given) -> Result<(), Failure> {
    let signature = material::text_or_file(given.text("signature").unwrap_or_default())?;
    if signature.is_empty() {
        return Err(Failure::coded(
            "CLI-0496",
            "--signature must name the signature",
        ));
    }
    let payload = given.text("payload").or_else(|| given.text("bundle"));
    let payload = payload.map(material::bundle).transpose()?;
    let mut parts = Vec::new();
    for (flag, name) in [
        ("certificate", annotation::CERTIFICATE),
        ("certificate-chain", annotation::CHAIN),
        ("rekor-response", annotation::BUNDLE),
        ("tsr", annotation::TIMESTAMP),
    ] {
        if let Some(path) = given.text(flag) {
            let bytes = checks::plain(material::small(path, "part of a signature")?);
            let text = String::from_utf8(bytes)
                .map_err(|_| Failure::coded("CLI-0496", format!("{path} is no text")))?;
            parts.push((name, text));
        }
    }
    add(given, Slot::Signatures, |image| {
        let payload = match (&payload, image.digest()) {
            (Some(payload), _) => payload.clone(),
            (None, Some(digest)) => {
                super::sign::payload(&image.name(), digest, &Default::default())
            }
            (None, None) => return Err(Failure::new("the image has no digest")),
        };
        let mut layer = NewLayer::signature(payload, &signature);
        for (name, text) in &parts {
            layer = layer.with(name, text);
        }
        Ok(vec![layer])
    })
}

/// Runs `attach attestation`.
///
/// # Errors
/// If an envelope cannot be read, or the registry refuses.
pub fn attestation(given: &Given) -> Result<(), Failure> {
    let mut layers = Vec::new();
    for path in given.all("attestation") {
        let bytes = material::bundle(path)?;
        let statement =
            super::verify_blob::statement_of(&bytes).map_err(|failure| failure.on(path))?;
        layers.push(NewLayer::attestation(bytes, &statement.predicate_type));
    }
    if layers.is_empty() {
        return Err(Failure::coded(
            "CLI-0496",
            "--attestation must name an envelope",
        ));
    }
    add(given, Slot::Attestations, |_| Ok(layers.clone()))
}

/// Runs `attach sbom`.
///
/// # Errors
/// If the file cannot be read, or the registry refuses.
pub fn sbom(given: &Given) -> Result<(), Failure> {
    if given.text("registry-referrers-mode") == Some("oci-1-1") {
        return Err(
            Failure::coded("CLI-0466", "the old layout is written to tags only")
                .hint("cosign attest --type spdxjson --predicate FILE makes a signed referrer"),
        );
    }
    say::warn(
        "Attaching SBOMs this way does not sign them. If you want to ensure their authenticity, use 'cosign attest' instead.",
    );
    let path = given
        .text("sbom")
        .ok_or_else(|| Failure::coded("CLI-0496", "--sbom must name the SBOM"))?;
    let bytes = material::bundle(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let format =
        given
            .text("input-format")
            .unwrap_or_else(|| match text.trim_start().chars().next() {
                Some('{') => "json",
                Some('<') => "xml",
                _ => "text",
            });
    let kind = given.text("type").unwrap_or_default();
    let media_type = match (kind, format) {
        ("cyclonedx", "xml") => "application/vnd.cyclonedx+xml",
        ("cyclonedx", "json") => "application/vnd.cyclonedx+json",
        ("spdx", "json") => "text/spdx+json",
        ("spdx", "text") => "text/spdx",
        ("syft", "json") => "application/vnd.syft+json",
        _ => {
            return Err(Failure::coded(
                "CLI-0497",
                format!("invalid input format: {kind} as {format}"),
            ));
        }
    };
    add(given, Slot::Sboms, |_| {
        Ok(vec![NewLayer::sbom(media_type, bytes.clone())])
    })
}
