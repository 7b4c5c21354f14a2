//! What a statement is about: an in-toto resource descriptor with digests.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::digest::Digest;

/// A subject, material or dependency, named by digests.
///
/// Field meaning: in-toto attestation framework v1, *ResourceDescriptor*.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// A name that means something to the producer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Where it was got.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uri: String,
    /// Digests: algorithm name (`sha256`, `gitCommit` …) to lower-case hex.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digest: BTreeMap<String, String>,
    /// More about it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, serde_json::Value>,
}

impl Subject {
    /// A subject with one digest.
    pub fn new(name: impl Into<String>, digest: &Digest) -> Self {
        Self {
            name: name.into(),
            digest: BTreeMap::from([(
                digest.algorithm().name().to_owned(),
                digest.hex().to_owned(),
            )]),
            ..Self::default()
        }
    }

    /// Whether this is the artifact with that digest. Only the algorithm of
    /// `digest` counts: weaker ones beside it prove nothing.
    pub fn is(&self, digest: &Digest) -> bool {
        self.digest
            .get(digest.algorithm().name())
            .is_some_and(|hex| hex == digest.hex())
    }
}
