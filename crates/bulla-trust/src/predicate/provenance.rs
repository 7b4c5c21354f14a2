//! How something was made, and what a verifier made of it: SLSA and in-toto link.
//!
//! <https://slsa.dev/spec/v1.0/provenance>, <https://slsa.dev/spec/v0.2/provenance>,
//! <https://slsa.dev/spec/v1.0/verification_summary>.

use bulla_core::Subject;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

type Digests = BTreeMap<String, String>;

/// SLSA provenance, version 1.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SlsaProvenanceV1 {
    /// What was built and how.
    pub build_definition: BuildDefinition,
    /// By whom, and when.
    pub run_details: RunDetails,
}

/// What was built.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildDefinition {
    /// What the parameters mean.
    pub build_type: String,
    /// What whoever asked for the build could set: to be checked.
    pub external_parameters: Value,
    /// What the builder set.
    #[serde(default)]
    pub internal_parameters: Value,
    /// What went in.
    #[serde(default, deserialize_with = "or_default")]
    pub resolved_dependencies: Vec<Subject>,
}

/// How the build ran.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunDetails {
    /// Who built.
    pub builder: Builder,
    /// When.
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: RunMetadata,
}

/// Who built.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Builder {
    /// The builder, as a URI: what a policy maps signers to.
    pub id: String,
}

/// Which run it was.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunMetadata {
    /// The run.
    #[serde(default)]
    pub invocation_id: Option<String>,
    /// When it began.
    #[serde(default)]
    pub started_on: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub finished_on: Option<Timestamp>,
}

/// SLSA provenance, version 0.2.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SlsaProvenanceV02 {
    /// Who built.
    pub builder: Builder,
    /// What the parameters mean.
    pub build_type: String,
    /// What started it.
    #[serde(default, deserialize_with = "or_default")]
    pub invocation: InvocationV02,
    /// What went in.
    #[serde(default, deserialize_with = "or_default")]
    pub materials: Vec<Material>,
}

/// What started a build.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvocationV02 {
    /// Where the build instructions are.
    #[serde(default, deserialize_with = "or_default")]
    pub config_source: ConfigSource,
    /// What whoever asked for the build could set.
    #[serde(default)]
    pub parameters: Value,
    /// What else the builder knew.
    #[serde(default)]
    pub environment: Value,
}

/// Where build instructions are.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigSource {
    /// The repository.
    #[serde(default)]
    pub uri: Option<String>,
    /// At which commit.
    #[serde(default, deserialize_with = "or_default")]
    pub digest: Digests,
    /// Which file or target.
    #[serde(default)]
    pub entry_point: Option<String>,
}

/// Something that went into a build.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Material {
    /// What it is.
    #[serde(default)]
    pub uri: Option<String>,
    /// Its digests.
    #[serde(default, deserialize_with = "or_default")]
    pub digest: Digests,
}

/// A verification summary, version 1.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vsa {
    /// Who verified.
    pub verifier: Builder,
    /// When.
    #[serde(default)]
    pub time_verified: Option<Timestamp>,
    /// What was verified.
    pub resource_uri: String,
    /// Against which policy.
    pub policy: Material,
    /// What came of it.
    pub verification_result: VerificationResult,
    /// The levels it reached.
    pub verified_levels: Vec<String>,
}

/// What a verifier found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum VerificationResult {
    /// It fails the policy.
    Failed,
    /// It passes the policy.
    Passed,
}

/// A link of in-toto's first version.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Link {
    /// The step.
    pub name: String,
    /// What was run.
    #[serde(default, deserialize_with = "or_default")]
    pub command: Vec<String>,
    /// What went in, by path or as descriptors.
    #[serde(default)]
    pub materials: Value,
    /// What came out, by path; absent where the subjects say it.
    #[serde(default)]
    pub products: Value,
}

/// Go writes `null` for an empty list or object.
fn or_default<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
