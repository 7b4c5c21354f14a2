use super::*;
use crate::{
    fetch::Fetched, output::BuiltFile, recipe::Limits, sandbox::Isolation, toolchain::Tool,
};
use bulla_core::Digest;

fn built() -> Built {
    let digest = Digest::sha256(b"x");
    Built {
        outputs: Vec::<BuiltFile>::new(),
        steps: Vec::new(),
        isolation: Isolation::Namespaces,
        fallback: None,
        fetched: vec![Fetched {
            uri: "pkg:cargo/itoa@1.0.0".into(),
            digest: digest.clone(),
            size: 1,
            cached: false,
        }],
        toolchain: vec![Tool {
            name: "rustc".into(),
            version: "1".into(),
            digest,
        }],
        limits: Limits::default(),
        epoch: 7,
        started: Timestamp::UNIX_EPOCH,
        finished: Timestamp::UNIX_EPOCH,
        log: String::new(),
    }
}

fn predicate(source: &Source) -> Value {
    let text = "version = 1\nname = \"a\"\n[[output]]\npath = \"a\"\nto = \"/a\"\n[image]\n";
    let recipe = Recipe::parse(text, "bulla.toml").unwrap();
    let run = Run {
        builder_id: "http://127.0.0.1:1/oidc/service/builder".into(),
        invocation_id: "i".into(),
        version: "0".into(),
    };
    provenance(&recipe, source, &built(), &run)
}

#[test]
fn names_source_files_and_tools_by_digest() {
    let source = Source {
        uri: "https://example.com/a".into(),
        commit: Some("c0".repeat(20)),
        tree: Some("ab".repeat(20)),
        tree_sha256: "cd".repeat(32),
        folder: "sub".into(),
        ..Source::default()
    };
    let value = predicate(&source);
    let definition = &value["buildDefinition"];
    let first = &definition["resolvedDependencies"][0];
    assert_eq!(first["digest"]["gitCommit"], "c0".repeat(20));
    assert_eq!(first["digest"]["sha256"], "cd".repeat(32));
    assert_eq!(
        definition["resolvedDependencies"][1]["uri"],
        "pkg:cargo/itoa@1.0.0"
    );
    assert_eq!(
        definition["resolvedDependencies"][2]["annotations"]["role"],
        "toolchain"
    );
    assert_eq!(
        definition["externalParameters"]["config"]["path"],
        "sub/bulla.toml"
    );
    assert_eq!(definition["internalParameters"]["isolation"], "namespaces");
    assert_eq!(definition["internalParameters"]["source"]["dirty"], false);
    assert_eq!(
        value["runDetails"]["metadata"]["startedOn"],
        "1970-01-01T00:00:00Z"
    );
}

#[test]
fn a_dirty_tree_names_no_commit() {
    let value = predicate(&Source {
        tree_sha256: "cd".repeat(32),
        ..Source::default()
    });
    let definition = &value["buildDefinition"];
    assert_eq!(definition["internalParameters"]["source"]["dirty"], true);
    let digest = &definition["resolvedDependencies"][0]["digest"];
    assert!(digest.get("gitCommit").is_none() && digest.get("gitTree").is_none());
}
