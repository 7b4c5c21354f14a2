//! `cosign verify-blob` and `cosign verify-blob-attestation`: a file and its
//! bundle, offline.
//!
//! As in cosign, `verify-blob` also takes a bundle that carries an attestation
//! (then the file must be its subject), and the digest in place of the file.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_oci::cosign::annotation;
use bulla_trust::{
    cosign::{Layer, annotations_of_local},
    sigstore::UnverifiedBundle,
};
use serde_json::json;
use std::collections::BTreeMap;

use super::{
    checks::{self, Checks},
    failure::Failure,
    given::Given,
    material::{self, Blob},
    predicate, say,
};

/// Runs `verify-blob`.
///
/// # Errors
/// If the file is not verified.
pub fn run(given: &Given) -> Result<(), Failure> {
    something(given)?;
    let name = given.args.first().map_or("", String::as_str);
    let checks = Checks::read(given, "blob")?;
    let bundle = given.text("bundle").map(material::bundle).transpose()?;
    match bundle {
        Some(bundle) if is_new(given, &bundle)? => {
            no_loose_parts(given)?;
            checks.file(&bundle, &material::blob(name)?)?;
        }
        old => {
            let annotations = loose_parts(given, old.as_deref())?;
            checks.detached(&annotations, &material::blob(name)?)?;
        }
    }
    say::line("Verified OK");
    Ok(())
}

/// Runs `verify-blob-attestation`.
///
/// # Errors
/// If the attestation is not verified.
pub fn run_attestation(given: &Given) -> Result<(), Failure> {
    if given.text("bundle").is_none() && given.text("signature").is_none() {
        return Err(Failure::coded(
            "CLI-0413",
            "please specify path to the DSSE envelope signature via --signature or --bundle",
        ));
    }
    something(given)?;
    let checks = Checks::read(given, "blob attestation")?;
    let kind = predicate::uri_or_name(given);
    let bundle = given.text("bundle").map(material::bundle).transpose()?;
    let statement = match bundle {
        Some(bundle) if is_new(given, &bundle)? => {
            no_loose_parts(given)?;
            let own = UnverifiedBundle::parse(&bundle).and_then(|bundle| bundle.statement());
            let own = own.map_err(|error| Failure::from_error("", &error))?;
            checks
                .attestation(&bundle, subject(given, &own)?.artifact())?
                .0
        }
        old => {
            let mut annotations = loose_parts(given, old.as_deref())?;
            // Here the signature is the envelope itself.
            let envelope = annotations
                .remove(annotation::SIGNATURE)
                .unwrap_or_default();
            let envelope = checks::plain(envelope.into_bytes());
            let layer = Layer {
                payload: &envelope,
                annotations: &annotations,
            };
            let own = statement_of(&envelope)?;
            checks
                .attestation_layer(&layer, subject(given, &own)?.artifact())?
                .0
        }
    };
    if statement.predicate_type != kind {
        return Err(Failure::coded(
            "CLI-0417",
            format!(
                "invalid predicate type, expected {} got {}",
                given.text("type").unwrap_or_default(),
                statement.predicate_type
            ),
        ));
    }
    say::line("Verified OK");
    Ok(())
}

/// There is something to verify at all.
fn something(given: &Given) -> Result<(), Failure> {
    let sources = ["key", "certificate", "bundle"];
    if sources.iter().all(|name| given.text(name).is_none()) {
        return Err(Failure::coded(
            "CLI-0413",
            "provide a key with --key or --sk, a certificate to verify against with --certificate, or a bundle with --bundle",
        ));
    }
    Ok(())
}

/// Whether it is a Sigstore bundle; the file of the old format says so of itself.
/// What is neither is refused as the bundle that it should be.
fn is_new(given: &Given, bundle: &[u8]) -> Result<bool, Failure> {
    if given.on("new-bundle-format") && UnverifiedBundle::parse(bundle).is_ok() {
        return Ok(true);
    }
    if annotations_of_local(bundle).is_ok() {
        return Ok(false);
    }
    match UnverifiedBundle::parse(bundle) {
        Err(error) => Err(Failure::from_error("", &error)),
        Ok(_) => Err(
            Failure::coded("CLI-0418", "the bundle is not of the old format")
                .hint("leave out --new-bundle-format=false"),
        ),
    }
}

/// What older formats need may not be given beside a bundle: it would be ignored,
/// or contradict it.
///
/// # Errors
/// If it is.
pub fn no_loose_parts(given: &Given) -> Result<(), Failure> {
    for (flag, what) in LOOSE {
        let is_known = given.command.flag(flag).is_some();
        if is_known && given.text(flag).is_some() {
            return Err(Failure::coded(
                "CLI-0419",
                format!("unsupported: {what} when using --new-bundle-format"),
            ));
        }
    }
    Ok(())
}

