//! `--type`: cosign's short names of predicate types.
//!
//! Not bulla's own table: here `slsaprovenance` is version 0.2, as cosign reads it.

use super::{failure::Failure, given::Given};

/// Short name and URI.
pub const NAMES: [(&str, &str); 10] = [
    ("custom", "https://cosign.sigstore.dev/attestation/v1"),
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

/// The predicate type of `--type`.
///
/// # Errors
/// If it is neither a short name nor a URI.
pub fn uri(given: &Given) -> Result<String, Failure> {
    let name = given.text("type").unwrap_or_default();
    if let Some((_, uri)) = NAMES.iter().find(|(own, _)| *own == name) {
        return Ok((*uri).to_owned());
    }
    if name.contains("://") || name.starts_with('/') {
        return Ok(name.to_owned());
    }
    let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    Err(Failure::new(format!("invalid predicate type: {name}"))
        .code("CLI-0416")
        .hint(format!("use a URI, or one of {}", names.join(", "))))
}
