//! `cosign copy`, `save`, `load`, `clean` and `triangulate`: images and their
//! evidence, moved, removed or pointed at.

use bulla_core::{Digest, Reference};
use bulla_oci::{
    EvidenceSource, PlatformName, Registry, Saved,
    cosign::Slot,
    transfer::{self, Copied, CopyOptions, Kind},
};
use std::{collections::BTreeSet, path::Path};

use super::{confirm, failure::Failure, given::Given, registry, say, surroundings};

/// Runs `copy`.
///
/// # Errors
/// If the image is not there, or a registry refuses.
pub fn copy(given: &Given) -> Result<(), Failure> {
    let [from, to] = given.args.as_slice() else {
        return Err(Failure::new("accepts 2 arg(s)"));
    };
    let (from, to) = (surroundings::reference(from)?, surroundings::reference(to)?);
    let mut only = BTreeSet::new();
    if given.on("sig-only") {
        say::warn("--sig-only is deprecated, use --only=sig");
        only.insert(Kind::Signature);
    }
    for name in given.all("only") {
        only.insert(match name {
            "sig" => Kind::Signature,
            "att" => Kind::Attestation,
            "sbom" => Kind::Sbom,
            other => {
                return Err(Failure::coded(
                    "CLI-0490",
                    format!("invalid value for --only: {other}"),
                )
                .hint("sig, att or sbom"));
            }
        });
    }
    let options = CopyOptions {
        only: (!only.is_empty()).then_some(only),
        platform: platform(given)?,
        force: given.on("force"),
    };
    let copied = surroundings::run(given, async {
        let source = surroundings::registry(given, &from)?;
        let target = surroundings::registry(given, &to)?;
        let evidence = surroundings::evidence(&from)?;
        let source = EvidenceSource::Registry {
            registry: &source,
            image: &from,
            evidence: &evidence,
        };
        transfer::copy(&source, &target, &to, &options)
            .await
            .map_err(|error| surroundings::registry_error("copying", &error))
    })?;
    complete(&copied)
}

/// Something that could not be taken along is told, and is no success.
fn complete(copied: &Copied) -> Result<(), Failure> {
    let Some((descriptor, error)) = copied.problems.first() else {
        return Ok(());
    };
    Err(surroundings::registry_error(
        &format!(
            "{} of {} could not be copied",
            copied.problems.len(),
            descriptor.digest
        ),
        error,
    ))
}

/// `--platform OS/ARCHITECTURE`.
///
/// # Errors
/// If it is none.
pub fn platform(given: &Given) -> Result<Option<PlatformName>, Failure> {
    let Some(text) = given.text("platform") else {
        return Ok(None);
    };
    text.parse()
        .map(Some)
        .map_err(|error: bulla_oci::platform::PlatformError| {
            Failure::from_error("parsing platform", &error)
        })
}

/// Runs `save`.
///
/// # Errors
/// If the image is not there, or the directory cannot be written.
pub fn save(given: &Given) -> Result<(), Failure> {
    let directory = directory(given)?;
    let image = surroundings::reference(given.args.first().map_or("", String::as_str))?;
    let (_, copied) = surroundings::run(given, async {
        let registry = surroundings::registry(given, &image)?;
        let evidence = surroundings::evidence(&image)?;
        let source = EvidenceSource::Registry {
            registry: &registry,
            image: &image,
            evidence: &evidence,
        };
        transfer::save(&source, Path::new(directory), &CopyOptions::default())
            .await
            .map_err(|error| surroundings::registry_error("saving", &error))
    })?;
    complete(&copied)
}

/// Runs `load`.
///
/// # Errors
/// If the directory is none, or the registry refuses.
pub fn load(given: &Given) -> Result<(), Failure> {
    let directory = directory(given)?;
    let image = surroundings::reference(given.args.first().map_or("", String::as_str))?;
    let saved = Saved::open(Path::new(directory)).map_err(|error| {
        surroundings::registry_error(&format!("signed image index: {directory}"), &error)
    })?;
    let copied = surroundings::run(given, async {
        let registry = surroundings::registry(given, &image)?;
        transfer::copy(
            &EvidenceSource::Saved(&saved),
            &registry,
            &image,
            &CopyOptions::default(),
        )
        .await
        .map_err(|error| surroundings::registry_error("loading", &error))
    })?;
    complete(&copied)
}

fn directory(given: &Given) -> Result<&str, Failure> {
    given
        .text("dir")
        .ok_or_else(|| Failure::coded("CLI-0491", "required flag(s) \"dir\" not set"))
}

/// Runs `clean`.
///
/// # Errors
/// If nobody agrees, or the registry refuses.
pub fn clean(given: &Given) -> Result<(), Failure> {
    let kinds: BTreeSet<Kind> = match given.text("type").unwrap_or_default() {
        "signature" => [Kind::Signature].into(),
        "attestation" => [Kind::Attestation].into(),
        "sbom" => [Kind::Sbom].into(),
        "referrer" => Kind::ALL.into(),
        "all" => Kind::ALL.into(),
        other => {
            return Err(
                Failure::coded("CLI-0492", format!("invalid clean type: {other}"))
                    .hint("signature, attestation, referrer, sbom or all"),
            );
        }
    };
    let name = given.args.first().map_or("", String::as_str);
    let image = surroundings::reference(name)?;
    confirm::go_on(
        given.on("force"),
        &format!(
            "this will remove all the {} from {name}",
            given.text("type").unwrap_or_default()
        ),
    )?;
    surroundings::run(given, async {
        let registry = surroundings::registry(given, &image)?;
        let evidence = surroundings::evidence(&image)?;
        let digest = digest(&registry, &image).await?;
        let removed = transfer::clean(&registry, &evidence, &digest, &kinds)
            .await
            .map_err(|error| surroundings::registry_error("cleaning", &error))?;
        for one in removed {
            say::line(&format!("Removed {} from {name}", one.reference));
        }
        Ok(())
    })
}

/// The digest of an image; no connection where it is named by it.
///
/// # Errors
/// If the image is not there.
pub async fn digest(registry: &Registry, image: &Reference) -> Result<Digest, Failure> {
    if let Some(digest) = image.digest() {
        return Ok(digest.clone());
    }
    let found = registry.manifest(image).await;
    found
        .map(|fetched| fetched.descriptor.digest)
        .map_err(|error| surroundings::registry_error("resolving digest", &error))
}

/// Runs `triangulate`.
///
/// # Errors
/// If the image is not there.
pub fn triangulate(given: &Given) -> Result<(), Failure> {
    let image = surroundings::reference(given.args.first().map_or("", String::as_str))?;
    let slot = match given.text("type").unwrap_or_default() {
        "signature" => Some(Slot::Signatures),
        "attestation" => Some(Slot::Attestations),
        "sbom" => Some(Slot::Sboms),
        "digest" => None,
        other => {
            return Err(Failure::coded(
                "CLI-0493",
                format!("unknown attachment type {other}"),
            ));
        }
    };
    let evidence = surroundings::evidence(&image)?;
    let digest = surroundings::run(given, async {
        let registry = surroundings::registry(given, &image)?;
        digest(&registry, &image).await
    })?;
    let line = match slot {
        Some(slot) => {
            let prefix = given.text(registry::PREFIX).unwrap_or_default();
            format!("{}:{prefix}{}\n", evidence.name(), slot.tag(&digest))
        }
        None => format!("{}@{digest}\n", evidence.name()),
    };
    say::data(given, line.as_bytes())
}
