//! What scripts read of a verification: the header on stderr, JSON or text on
//! stdout, field by field as cosign writes it.

use bulla_core::{Digest, limits};
use bulla_trust::{Proof, sigstore::Claim};
use serde_json::{Map, Value, json};

use super::{
    checks::Checks,
    failure::Failure,
    given::Given,
    say,
    verify::{Accepted, Printed},
};
use bulla_oci::cosign::annotation;

/// How signatures are printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON array.
    Json,
    /// One payload for each line.
    Text,
}

/// `--output`.
///
/// # Errors
/// If it is neither.
pub fn format(given: &Given) -> Result<Format, Failure> {
    match given.text("output").unwrap_or_default() {
        "json" => Ok(Format::Json),
        "text" => Ok(Format::Text),
        other => Err(Failure::coded(
            "CLI-0458",
            format!("--output {other}: it is json or text"),
        )),
    }
}

/// Claims that cosign shows, by the names it gives them.
const SHOWN: [(Claim, &str, &str, &str); 5] = [
    (
        Claim::WorkflowTrigger,
        "1.3.6.1.4.1.57264.1.2",
        "githubWorkflowTrigger",
        "GitHub Workflow Trigger",
    ),
    (
        Claim::WorkflowSha,
        "1.3.6.1.4.1.57264.1.3",
        "githubWorkflowSha",
        "GitHub Workflow SHA",
    ),
    (
        Claim::WorkflowName,
        "1.3.6.1.4.1.57264.1.4",
        "githubWorkflowName",
        "GitHub Workflow Name",
    ),
    (
        Claim::WorkflowRepository,
        "1.3.6.1.4.1.57264.1.5",
        "githubWorkflowRepository",
        "GitHub Workflow Repository",
    ),
    (
        Claim::WorkflowRef,
        "1.3.6.1.4.1.57264.1.6",
        "githubWorkflowRef",
        "GitHub Workflow Ref",
    ),
];
const ISSUER_OID: &str = "1.3.6.1.4.1.57264.1.1";

/// Says which checks were made.
pub fn header(given: &Given, name: &str, checks: &Checks, accepted: &Accepted) {
    say::line(&format!("\nVerification for {name} --"));
    say::line("The following checks were performed on each of these signatures:");
    if given.on("check-claims") {
        if !checks.annotations.is_empty() {
            say::line("  - The specified annotations were verified.");
        }
        say::line("  - The cosign claims were validated");
    }
    if accepted.is_logged {
        say::line("  - Existence of the claims in the transparency log was verified offline");
    }
    if checks.is_by_key() {
        say::line("  - The signatures were verified against the specified public key");
    } else {
        say::line(
            "  - The code-signing certificate was verified using trusted certificate authority certificates",
        );
    }
}

/// Prints signatures.
///
/// # Errors
/// If the output file cannot be written.
pub fn signatures(
    given: &Given,
    format: Format,
    name: &str,
    image: &Digest,
    accepted: &Accepted,
) -> Result<(), Failure> {
    let mut all = Vec::new();
    let mut lines = String::new();
    for one in &accepted.output {
        let (shown, raw) = match one {
            Printed::Statement(statement, _) => {
                let subject = statement.subject.iter().find(|subject| subject.is(image));
                let annotations: Map<String, Value> = subject
                    .map(|subject| subject.annotations.clone().into_iter().collect())
                    .unwrap_or_default();
                let value = json!({
                    "critical": {
                        "identity": {"docker-reference": name},
                        "image": {"docker-manifest-digest": image},
                        "type": statement.predicate_type,
                    },
                    "optional": annotations,
                });
                let raw = value.to_string();
                (value, raw)
            }
            Printed::Layer(layer, proven) => {
                let raw = String::from_utf8_lossy(&layer.bytes).into_owned();
                let mut value: Value = serde_json::from_slice(&layer.bytes).unwrap_or_default();
                if let Some(proof) = &proven.certificate {
                    text_of(format, proof);
                }
                add(&mut value, proven.certificate.as_ref(), &layer.annotations);
                (value, raw)
            }
        };
        lines.push_str(&raw);
        lines.push('\n');
        all.push(shown);
    }
    match format {
        Format::Json => say::data(given, format!("\n{}\n", Value::Array(all)).as_bytes()),
        Format::Text => say::data(given, lines.as_bytes()),
    }
}

/// What the certificate says, for a person.
fn text_of(format: Format, proof: &Proof) {
    if format != Format::Text {
        return;
    }
    say::line(&format!("Certificate subject: {}", proof.signer.subject));
    say::line(&format!("Certificate issuer URL: {}", proof.signer.issuer));
    for (claim, _, _, title) in SHOWN {
        if let Some(value) = proof.claims.get(claim) {
            say::line(&format!("{title}: {value}"));
        }
    }
}

/// Adds to a payload what proves it, under `optional`.
fn add(
    value: &mut Value,
    proof: Option<&Proof>,
    annotations: &std::collections::BTreeMap<String, String>,
) {
    let mut more = Map::new();
    if let Some(proof) = proof {
        more.insert("Subject".into(), proof.signer.subject.clone().into());
        more.insert("Issuer".into(), proof.signer.issuer.clone().into());
        more.insert(ISSUER_OID.into(), proof.signer.issuer.clone().into());
        for (claim, oid, name, _) in SHOWN {
            if let Some(text) = proof.claims.get(claim) {
                more.insert(oid.into(), text.into());
                more.insert(name.into(), text.into());
            }
        }
    }
    for (key, name) in [
        (annotation::BUNDLE, "Bundle"),
        (annotation::TIMESTAMP, "RFC3161Timestamp"),
    ] {
        if let Some(text) = annotations.get(key)
            && let Ok(parsed) = serde_json::from_str(text)
        {
            more.insert(name.into(), parsed);
        }
    }
    if let Some(object) = value.as_object_mut() {
        let optional = object.entry("optional").or_insert(Value::Null);
        match optional.as_object_mut() {
            Some(there) => there.extend(more),
            None if more.is_empty() => {}
            None => *optional = more.into(),
        }
    }
}

/// Prints attestations: one envelope for each line.
///
/// # Errors
/// If the output file cannot be written.
pub fn attestations(given: &Given, accepted: &Accepted) -> Result<(), Failure> {
    let mut lines = String::new();
    for one in &accepted.output {
        if let Printed::Statement(_, envelope) = one {
            lines.push_str(&envelope.to_string());
            lines.push('\n');
        }
    }
    say::data(given, lines.as_bytes())
}

/// The envelope in a bundle, as JSON.
///
/// # Errors
/// If there is none.
pub fn envelope(bundle: &[u8]) -> Result<Value, Failure> {
    let parsed: Value = limits::parse_json(bundle, limits::BUNDLE_BYTES, "bundle")
        .map_err(|error| Failure::from_error("", &error))?;
    parsed
        .get("dsseEnvelope")
        .cloned()
        .ok_or_else(|| Failure::coded("CLI-0459", "bundle does not contain a DSSE envelope"))
}
