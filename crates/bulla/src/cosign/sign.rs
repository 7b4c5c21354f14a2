//! `cosign sign`: an image, in one layout or the other.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Descriptor, Digest, Reference, Statement, Subject, statement::predicate_type};
use bulla_net::sealing::{Content, Sealed, Sealer};
use bulla_oci::{
    Artifact, Registry,
    cosign::{Existing, NewLayer, Slot},
};
use bulla_trust::cosign::SimpleSigning;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

use super::{
    attachment, checks, failure::Failure, given::Given, material, say, services, surroundings,
};

/// Runs it.
///
/// # Errors
/// If an image is not there, or a service refuses.
pub fn run(given: &Given) -> Result<(), Failure> {
    let annotations = checks::annotations(given)?;
    let what = match given.on("new-bundle-format") {
        true => services::What::Statement,
        false => services::What::Bytes,
    };
    surroundings::run(given, async {
        let sealer = services::sealer(given, what).await?;
        for name in &given.args {
            image(given, name, &annotations, &sealer)
                .await
                .map_err(|failure| failure.on(&format!("signing [{name}]")))?;
        }
        Ok(())
    })
}

/// Where a signature goes.
struct Target<'a> {
    registry: &'a Registry,
    image: &'a Reference,
    evidence: &'a Reference,
}

async fn image(
    given: &Given,
    name: &str,
    annotations: &BTreeMap<String, String>,
    sealer: &Sealer,
) -> Result<(), Failure> {
    let image = surroundings::reference(name)?;
    if image.digest().is_none() {
        say::warn(&format!(
            "Image reference {name} uses a tag, not a digest, to identify the image to sign; what it points to may change"
        ));
    }
    let registry = surroundings::registry(given, &image)?;
    let image = attachment::of(given, &registry, image).await?;
    let evidence = surroundings::evidence(&image)?;
    let target = Target {
        registry: &registry,
        image: &image,
        evidence: &evidence,
    };
    let manifests: Vec<Descriptor> = if given.on("recursive") {
        let children = registry.children(&image).await;
        let children =
            children.map_err(|error| surroundings::registry_error("accessing entity", &error))?;
        children.into_iter().map(|child| child.descriptor).collect()
    } else {
        let found = registry.manifest(&image).await;
        let found =
            found.map_err(|error| surroundings::registry_error("accessing entity", &error))?;
        vec![found.descriptor]
    };
    for manifest in &manifests {
        if given.on("new-bundle-format") {
            as_bundle(given, &target, manifest, annotations, sealer).await?;
        } else {
            as_layer(given, &target, manifest, annotations, sealer).await?;
        }
    }
    Ok(())
}

async fn as_bundle(
    given: &Given,
    target: &Target<'_>,
    manifest: &Descriptor,
    annotations: &BTreeMap<String, String>,
    sealer: &Sealer,
) -> Result<(), Failure> {
    if given.text("payload").is_some() || attachment::is_named(given) {
        return Err(Failure::coded(
            "CLI-0548",
            "a payload of one's own and what is attached are signed in the old layout only",
        )
        .hint("add --new-bundle-format=false"));
    }
    let mut subject = Subject::new("", &manifest.digest);
    subject.annotations = values(annotations).into_iter().collect();
    let kind = predicate_type::COSIGN_SIGN_V1;
    let statement = Statement::new(vec![subject], kind, json!({}));
    let sealed = seal(sealer, &Content::Statement(&statement)).await?;
    write_bundle(given, &sealed)?;
    if given.on("upload") {
        say::line(&format!("Pushing signature to: {}", target.evidence.name()));
        attach(target.registry, target.evidence, manifest, &sealed, kind).await?;
    }
    Ok(())
}

/// Seals, and says where the log has it.
///
/// # Errors
/// If a service refuses, or the result does not verify.
pub async fn seal(sealer: &Sealer, content: &Content<'_>) -> Result<Sealed, Failure> {
    let sealed = sealer
        .seal(content)
        .await
        .map_err(|error| Failure::from_error("signing bundle", &error))?;
    if let Some(index) = sealed.log_index() {
        say::line(&format!("tlog entry created with index: {index}"));
    }
    Ok(sealed)
}

