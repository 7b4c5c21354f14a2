//! SLSA provenance, version 1: <https://slsa.dev/spec/v1.0/provenance>.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What rules read of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvenancePredicate {
    /// What was built, from what.
    pub build_definition: BuildDefinition,
    /// Who built, when.
    pub run_details: RunDetails,
}

/// `buildDefinition`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildDefinition {
    /// How to read the rest.
    pub build_type: String,
    /// What the builder chose; its form depends on the build type.
    #[serde(default)]
    pub internal_parameters: Value,
    /// Inputs; the first one is the source.
    #[serde(default)]
    pub resolved_dependencies: Vec<Dependency>,
}

/// `internalParameters.source`.
#[derive(Clone, Debug, Deserialize)]
pub struct SourceState {
    /// Whether files differed from the commit.
    #[serde(default)]
    pub dirty: Option<bool>,
    /// The commit's own signature.
    #[serde(default)]
    pub signature: Option<CommitSignature>,
}

/// `internalParameters.source.signature`.
#[derive(Clone, Debug, Deserialize)]
pub struct CommitSignature {
    /// `valid`, `unsigned`, `unknown-signer` or `invalid`.
    pub status: String,
    /// Who, where known.
    #[serde(default)]
    pub signer: Option<String>,
}

/// One input.
#[derive(Clone, Debug, Deserialize)]
pub struct Dependency {
    /// Where it came from.
    #[serde(default)]
    pub uri: Option<String>,
    /// What it is.
    #[serde(default)]
    pub digest: BTreeMap<String, String>,
}

/// `runDetails`.
#[derive(Clone, Debug, Deserialize)]
pub struct RunDetails {
    /// Who built.
    pub builder: BuilderId,
}

/// `runDetails.builder`.
#[derive(Clone, Debug, Deserialize)]
pub struct BuilderId {
    /// The builder's name.
    pub id: String,
}

impl ProvenancePredicate {
    /// The isolation level, as our build type states it.
    pub fn isolation(&self) -> Option<&str> {
        self.build_definition
            .internal_parameters
            .get("isolation")?
            .as_str()
    }

    /// The state of the source, as our build type states it; `None` also if that
    /// part has another form.
    pub fn source_state(&self) -> Option<SourceState> {
        let state = self.build_definition.internal_parameters.get("source")?;
        crate::predicate::read(state).ok()
    }

    /// The commit that the source dependency names: 40 or 64 lower-case hex digits.
    pub fn commit(&self) -> Option<&str> {
        let source = self.build_definition.resolved_dependencies.first()?;
        let commit = source.digest.get("gitCommit")?;
        let is_hex = commit
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        (is_hex && matches!(commit.len(), 40 | 64)).then_some(commit)
    }

    /// The repository that the source dependency names, without `git+`.
    pub fn repository(&self) -> Option<&str> {
        let source = self.build_definition.resolved_dependencies.first()?;
        let uri = source.uri.as_deref()?;
        Some(uri.strip_prefix("git+").unwrap_or(uri))
    }
}
