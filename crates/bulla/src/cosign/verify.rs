//! `cosign verify` and `cosign verify-attestation`: an image and what is
//! attached to it, in a registry or in a directory that `save` made.
//!
//! As in cosign, an image that has bundles is judged by its bundles alone; the
//! old layout counts where there are none. The exit codes 10 to 13 are those of
//! the old layout.

use bulla_core::{Digest, Statement};
use bulla_oci::{
    ClientError, EvidenceSource, Saved,
    cosign::{LegacyLayer, Slot, annotation},
};
use bulla_trust::cosign::Layer;
use serde_json::Value;
use std::collections::BTreeMap;

use super::{
    attachment,
    checks::{self, Checks, Proven},
    failure::{Exit, Failure},
    given::Given,
    material,
    policy::Policies,
    predicate, printed, say, surroundings, verify_blob,
};

/// What was accepted of one image.
pub struct Accepted {
    /// What is printed of it.
    pub output: Vec<Printed>,
    /// Whether a log has one of them.
    pub is_logged: bool,
}

impl Accepted {
    /// The statements among it.
    fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.output.iter().filter_map(|one| match one {
            Printed::Statement(statement, _) => Some(statement),
            Printed::Layer(..) => None,
        })
    }
}

/// One accepted signature or attestation.
pub enum Printed {
    /// A bundle's statement, and its envelope.
    Statement(Statement, Value),
    /// A layer of the old layout, and what proves it.
    Layer(Box<LegacyLayer>, Proven),
}

/// Runs `verify`.
///
/// # Errors
/// If an image has no signature that counts.
pub fn run(given: &Given) -> Result<(), Failure> {
    let format = printed::format(given)?;
    let checks = Checks::read(given, "signature")?;
    each_image(given, async |name, source, subject| {
        let bundles = match given.on("new-bundle-format") && !attachment::is_named(given) {
            true => bundles(&source, &subject).await?,
            false => Vec::new(),
        };
        let accepted = if !bundles.is_empty() {
            by_bundles(given, &checks, &bundles, &subject)?
        } else if given.text("signature").is_some() {
            by_files(given, &checks, &subject)?
        } else {
            by_layers(given, &checks, &source, &subject).await?
        };
        printed::header(given, name, &checks, &accepted);
        printed::signatures(given, format, name, &subject, &accepted)
    })
}

/// Runs `verify-attestation`.
///
/// # Errors
/// If an image has no attestation of the type that counts.
pub fn run_attestation(given: &Given) -> Result<(), Failure> {
    let policies = Policies::read(given)?;
    let checks = Checks::read(given, "attestation")?;
    let kind = predicate::uri_or_name(given);
    each_image(given, async |name, source, subject| {
        let bundles = match given.on("new-bundle-format") {
            true => bundles(&source, &subject).await?,
            false => Vec::new(),
        };
        let accepted = match bundles.is_empty() {
            false => by_bundles(given, &checks, &bundles, &subject)?,
            true => by_attestation_layers(given, &checks, &source, &subject).await?,
        };
        let accepted = of_type(accepted, &kind, given)?;
        policies.allow(accepted.statements())?;
        printed::header(given, name, &checks, &accepted);
        printed::attestations(given, &accepted)
    })
}

