//! `cosign attest` and `cosign attest-blob`: a statement about an image or a file.

use bulla_core::{Digest, Statement, Subject, descriptor::media_type};
use bulla_net::sealing::{Content, Sealed, Sealer};
use bulla_oci::cosign::{Existing, NewLayer, Slot};
use serde_json::{Value, json};

use super::{
    failure::Failure,
    given::Given,
    material::{self, Blob},
    predicate, say, services, sign, sign_blob, surroundings,
};

/// Runs `attest`.
///
/// # Errors
/// If the predicate or the image cannot be had, or a service refuses.
pub fn run(given: &Given) -> Result<(), Failure> {
    one_of_both(given)?;
    let kind = predicate::uri(given)?;
    let predicate = predicate_of(given, &kind)?;
    surroundings::run(given, async {
        let sealer = services::sealer(given, services::What::Statement).await?;
        for name in &given.args {
            image(given, name, (&kind, predicate.as_ref()), &sealer)
                .await
                .map_err(|failure| failure.on(&format!("signing {name}")))?;
        }
        Ok(())
    })
}

async fn image(
    given: &Given,
    name: &str,
    (kind, predicate): (&str, Option<&Value>),
    sealer: &Sealer,
) -> Result<(), Failure> {
    let image = surroundings::reference(name)?;
    let registry = surroundings::registry(given, &image)?;
    let evidence = surroundings::evidence(&image)?;
    let found = registry.manifest(&image).await;
    let found = found.map_err(|error| surroundings::registry_error("accessing entity", &error))?;
    let digest = &found.descriptor.digest;
    let (payload, kind) = match predicate {
        Some(predicate) => {
            let subject = Subject::new(image.name(), digest);
            let statement = Statement::new(vec![subject], kind, predicate.clone());
            (bytes_of(&statement)?, kind.to_owned())
        }
        None => own_statement(given, Some(digest))?,
    };
    let sealed = seal(sealer, &payload).await?;
    if given.on("new-bundle-format") {
        sign::write_bundle(given, &sealed)?;
        if given.on("no-upload") {
            return Ok(());
        }
        return sign::attach(&registry, &evidence, &found.descriptor, &sealed, &kind).await;
    }
    let envelope = envelope_of(&sealed)?;
    sign_blob::old_parts(given, &sealed, &envelope)?;
    if given.on("no-upload") {
        return say::data(given, &[&envelope, &b"\n"[..]].concat());
    }
    let mut layer = NewLayer::attestation(envelope, &kind);
    for (key, value) in sealed.parts.cosign_annotations() {
        layer = layer.with(&key, &value);
    }
    let existing = match given.on("replace") {
        true => Existing::ReplacePredicate,
        false => Existing::Keep,
    };
    registry
        .add_legacy(&evidence, digest, Slot::Attestations, &[layer], existing)
        .await
        .map(drop)
        .map_err(|error| surroundings::registry_error("writing attestations", &error))
}

/// Runs `attest-blob`.
///
/// # Errors
/// If the predicate or the file cannot be read, or a service refuses.
pub fn run_blob(given: &Given) -> Result<(), Failure> {
    one_of_both(given)?;
    let new = given.on("new-bundle-format");
    if new && given.text("bundle").is_none() {
        return Err(Failure::coded(
            "CLI-0467",
            "must specify --bundle with --new-bundle-format",
        ));
    }
    let payload = blob_statement(given)?;
    let sealed = surroundings::run(given, async {
        let sealer = services::sealer(given, services::What::Statement).await?;
        seal(&sealer, &payload).await
    })?;
    if new {
        return sign::write_bundle(given, &sealed);
    }
    let envelope = envelope_of(&sealed)?;
    sign_blob::old_parts(given, &sealed, &envelope)?;
    match given.text("output-signature") {
        None => say::data(given, &[&envelope, &b"\n"[..]].concat())?,
        Some(path) => {
            say::private_file(path, &envelope)?;
            say::line(&format!("Signature written in {path}"));
        }
    }
    if let Some(path) = given.text("output-attestation") {
        say::private_file(path, &payload)?;
        say::line(&format!("Attestation written in {path}"));
    }
    if let Some(path) = given.text("output-certificate") {
        let pem = sealed.parts.certificate.as_deref();
        let pem =
            pem.ok_or_else(|| Failure::coded("CLI-0468", "no certificate found in bundle"))?;
        say::private_file(path, pem.as_bytes())?;
        say::line(&format!("Certificate written to file {path}"));
    }
    sign_blob::timestamp(given, "rfc3161-timestamp-bundle", &sealed)
}