/// Attaches a bundle as a referrer.
///
/// # Errors
/// If the registry refuses.
pub async fn attach(
    registry: &Registry,
    evidence: &Reference,
    subject: &Descriptor,
    sealed: &Sealed,
    kind: &str,
) -> Result<(), Failure> {
    let time = sealed.time.unwrap_or_else(jiff::Timestamp::now);
    let artifact = Artifact::bundle(sealed.bundle.clone(), kind, time);
    registry
        .attach(evidence, subject, &artifact)
        .await
        .map(drop)
        .map_err(|error| surroundings::registry_error("writing bundle", &error))
}

/// `--bundle FILE`.
///
/// # Errors
/// If it cannot be written.
pub fn write_bundle(given: &Given, sealed: &Sealed) -> Result<(), Failure> {
    if let Some(path) = given.text("bundle") {
        say::private_file(path, &sealed.bundle)?;
        say::line(&format!("Wrote bundle to file {path}"));
    }
    Ok(())
}

async fn as_layer(
    given: &Given,
    target: &Target<'_>,
    manifest: &Descriptor,
    annotations: &BTreeMap<String, String>,
    sealer: &Sealer,
) -> Result<(), Failure> {
    if given.text("registry-referrers-mode") == Some("oci-1-1") {
        return Err(
            Failure::coded("CLI-0466", "the old layout is written to tags only")
                .hint("leave out --new-bundle-format=false: bundles are referrers"),
        );
    }
    let named = given.all("sign-container-identity");
    let own = target.image.name();
    let names: Vec<&str> = if named.is_empty() {
        vec![own.as_str()]
    } else {
        named
    };
    let (mut layers, mut signatures, mut payloads) = (Vec::new(), Vec::new(), Vec::new());
    let mut certificate = None;
    for name in names {
        let payload = match given.text("payload") {
            Some(path) => material::bundle(path)?,
            None => payload(name, &manifest.digest, annotations),
        };
        let sealed = seal(sealer, &Content::Blob(&payload)).await?;
        let signature = STANDARD.encode(&sealed.parts.signature);
        let mut layer = NewLayer::signature(payload.clone(), &signature);
        for (key, value) in sealed.parts.cosign_annotations() {
            layer = layer.with(&key, &value);
        }
        let own = sealed.parts.certificate.clone();
        certificate.get_or_insert(own.unwrap_or(sealed.parts.public_key.clone()));
        layers.push(layer);
        signatures.push(signature);
        payloads.push(payload);
    }
    // Each image of an index writes files of its own.
    let suffix = match given.on("recursive") {
        true => format!("-{}", manifest.digest.to_string().replace(':', "-")),
        false => String::new(),
    };
    if let Some(path) = given.text("output-signature") {
        say::private_file(&format!("{path}{suffix}"), signatures.join("\n").as_bytes())?;
    }
    if let Some(path) = given.text("output-payload") {
        say::private_file(&format!("{path}{suffix}"), &payloads.join(&b'\n'))?;
    }
    if let (Some(path), Some(pem)) = (given.text("output-certificate"), certificate) {
        say::private_file(path, pem.as_bytes())?;
        say::line(&format!("Certificate wrote in the file {path}"));
    }
    if !given.on("upload") {
        return Ok(());
    }
    say::line(&format!("Pushing signature to: {}", target.evidence.name()));
    target
        .registry
        .add_legacy(
            target.evidence,
            &manifest.digest,
            Slot::Signatures,
            &layers,
            Existing::Keep,
        )
        .await
        .map(drop)
        .map_err(|error| surroundings::registry_error("writing signatures", &error))
}

/// The simple-signing payload.
pub fn payload(name: &str, digest: &Digest, annotations: &BTreeMap<String, String>) -> Vec<u8> {
    SimpleSigning {
        docker_reference: name.to_owned(),
        digest: digest.clone(),
        optional: values(annotations),
    }
    .to_payload()
}

fn values(annotations: &BTreeMap<String, String>) -> Map<String, Value> {
    annotations
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect()
}
