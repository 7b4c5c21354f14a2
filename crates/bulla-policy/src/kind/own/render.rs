//! From the internal form back to a document in which nothing is left open.

use super::{
    API_VERSION, AuthorityEntry, Document, IdentityEntry, Image, KIND, Keyless, Metadata,
    RuleEntry, Spec,
};
use crate::ir::{Authority, Policy, Requirement, Rule, SubjectRule};

/// The document that parses back to `policy`, with nothing left open.
pub(crate) fn render(policy: &Policy) -> Document {
    Document {
        api_version: API_VERSION.into(),
        kind: KIND.into(),
        metadata: Metadata {
            name: policy.name.clone(),
        },
        spec: Spec {
            mode: policy.mode,
            images: policy
                .images
                .iter()
                .map(|glob| Image { glob: glob.clone() })
                .collect(),
            authorities: policy.authorities.iter().map(render_authority).collect(),
            rules: policy.rules.iter().map(render_rule).collect(),
        },
    }
}

fn render_authority(authority: &Authority) -> AuthorityEntry {
    let identities = authority.identities.iter().map(|identity| {
        let (subject, subject_pattern) = match &identity.subject {
            SubjectRule::Exact(subject) => (Some(subject.clone()), None),
            SubjectRule::Pattern(pattern) => (None, Some(pattern.clone())),
        };
        IdentityEntry {
            issuer: identity.issuer.clone(),
            subject,
            subject_pattern,
        }
    });
    AuthorityEntry {
        name: authority.name.clone(),
        keyless: Keyless {
            root: authority.root.0.to_string(),
            identities: identities.collect(),
        },
    }
}

fn render_rule(rule: &Rule) -> RuleEntry {
    let mut entry = RuleEntry {
        name: rule.name.clone(),
        mode: rule.mode,
        ..RuleEntry::default()
    };
    match rule.requirement.clone() {
        Requirement::Attestation(r) => entry.attestation = Some(r),
        Requirement::Coverage(r) => entry.coverage = Some(r),
        Requirement::Findings(r) => entry.findings = Some(r),
        Requirement::Isolation(r) => entry.isolation = Some(r),
        Requirement::Provenance(r) => entry.provenance = Some(r),
        Requirement::Registry(r) => entry.registry = Some(r),
        Requirement::Sbom(r) => entry.sbom = Some(r),
        Requirement::Signature(r) => entry.signature = Some(r),
        Requirement::Source(r) => entry.source = Some(r),
    }
    entry
}
