//! `cosign bundle create`, `inspect` and `upgrade`.

use bulla_oci::cosign::annotation;
use bulla_trust::{
    cosign::{Layer, annotations_of_local, to_bundle},
    sigstore::{inspect, upgrade},
};
use std::collections::BTreeMap;

use super::{checks, failure::Failure, given::Given, keys, material, say};

/// Runs `bundle create`.
///
/// # Errors
/// If a part cannot be read, or they make no bundle.
pub fn create(given: &Given) -> Result<(), Failure> {
    let mut annotations = match given.text("bundle") {
        Some(path) => annotations_of_local(&material::bundle(path)?)
            .map_err(|error| Failure::from_error(path, &error))?,
        None => BTreeMap::new(),
    };
    if let Some(text) = given.text("signature") {
        annotations.insert(annotation::SIGNATURE.into(), material::text_or_file(text)?);
    }
    if let Some(path) = given.text("certificate") {
        let pem = checks::plain(material::small(path, "certificate")?);
        let pem = String::from_utf8_lossy(&pem).into_owned();
        annotations.insert(annotation::CERTIFICATE.into(), pem);
    }
    if let Some(path) = given.text("rfc3161-timestamp") {
        let bytes = material::small(path, "signed timestamp")?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        annotations.insert(annotation::TIMESTAMP.into(), text);
    }
    let key = given.text("key").map(keys::public).transpose()?;
    if !given.on("ignore-tlog") && !annotations.contains_key(annotation::BUNDLE) {
        return Err(Failure::coded(
            "CLI-0495",
            "no transparency log entry is given with --bundle",
        )
        .hint("without one, say --ignore-tlog; no log is asked"));
    }
    let artifact = given.text("artifact").map(material::blob).transpose()?;
    let payload = match given.text("attestation") {
        Some(path) => {
            annotations.remove(annotation::SIGNATURE);
            material::bundle(path)?
        }
        None => Vec::new(),
    };
    if payload.is_empty() && artifact.is_none() {
        return Err(Failure::coded(
            "CLI-0495",
            "--artifact or --attestation must be given",
        ));
    }
    let layer = Layer {
        payload: &payload,
        annotations: &annotations,
    };
    let artifact = artifact.as_ref().map(material::Blob::artifact);
    let bundle = to_bundle(&layer, artifact, key.as_ref())
        .map_err(|error| Failure::from_error("creating bundle", &error))?;
    write(given, &bundle)
}

/// Runs `bundle inspect`.
///
/// # Errors
/// If it is no bundle.
pub fn inspected(given: &Given) -> Result<(), Failure> {
    say::line("WARNING: This command only inspects the contents of the bundle.");
    say::line("It does not perform cryptographic verification or verify log inclusion.");
    let path = given.args.first().map_or("", String::as_str);
    let found = inspect::inspect(&material::bundle(path)?)
        .map_err(|error| Failure::from_error(path, &error))?;
    say::data(given, format!("{found}\n").as_bytes())
}

/// Runs `bundle upgrade`.
///
/// # Errors
/// If it is no bundle, or lacks what version 0.3 demands.
pub fn upgraded(given: &Given) -> Result<(), Failure> {
    let path = given.args.first().map_or("", String::as_str);
    let bytes = material::bundle(path)?;
    let upgraded = upgrade::upgrade(&bytes).map_err(|error| Failure::from_error(path, &error))?;
    for note in &upgraded.notes {
        say::line(note);
    }
    write(given, &upgraded.bundle)
}

fn write(given: &Given, bundle: &[u8]) -> Result<(), Failure> {
    match given.text("out") {
        Some(path) => {
            say::private_file(path, bundle)?;
            say::line(&format!("Wrote bundle to file {path}"));
            Ok(())
        }
        None => say::data(given, &[bundle, b"\n"].concat()),
    }
}
