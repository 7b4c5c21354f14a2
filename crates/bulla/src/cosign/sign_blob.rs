//! `cosign sign-blob`: a file, as a bundle or in the old parts.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_net::sealing::{Content, Sealed};
use serde_json::{Map, Value};

use super::{
    failure::Failure,
    given::Given,
    material::{self, Blob},
    say, services, sign, surroundings,
};

/// Runs it.
///
/// # Errors
/// If a file cannot be read, or a service refuses.
pub fn run(given: &Given) -> Result<(), Failure> {
    let new = given.on("new-bundle-format");
    if new && given.text("bundle").is_none() {
        return Err(Failure::coded(
            "CLI-0467",
            "must specify --bundle with --new-bundle-format",
        ));
    }
    surroundings::run(given, async {
        let sealer = services::sealer(given, services::What::Bytes).await?;
        for name in &given.args {
            if name != "-" {
                say::line(&format!("Using payload from: {name}"));
            }
            let one = async {
                let Blob::Bytes(bytes) = material::blob(name)? else {
                    return Err(Failure::new(format!(
                        "open {name}: no such file or directory"
                    )));
                };
                let sealed = sign::seal(&sealer, &Content::Blob(&bytes)).await?;
                if new {
                    return sign::write_bundle(given, &sealed);
                }
                old_parts(given, &sealed, &sealed.parts.signature)?;
                signature(given, &sealed)
            };
            one.await
                .map_err(|failure| failure.on(&format!("signing {name}")))?;
        }
        Ok(())
    })
}

/// The signature, to stdout or its file; and what else has a file.
fn signature(given: &Given, sealed: &Sealed) -> Result<(), Failure> {
    let raw = &sealed.parts.signature;
    let shown = match given.on("b64") {
        true => STANDARD.encode(raw).into_bytes(),
        false => raw.clone(),
    };
    match given
        .text("output-signature")
        .or_else(|| given.text("output"))
    {
        Some(path) => {
            say::private_file(path, &shown)?;
            say::line(&format!("Wrote signature to file {path}"));
        }
        None if given.on("b64") => say::data(given, &[&shown, &b"\n"[..]].concat())?,
        None => say::data(given, &shown)?,
    }
    if let (Some(path), Some(pem)) = (given.text("output-certificate"), &sealed.parts.certificate) {
        let bytes = match given.on("b64") {
            true => STANDARD.encode(pem).into_bytes(),
            false => pem.clone().into_bytes(),
        };
        say::private_file(path, &bytes)?;
        say::line(&format!("Wrote certificate to file {path}"));
    }
    timestamp(given, "rfc3161-timestamp", sealed)
}

/// The signed timestamp, to the file that `flag` names.
///
/// # Errors
/// If it cannot be written.
pub fn timestamp(given: &Given, flag: &str, sealed: &Sealed) -> Result<(), Failure> {
    let (Some(path), Some(stamp)) = (given.text(flag), sealed.parts.cosign_timestamp()) else {
        return Ok(());
    };
    say::private_file(path, stamp.to_string().as_bytes())?;
    say::line(&format!("Wrote timestamp to file {path}"));
    Ok(())
}

/// `--bundle FILE` in the old format: what was signed with, in one JSON object.
///
/// # Errors
/// If it cannot be written.
pub fn old_parts(given: &Given, sealed: &Sealed, signature: &[u8]) -> Result<(), Failure> {
    let Some(path) = given.text("bundle") else {
        return Ok(());
    };
    let mut bundle = Map::new();
    bundle.insert("base64Signature".into(), STANDARD.encode(signature).into());
    if let Some(pem) = &sealed.parts.certificate {
        bundle.insert("cert".into(), STANDARD.encode(pem).into());
    }
    if let Some(entry) = sealed.parts.cosign_bundle() {
        bundle.insert("rekorBundle".into(), entry);
    }
    say::private_file(path, Value::Object(bundle).to_string().as_bytes())?;
    say::line(&format!("Wrote bundle to file {path}"));
    Ok(())
}
