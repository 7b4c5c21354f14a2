//! `--type`: cosign's short names of predicate types.
//!
//! Not bulla's own table: here `slsaprovenance` is version 0.2, as cosign reads it.

use super::{failure::Failure, given::Given};

/// What a predicate without a type of its own has: it carries the file as text.
pub const CUSTOM: &str = "https://cosign.sigstore.dev/attestation/v1";

/// Short name and URI.
pub const NAMES: [(&str, &str); 10] = [
    ("custom", CUSTOM),
    ("cyclonedx", "https://cyclonedx.org/bom"),
    ("link", "https://in-toto.io/Link/v1"),
    ("openvex", "https://openvex.dev/ns"),
    ("slsaprovenance", "https://slsa.dev/provenance/v0.2"),
    ("slsaprovenance02", "https://slsa.dev/provenance/v0.2"),
    ("slsaprovenance1", "https://slsa.dev/provenance/v1"),
    ("spdx", "https://spdx.dev/Document"),
    ("spdxjson", "https://spdx.dev/Document"),
    ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
];

/// The predicate type of `--type`, to be written.
///
/// # Errors
/// If it is neither a short name nor a URI.
pub fn uri(given: &Given) -> Result<String, Failure> {
    parse(given.text("type").unwrap_or_default())
}

/// The predicate type of `--type`, to be compared: what is no short name stands
/// for itself, and matches nothing if it is no type.
pub fn uri_or_name(given: &Given) -> String {
    let name = given.text("type").unwrap_or_default();
    let known = NAMES.iter().find(|(own, _)| *own == name);
    known.map_or(name, |(_, uri)| uri).to_owned()
}

/// The predicate type of a short name; a URI stands for itself.
///
/// # Errors
/// If it is neither.
pub fn parse(name: &str) -> Result<String, Failure> {
    if let Some((_, uri)) = NAMES.iter().find(|(own, _)| *own == name) {
        return Ok((*uri).to_owned());
    }
    if name.contains("://") || name.starts_with('/') {
        return Ok(name.to_owned());
    }
    let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    Err(
        Failure::coded("CLI-0416", format!("invalid predicate type: {name}"))
            .hint(format!("use a URI, or one of {}", names.join(", "))),
    )
}
