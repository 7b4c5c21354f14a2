//! SLSA provenance v1 of a build: what went in, how it was built, by whom.
//!
//! See <https://slsa.dev/spec/v1.2/provenance>. The build type is ours; its external
//! parameters are closed: the source and the recipe, nothing else can steer a build.
//! This writes the predicate; the builder's identity signs it elsewhere.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{build::Built, recipe::Recipe};

/// The build type of recipes.
pub const BUILD_TYPE: &str = "https://bulla.dev/buildtypes/recipe/v1";

/// What the caller knows of the source.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Where it comes from, without credentials; empty if there is no remote.
    pub uri: String,
    /// The branch or tag that was asked for, by its full name.
    pub reference: Option<String>,
    /// The folder of the recipe, relative to the repository; empty for its root.
    pub folder: String,
    /// The commit, in hex; none for a dirty tree.
    pub commit: Option<String>,
    /// The commit's tree, in hex; none for a dirty tree.
    pub tree: Option<String>,
    /// The SHA-256 tree digest, in hex.
    pub tree_sha256: String,
    /// What the commit's signature amounts to.
    pub signature: Signature,
}

/// What a commit's signature amounts to, as provenance states it.
#[derive(Clone, Debug, Serialize)]
pub struct Signature {
    /// `valid`, `unsigned`, `unknown-signer` or `invalid`.
    pub status: String,
    /// Who, if valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// `ssh`, `openpgp` or `x509`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

impl Default for Signature {
    fn default() -> Self {
        Self {
            status: "unsigned".into(),
            signer: None,
            kind: None,
        }
    }
}

/// Who built, and which run it was.
#[derive(Clone, Debug)]
pub struct Run {
    /// The builder's subject: the identity that signs.
    pub builder_id: String,
    /// This build, unique.
    pub invocation_id: String,
    /// The version of this program.
    pub version: String,
}

/// The predicate (`https://slsa.dev/provenance/v1`) of a build.
pub fn provenance(recipe: &Recipe, source: &Source, built: &Built, run: &Run) -> Value {
    let mut place = json!({ "uri": source.uri, "directory": source.folder });
    if let (Some(reference), Some(place)) = (&source.reference, place.as_object_mut()) {
        place.insert("ref".into(), json!(reference));
    }
    let config = match source.folder.as_str() {
        "" => crate::recipe::FILE_NAME.to_owned(),
        folder => format!("{folder}/{}", crate::recipe::FILE_NAME),
    };
    json!({
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "source": place,
                "config": { "path": config, "digest": { "sha256": recipe.digest.hex() } },
            },
            "internalParameters": {
                "isolation": built.isolation.name(),
                "network": "none",
                "sourceDateEpoch": built.epoch,
                "limits": built.limits,
                "steps": built.steps.iter().map(|step| json!({
                    "name": step.name,
                    "run": step.run,
                })).collect::<Vec<_>>(),
                "source": {
                    "dirty": source.commit.is_none(),
                    "signature": source.signature,
                    "treeSha256": source.tree_sha256,
                },
            },
            "resolvedDependencies": dependencies(source, built),
        },
        "runDetails": {
            "builder": { "id": run.builder_id, "version": { "bulla": run.version } },
            "metadata": {
                "invocationId": run.invocation_id,
                "startedOn": seconds(built.started),
                "finishedOn": seconds(built.finished),
            },
        },
    })
}

fn dependencies(source: &Source, built: &Built) -> Vec<Value> {
    let mut digest = Map::new();
    for (name, value) in [("gitCommit", &source.commit), ("gitTree", &source.tree)] {
        if let Some(value) = value {
            digest.insert(name.into(), json!(value));
        }
    }
    digest.insert("sha256".into(), json!(source.tree_sha256));
    let uri = match (&source.commit, source.uri.as_str()) {
        (_, "") => "git+file:".to_owned(),
        (Some(commit), uri) => format!("git+{uri}@{commit}"),
        (None, uri) => format!("git+{uri}"),
    };
    let mut list = vec![json!({ "uri": uri, "digest": digest })];
    list.extend(
        built
            .fetched
            .iter()
            .map(|file| json!({ "uri": file.uri, "digest": { "sha256": file.digest.hex() } })),
    );
    list.extend(built.toolchain.iter().map(|tool| {
        json!({
            "uri": format!("pkg:generic/{}", tool.name),
            "name": tool.name,
            "digest": { "sha256": tool.digest.hex() },
            "annotations": { "version": tool.version, "role": "toolchain" },
        })
    }));
    list
}

/// RFC 3339 in whole seconds, as provenance is read by programs that know no more.
fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second())
        .unwrap_or(time)
        .to_string()
}

#[cfg(test)]
mod tests;