const LOOSE: [(&str, &str); 7] = [
    (
        "certificate",
        "certificate must be in bundle and may not be provided using --certificate",
    ),
    (
        "certificate-chain",
        "certificate chain must be in bundle and may not be provided using --certificate-chain",
    ),
    (
        "ca-roots",
        "CA roots/intermediates must be provided using --trusted-root",
    ),
    (
        "ca-intermediates",
        "CA roots/intermediates must be provided using --trusted-root",
    ),
    (
        "timestamp-certificate-chain",
        "TSA certificate chain path may only be provided using --trusted-root",
    ),
    (
        "rfc3161-timestamp",
        "RFC3161 timestamp may not be provided using --rfc3161-timestamp",
    ),
    (
        "signature",
        "signature may not be provided using --signature",
    ),
];

/// What only bundles take, and what belongs together.
fn old_flags(given: &Given) -> Result<(), Failure> {
    if given.text("trusted-root").is_some() {
        return Err(Failure::coded(
            "CLI-0419",
            "--trusted-root only supported with --new-bundle-format",
        ));
    }
    let stamped =
        given.on("use-signed-timestamps") || given.text("timestamp-certificate-chain").is_some();
    match (given.text("rfc3161-timestamp").is_some(), stamped) {
        (true, false) => Err(Failure::coded(
            "CLI-0419",
            "when specifying --rfc3161-timestamp-path, you must also specify --use-signed-timestamps or --timestamp-certificate-chain",
        )),
        (false, true) => Err(Failure::coded(
            "CLI-0419",
            "when specifying --use-signed-timestamps or --timestamp-certificate-chain, you must also specify --rfc3161-timestamp-path",
        )),
        _ => Ok(()),
    }
}

/// The parts of an old signature, as the old layout would annotate them.
fn loose_parts(given: &Given, bundle: Option<&[u8]>) -> Result<BTreeMap<String, String>, Failure> {
    old_flags(given)?;
    let mut parts = match bundle {
        Some(bundle) => annotations_of_local(bundle)
            .map_err(|error| Failure::from_error("reading bundle", &error))?,
        None => BTreeMap::new(),
    };
    if let Some(signature) = given.text("signature") {
        parts.insert(
            annotation::SIGNATURE.into(),
            material::text_or_file(signature)?,
        );
    }
    if !parts.contains_key(annotation::SIGNATURE) {
        return Err(Failure::coded("CLI-0413", "missing flag '--signature'"));
    }
    for (flag, name) in [
        ("certificate", annotation::CERTIFICATE),
        ("certificate-chain", annotation::CHAIN),
    ] {
        let Some(path) = given.text(flag) else {
            continue;
        };
        let bytes = checks::plain(material::small(path, "certificate")?);
        let pem = String::from_utf8(bytes)
            .map_err(|_| Failure::coded("CLI-0418", format!("{path} is no PEM file")))?;
        if let Some(own) = parts.get(name).filter(|own| own.trim() != pem.trim()) {
            return Err(Failure::coded(
                "CLI-0418",
                format!(
                    "the cert passed in does not match the cert in the provided bundle ({} and {} bytes)",
                    pem.len(),
                    own.len()
                ),
            ));
        }
        parts.insert(name.into(), pem);
    }
    if let Some(path) = given.text("rfc3161-timestamp") {
        let bytes = material::small(path, "signed timestamp")?;
        let text = match String::from_utf8(bytes) {
            Ok(json) => json,
            Err(der) => {
                json!({"SignedRFC3161Timestamp": STANDARD.encode(der.as_bytes())}).to_string()
            }
        };
        parts.insert(annotation::TIMESTAMP.into(), text);
    }
    Ok(parts)
}

pub fn statement_of(envelope: &[u8]) -> Result<bulla_core::Statement, Failure> {
    let failed = |why: String| Failure::coded("CLI-0418", format!("reading envelope: {why}"));
    let parsed: bulla_core::Envelope =
        serde_json::from_slice(envelope).map_err(|error| failed(error.to_string()))?;
    bulla_core::Statement::parse(&parsed.payload).map_err(|error| failed(error.to_string()))
}

/// What the statement must be about.
fn subject(given: &Given, own: &bulla_core::Statement) -> Result<Blob, Failure> {
    if !given.on("check-claims") {
        // The envelope alone is verified, so it is asked about its own subject.
        let named = own.subject.iter().flat_map(|subject| &subject.digest);
        let mut named = named.filter_map(|(name, hex)| format!("{name}:{hex}").parse().ok());
        return named.next().map(Blob::Digest).ok_or_else(|| {
            Failure::coded("CLI-0414", "the statement has no subject with a digest")
        });
    }
    let algorithm = given.text("digestAlg").unwrap_or_default();
    material::digest_algorithm(algorithm)?;
    if let Some(name) = given.args.first() {
        if given.has("digest") {
            say::warn("Ignoring provided --digest in favor of provided blob");
        }
        return material::blob(name);
    }
    match (given.text("digest"), algorithm) {
        (Some(hex), algorithm) if !algorithm.is_empty() => {
            material::digest(&format!("{algorithm}:{hex}")).map(Blob::Digest)
        }
        _ => Err(Failure::coded(
            "CLI-0415",
            "must provide path to blob or digest and digestAlg",
        )),
    }
}