/// Opens each image that is named, resolves it once, and goes on with its digest.
fn each_image<F>(given: &Given, judge: F) -> Result<(), Failure>
where
    F: AsyncFn(&str, EvidenceSource<'_>, Digest) -> Result<(), Failure>,
{
    if given.number("max-workers") == 0 {
        return Err(Failure::coded(
            "CLI-0453",
            "please set the --max-worker flag to a value that is greater than 0",
        ));
    }
    surroundings::run(given, async {
        for name in &given.args {
            if given.on("local-image") {
                let saved = Saved::open(name.as_ref()).map_err(|error| {
                    surroundings::registry_error(&format!("loading OCI layout from {name}"), &error)
                })?;
                let digest = saved.image().digest.clone();
                judge(name, EvidenceSource::Saved(&saved), digest).await?;
                continue;
            }
            let image = surroundings::reference(name)?;
            let registry = surroundings::registry(given, &image)?;
            let image = attachment::of(given, &registry, image).await?;
            let evidence = surroundings::evidence(&image)?;
            let source = EvidenceSource::Registry {
                registry: &registry,
                image: &image,
                evidence: &evidence,
            };
            // A digest is taken at its word; what hangs on it is asked for.
            let digest = match image.digest() {
                Some(digest) => digest.clone(),
                None => match source.subject().await {
                    Ok(found) => found.descriptor.digest,
                    Err(error @ ClientError::NotFound { .. }) => {
                        return Err(surroundings::not_found(name, &error));
                    }
                    Err(error) => {
                        return Err(surroundings::registry_error("fetching the image", &error));
                    }
                },
            };
            judge(&image.to_string(), source, digest).await?;
        }
        Ok(())
    })
}

async fn bundles(source: &EvidenceSource<'_>, image: &Digest) -> Result<Vec<Vec<u8>>, Failure> {
    let found = source
        .bundles(image)
        .await
        .map_err(|error| surroundings::registry_error("fetching bundles", &error))?;
    for (descriptor, error) in &found.unreadable {
        say::warn(&format!("{}: {error}", descriptor.digest));
    }
    Ok(found.found.into_iter().map(|one| one.bytes).collect())
}

fn by_bundles(
    given: &Given,
    checks: &Checks,
    bundles: &[Vec<u8>],
    image: &Digest,
) -> Result<Accepted, Failure> {
    verify_blob::no_loose_parts(given)?;
    let (mut output, mut is_logged, mut errors) = (Vec::new(), false, Vec::new());
    for bundle in bundles {
        let verified = checks
            .attestation(bundle, image)
            .and_then(|(statement, proven)| {
                if given.on("check-claims") {
                    let about = statement.subject.iter().find(|subject| subject.is(image));
                    let found = about
                        .map(|subject| subject.annotations.clone())
                        .unwrap_or_default();
                    checks.annotated(&found.into_iter().collect())?;
                }
                Ok((statement, proven, printed::envelope(bundle)?))
            });
        match verified {
            Ok((statement, proven, envelope)) => {
                is_logged |= proven.is_logged;
                output.push(Printed::Statement(statement, envelope));
            }
            Err(failure) => errors.push(failure.to_string()),
        }
    }
    if output.is_empty() {
        return Err(none("no matching attestations", &errors, Exit::Failed));
    }
    Ok(Accepted { output, is_logged })
}

async fn by_layers(
    given: &Given,
    checks: &Checks,
    source: &EvidenceSource<'_>,
    image: &Digest,
) -> Result<Accepted, Failure> {
    let layers = layers(source, image, Slot::Signatures).await?;
    if layers.is_empty() {
        return Err(Failure::coded("CLI-0454", "no signatures found").exit(Exit::NoSignature));
    }
    signature_layers(checks, with_certificate(given, layers)?, image)
}

/// `--certificate`: the signer's, for layers that carry none; a layer with
/// another one is not by its holder.
fn with_certificate(
    given: &Given,
    mut layers: Vec<LegacyLayer>,
) -> Result<Vec<LegacyLayer>, Failure> {
    for (flag, name) in [
        ("certificate", annotation::CERTIFICATE),
        ("certificate-chain", annotation::CHAIN),
    ] {
        let Some(path) = given.text(flag) else {
            continue;
        };
        let pem = checks::plain(material::small(path, "certificate")?);
        let pem = String::from_utf8_lossy(&pem).into_owned();
        if flag == "certificate" {
            let other = |layer: &LegacyLayer| {
                let own = layer.annotations.get(name);
                own.is_some_and(|own| own.trim() != pem.trim())
            };
            layers.retain(|layer| !other(layer));
        }
        for layer in &mut layers {
            let annotations = &mut layer.annotations;
            annotations
                .entry(name.to_owned())
                .or_insert_with(|| pem.clone());
        }
    }
    if layers.is_empty() {
        return Err(Failure::coded(
            "CLI-0456",
            "no matching signatures: none has the certificate of --certificate",
        )
        .exit(Exit::NoMatch));
    }
    Ok(layers)
}

fn signature_layers(
    checks: &Checks,
    layers: Vec<LegacyLayer>,
    image: &Digest,
) -> Result<Accepted, Failure> {
    let (mut output, mut is_logged, mut errors) = (Vec::new(), false, Vec::new());
    let certified = |layer: &LegacyLayer| layer.annotations.contains_key(annotation::CERTIFICATE);
    let nobody = !checks.is_by_key() && !layers.iter().any(certified);
    for layer in layers {
        let verified = checks.layer(&borrowed(&layer), image);
        match verified {
            Ok((_, proven)) => {
                is_logged |= proven.is_logged;
                output.push(Printed::Layer(Box::new(layer), proven));
            }
            Err(failure) => errors.push(failure.to_string()),
        }
    }
    match (output.is_empty(), nobody) {
        (false, _) => Ok(Accepted { output, is_logged }),
        (true, true) => Err(none(
            "no matching signatures: no certificate found on signature",
            &errors,
            Exit::NoCertificate,
        )),
        (true, false) => Err(none("no matching signatures", &errors, Exit::NoMatch)),
    }
}

/// `--signature` and `--payload`: files in place of what is in the registry.
fn by_files(given: &Given, checks: &Checks, image: &Digest) -> Result<Accepted, Failure> {
    let path = given.text("payload").ok_or_else(|| {
        Failure::coded(
            "CLI-0455",
            "payload is required with a manually-provided signature",
        )
    })?;
    let bytes = material::bundle(path)?;
    let signature = material::text_or_file(given.text("signature").unwrap_or_default())?;
    let mut annotations = BTreeMap::from([(annotation::SIGNATURE.to_owned(), signature)]);
    for (flag, name) in [
        ("certificate", annotation::CERTIFICATE),
        ("certificate-chain", annotation::CHAIN),
    ] {
        if let Some(path) = given.text(flag) {
            let pem = material::small(path, "certificate")?;
            annotations.insert(name.to_owned(), String::from_utf8_lossy(&pem).into_owned());
        }
    }
    let descriptor = bulla_core::Descriptor::of(bulla_oci::cosign::media::SIMPLE_SIGNING, &bytes);
    let layer = LegacyLayer {
        descriptor,
        annotations,
        bytes,
    };
    signature_layers(checks, vec![layer], image)
}

async fn by_attestation_layers(
    given: &Given,
    checks: &Checks,
    source: &EvidenceSource<'_>,
    image: &Digest,
) -> Result<Accepted, Failure> {
    let layers = layers(source, image, Slot::Attestations).await?;
    let layers = match layers.is_empty() {
        true => layers,
        false => with_certificate(given, layers).map_err(|failure| failure.exit(Exit::Failed))?,
    };
    let (mut output, mut is_logged, mut errors) = (Vec::new(), false, Vec::new());
    for layer in layers {
        match checks.attestation_layer(&borrowed(&layer), image) {
            Ok((statement, proven)) => {
                is_logged |= proven.is_logged;
                let envelope = serde_json::from_slice(&layer.bytes).unwrap_or_default();
                output.push(Printed::Statement(statement, envelope));
            }
            Err(failure) => errors.push(failure.to_string()),
        }
    }
    if output.is_empty() {
        return Err(none("no matching attestations", &errors, Exit::Failed));
    }
    Ok(Accepted { output, is_logged })
}

async fn layers(
    source: &EvidenceSource<'_>,
    image: &Digest,
    slot: Slot,
) -> Result<Vec<LegacyLayer>, Failure> {
    let sets = source
        .legacy(image, slot)
        .await
        .map_err(|error| surroundings::registry_error("fetching signatures", &error))?;
    for (descriptor, error) in sets.iter().flat_map(|set| &set.unreadable) {
        say::warn(&format!("{}: {error}", descriptor.digest));
    }
    Ok(sets.into_iter().flat_map(|set| set.layers).collect())
}

fn borrowed(layer: &LegacyLayer) -> Layer<'_> {
    Layer {
        payload: &layer.bytes,
        annotations: &layer.annotations,
    }
}

fn none(what: &str, errors: &[String], exit: Exit) -> Failure {
    let text = match errors {
        [] => what.to_owned(),
        errors => format!("{what}: {}", errors.join("\n ")),
    };
    Failure::coded("CLI-0456", text).exit(exit)
}

/// Leaves what has the predicate type; nothing left is a failure.
fn of_type(accepted: Accepted, kind: &str, given: &Given) -> Result<Accepted, Failure> {
    let mut found = Vec::new();
    let output: Vec<Printed> = accepted
        .output
        .into_iter()
        .filter(|one| match one {
            Printed::Statement(statement, _) => {
                found.push(statement.predicate_type.clone());
                statement.predicate_type == kind
            }
            Printed::Layer(..) => false,
        })
        .collect();
    if output.is_empty() {
        return Err(Failure::coded(
            "CLI-0457",
            format!(
                "none of the attestations matched the predicate type: {}, found: {}",
                given.text("type").unwrap_or_default(),
                found.join(",")
            ),
        ));
    }
    let is_logged = accepted.is_logged;
    Ok(Accepted { output, is_logged })
}
