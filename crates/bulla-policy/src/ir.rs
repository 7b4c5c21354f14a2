//! The internal form of a policy: what every kind of document is turned into.
//!
//! Everything that a document may leave to the instance is filled in here, so
//! the form is closed: its canonical rendering is itself a policy document, and
//! its SHA-256 is the digest that every decision records.

use bulla_core::{Digest, Identity, RootId, Severity};
use serde::{Deserialize, Serialize};

use crate::{
    age::Age,
    pattern::{ImagePattern, SubjectPattern},
};

/// A policy, ready to be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) images: Vec<ImagePattern>,
    pub(crate) authorities: Vec<Authority>,
    pub(crate) rules: Vec<Rule>,
}

impl Policy {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The roots that its authorities name, each once.
    pub fn roots(&self) -> Vec<RootId> {
        let mut roots: Vec<_> = self
            .authorities
            .iter()
            .map(|authority| authority.root.clone())
            .collect();
        roots.sort();
        roots.dedup();
        roots
    }

    /// SHA-256 of [`Policy::canonical`].
    pub fn digest(&self) -> Digest {
        Digest::sha256(&self.canonical())
    }

    /// The policy as it is applied, in canonical JSON: a document that parses
    /// back to the same policy, for records and replay.
    pub fn canonical(&self) -> Vec<u8> {
        bulla_core::canonical_json::jcs(&crate::kind::own::render(self)).unwrap_or_default()
    }

    pub(crate) fn authority(&self, name: &str) -> Option<&Authority> {
        self.authorities.iter().find(|a| a.name == name)
    }
}

/// What a rule that is not satisfied does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It stands in the way.
    #[default]
    Enforce,
    /// It is told, and nothing more.
    Warn,
}

/// A named set of identities, under one root, that may vouch for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Its name in the policy.
    pub name: String,
    /// The trust root.
    pub root: RootId,
    /// Who belongs to it; never empty.
    pub identities: Vec<IdentityPattern>,
}

impl Authority {
    /// Whether that signer belongs to it.
    pub fn includes(&self, signer: &Identity) -> bool {
        self.root == signer.root && self.identities.iter().any(|id| id.matches(signer))
    }
}

/// One or more signers of one issuer. Only says who together with a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityPattern {
    /// The issuer, exactly.
    pub issuer: String,
    /// The subject.
    pub subject: SubjectRule,
}

impl IdentityPattern {
    fn matches(&self, signer: &Identity) -> bool {
        self.issuer == signer.issuer && self.subject.matches(&signer.subject)
    }
}

/// Which subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectRule {
    /// This one.
    Exact(String),
    /// Those of this form.
    Pattern(SubjectPattern),
}

impl SubjectRule {
    /// Whether that subject is meant.
    pub fn matches(&self, subject: &str) -> bool {
        match self {
            Self::Exact(wanted) => wanted == subject,
            Self::Pattern(pattern) => pattern.matches(subject),
        }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, unique in the policy.
    pub name: String,
    /// What it does when it is not satisfied.
    pub mode: Mode,
    /// What it asks for.
    pub requirement: Requirement,
}

/// What a rule asks for. Authorities are named; the policy holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// A statement of some type.
    Attestation(Attestation),
    /// A scan that says what it covered.
    Coverage(Coverage),
    /// No finding at or above a gate.
    Findings(Findings),
    /// A build in isolation.
    Isolation(Isolation),
    /// Provenance by a builder.
    Provenance(Provenance),
    /// An allowed registry.
    Registry(Registry),
    /// An inventory.
    Sbom(Sbom),
    /// A signature over the image.
    Signature(Signature),
    /// Source that has a name.
    Source(Source),
}

/// A statement of `predicateType` by at least `atLeast` distinct identities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attestation {
    /// Who.
    pub authorities: Vec<String>,
    /// Which type, exactly.
    pub predicate_type: String,
    /// How many distinct identities; never 0 (rule R1).
    #[serde(default = "one")]
    pub at_least: usize,
}

/// The image signature, by at least `atLeast` distinct identities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signature {
    /// Who.
    pub authorities: Vec<String>,
    /// How many distinct identities; never 0 (rule R1).
    #[serde(default = "one")]
    pub at_least: usize,
}

/// Provenance signed by an authority and naming one of that authority's builders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Provenance {
    /// Who may sign for which builder.
    pub builders: Vec<Builder>,
    /// Allowed build types; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub build_types: Vec<String>,
}

/// One signer and the builders it may name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Builder {
    /// Who signs.
    pub authority: String,
    /// `builder.id`, exactly one of these.
    pub ids: Vec<String>,
}

/// Conditions on the source that the provenance names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// Who signs the provenance.
    pub authorities: Vec<String>,
    /// Whether a commit's own signature must be valid.
    #[serde(default)]
    pub signature: SourceSignature,
    /// Allowed source repositories; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<SubjectPattern>,
}

/// What is asked of a commit's signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceSignature {
    /// Its state is recorded; only an invalid one is refused.
    #[default]
    Reported,
    /// It is valid and of an allowed signer.
    Required,
}

/// A build that was isolated at least this well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Isolation {
    /// Who signs the provenance.
    pub authorities: Vec<String>,
    /// The weakest level that is accepted.
    pub minimum: IsolationLevel,
}

/// Isolation levels, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IsolationLevel {
    /// None.
    None,
    /// Landlock and seccomp.
    Landlock,
    /// Namespaces.
    Namespaces,
}

impl IsolationLevel {
    /// Its name in provenance.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Landlock => "landlock",
            Self::Namespaces => "namespaces",
        }
    }

    /// The level of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::Landlock, Self::Namespaces]
            .into_iter()
            .find(|level| level.name() == name)
    }
}

/// The newest scan holds nothing at or above `failOn` that VEX does not explain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Findings {
    /// Who scans.
    pub authorities: Vec<String>,
    /// The lowest severity that stands in the way.
    pub fail_on: Severity,
    /// What a finding without a severity does.
    #[serde(default)]
    pub unknown_severity: UnknownSeverity,
    /// Who may say that a finding does not affect the image; empty: nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vex: Vec<String>,
}

/// What a finding without a severity does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownSeverity {
    /// It is told.
    #[default]
    Warn,
    /// It stands in the way.
    Deny,
}

/// The newest scan says what it covered, with data that is not too old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Coverage {
    /// Who scans.
    pub authorities: Vec<String>,
    /// Ecosystems that may be without data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_without_data: Vec<String>,
    /// Older data is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warn_database_age: Option<Age>,
    /// Older data stands in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_database_age: Option<Age>,
}

/// An inventory of the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sbom {
    /// Who makes it.
    pub authorities: Vec<String>,
    /// Accepted formats; one of them is enough.
    #[serde(default = "both_formats")]
    pub formats: Vec<SbomFormat>,
}

/// A format of inventories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SbomFormat {
    /// CycloneDX JSON.
    CycloneDx,
    /// SPDX 2 JSON.
    Spdx,
}

/// Where images may come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Registry {
    /// Hosts, with port where there is one, exactly.
    pub allow: Vec<String>,
}

fn one() -> usize {
    1
}

fn both_formats() -> Vec<SbomFormat> {
    vec![SbomFormat::CycloneDx, SbomFormat::Spdx]
}
