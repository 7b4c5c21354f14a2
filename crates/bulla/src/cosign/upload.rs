//! `cosign upload blob` and `upload wasm`: files as images of one layer.
//!
//! Configuration and media types are those that cosign writes. Of several files
//! only their index is tagged; cosign moves the tag from file to file before that.

use bulla_core::descriptor::{Platform, media_type};
use bulla_oci::FileImage;
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::{checks, failure::Failure, given::Given, material, say, sniff, surroundings};

const WASM: &str = "application/vnd.wasm.content.layer.v1+wasm";
const WASM_CONFIG: &str = "application/vnd.wasm.config.v1+json";
/// Go's zero time, which cosign leaves there.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// Runs `upload blob`.
///
/// # Errors
/// If a file cannot be read, or the registry refuses.
pub fn blob(given: &Given) -> Result<(), Failure> {
    let name = target(given)?;
    let places: Vec<(&str, Option<Platform>)> = given.all("files").into_iter().map(place).collect();
    let bare = places.iter().find(|(_, platform)| platform.is_none());
    match (places.len(), bare) {
        (0, _) => {
            return Err(Failure::coded("CLI-0488", "no file is named")
                .hint("cosign upload blob -f FILE IMAGE"));
        }
        (2.., Some((path, _))) => {
            return Err(Failure::coded(
                "CLI-0488",
                format!("each file must include a unique platform, {path} had no platform"),
            )
            .hint("cosign upload blob -f FILE:OS/ARCHITECTURE -f FILE:OS/ARCHITECTURE IMAGE"));
        }
        _ => {}
    }
    let annotations = checks::pairs(given, "annotation")?;
    let mut files = Vec::new();
    for (path, platform) in places {
        let bytes = material::file(path)?;
        let kind = given
            .text("ct")
            .unwrap_or_else(|| sniff::media_type(&bytes));
        say::line(&format!(
            "Uploading file from [{path}] to [{name}] with media type [{kind}]"
        ));
        let layer = bulla_core::Digest::sha256(&bytes);
        let config = json!({
            "architecture": "", "created": NEVER, "history": [{"created": NEVER}], "os": "",
            "rootfs": {"type": "layers", "diff_ids": [layer.to_string()]}, "config": {},
        });
        files.push(FileImage {
            media_type: kind.to_owned(),
            bytes: bytes.into(),
            config_type: media_type::CONFIG.into(),
            config: document(&config).into(),
            annotations: annotations.clone(),
            platform,
        });
    }
    let pushed = push(given, name, &files)?;
    match files.as_slice() {
        [_] => {
            say::line("Uploaded image to:");
            say::data(given, format!("{pushed}\n").as_bytes())
        }
        _ => {
            say::line(&format!("Uploading multi-platform index to {pushed}"));
            Ok(())
        }
    }
}

/// Runs `upload wasm`.
///
/// # Errors
/// If the file cannot be read, or the registry refuses.
pub fn wasm(given: &Given) -> Result<(), Failure> {
    let path = given
        .text("file")
        .ok_or_else(|| Failure::coded("CLI-0488", "required flag(s) \"file\" not set"))?;
    let name = target(given)?;
    let bytes = material::file(path)?;
    say::line(&format!("Uploading wasm file from [{path}] to [{name}]."));
    let config = json!({
        "architecture": "", "created": NEVER, "os": "",
        "rootfs": {"type": "layers", "diff_ids": null}, "config": {},
    });
    let file = FileImage {
        media_type: WASM.into(),
        bytes: bytes.into(),
        config_type: WASM_CONFIG.into(),
        config: document(&config).into(),
        annotations: BTreeMap::new(),
        platform: None,
    };
    push(given, name, &[file]).map(drop)
}

/// Pushes, and says where each file can be had; the name of the whole.
fn push(given: &Given, name: &str, files: &[FileImage]) -> Result<String, Failure> {
    let to = surroundings::reference(name)?;
    let pushed = surroundings::run(given, async {
        let registry = surroundings::registry(given, &to)?;
        registry
            .push_files(&to, files)
            .await
            .map_err(|error| surroundings::registry_error("uploading", &error))
    })?;
    Ok(format!("{}@{}", to.name(), pushed.digest))
}

fn target(given: &Given) -> Result<&str, Failure> {
    match given.args.as_slice() {
        [one] => Ok(one),
        _ => Err(
            Failure::coded("CLI-0405", "accepts 1 arg(s): the image to upload to").hint(format!(
                "cosign {} {}",
                given.command.path, given.command.usage
            )),
        ),
    }
}

/// `FILE`, `FILE:OS` or `FILE:OS/ARCHITECTURE`.
fn place(text: &str) -> (&str, Option<Platform>) {
    let Some((path, platform)) = text.split_once(':') else {
        return (text, None);
    };
    let (os, architecture) = platform.split_once('/').unwrap_or((platform, ""));
    let platform = Platform {
        os: os.to_owned(),
        architecture: architecture.to_owned(),
        variant: None,
    };
    (path, Some(platform))
}

fn document(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}