fn blob_statement(given: &Given) -> Result<Vec<u8>, Failure> {
    if given.text("statement").is_some() {
        return own_statement(given, None).map(|(payload, _)| payload);
    }
    let name = given.args.first().map_or("", String::as_str);
    let digest = match given.text("hash") {
        Some(hex) => material::digest(&format!("sha256:{hex}"))?,
        None => {
            if name != "-" {
                say::line(&format!("Using payload from: {name}"));
            }
            match material::blob(name)? {
                Blob::Bytes(bytes) => Digest::sha256(&bytes),
                Blob::Digest(digest) => digest,
            }
        }
    };
    let kind = predicate::uri(given)?;
    let predicate = predicate_of(given, &kind)?.unwrap_or_default();
    let base = name.rsplit('/').next().unwrap_or_default();
    bytes_of(&Statement::new(
        vec![Subject::new(base, &digest)],
        kind,
        predicate,
    ))
}

/// A statement of the caller's own, byte for byte; about `image` where there is one.
fn own_statement(given: &Given, image: Option<&Digest>) -> Result<(Vec<u8>, String), Failure> {
    let path = given.text("statement").unwrap_or_default();
    say::line(&format!("Using statement from: {path}"));
    let bytes = material::bundle(path)?;
    let statement = Statement::parse(&bytes)
        .map_err(|error| Failure::from_error("invalid statement", &error))?;
    if let Some(image) = image
        && !statement.is_about(image)
    {
        return Err(Failure::coded(
            "CLI-0469",
            format!("invalid statement: it is not about {image}"),
        )
        .hint("its subject must have the digest of the image"));
    }
    Ok((bytes, statement.predicate_type))
}

fn one_of_both(given: &Given) -> Result<(), Failure> {
    if given.text("predicate").is_none() && given.text("statement").is_none() {
        return Err(Failure::coded(
            "CLI-0470",
            "at least one of the flags in the group [predicate statement] is required",
        ));
    }
    match given.text("rekor-entry-type").unwrap_or_default() {
        "dsse" => Ok(()),
        "intoto" => Err(
            Failure::coded("CLI-0471", "entries of the type intoto are not written")
                .hint("leave out --rekor-entry-type: dsse entries prove the same"),
        ),
        _ => Err(Failure::coded(
            "CLI-0471",
            "unknown value for rekor-entry-type",
        )),
    }
}

/// The predicate, in the form that its type has; `None` where a whole statement
/// was given.
fn predicate_of(given: &Given, kind: &str) -> Result<Option<Value>, Failure> {
    let Some(path) = given.text("predicate") else {
        return Ok(None);
    };
    let bytes = material::bundle(path)?;
    let text = || String::from_utf8_lossy(&bytes).into_owned();
    // Two of cosign's types carry the file as text.
    if kind == predicate::CUSTOM {
        let now = jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string();
        return Ok(Some(json!({"Data": text(), "Timestamp": now})));
    }
    if given.text("type") == Some("spdx") {
        return Ok(Some(Value::String(text())));
    }
    let limit = bulla_core::limits::BUNDLE_BYTES;
    let value: Value = bulla_core::limits::parse_json(&bytes, limit, "predicate")
        .map_err(|error| Failure::from_error(path, &error))?;
    if !value.is_object() {
        return Err(Failure::coded(
            "CLI-0472",
            format!("{path}: a predicate is a JSON object"),
        ));
    }
    Ok(Some(value))
}

fn bytes_of(statement: &Statement) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(statement)
        .map_err(|error| Failure::new(format!("the statement cannot be written: {error}")))
}

async fn seal(sealer: &Sealer, payload: &[u8]) -> Result<Sealed, Failure> {
    let content = Content::Envelope {
        payload_type: media_type::IN_TOTO,
        payload,
    };
    sign::seal(sealer, &content).await
}

/// The envelope as JSON, as the old layout keeps it.
fn envelope_of(sealed: &Sealed) -> Result<Vec<u8>, Failure> {
    let envelope = sealed.parts.envelope.as_ref();
    let envelope = envelope.ok_or_else(|| Failure::new("the bundle holds no envelope"))?;
    serde_json::to_vec(envelope)
        .map_err(|error| Failure::new(format!("the envelope cannot be written: {error}")))
}
