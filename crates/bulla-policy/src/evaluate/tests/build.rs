use super::*;

/// The default policy over the complete evidence with the provenance edited.
fn edited(edit: impl FnOnce(&mut Value)) -> Decision {
    let mut predicate = provenance();
    edit(&mut predicate);
    decide(
        &default_policy(),
        with(
            types::SLSA_PROVENANCE_V1,
            vec![said(
                &service("builder"),
                types::SLSA_PROVENANCE_V1,
                "11:00",
                predicate,
            )],
        ),
    )
}

#[test]
fn a_person_cannot_vouch_for_a_build() {
    let decision = decide(
        &default_policy(),
        with(
            types::SLSA_PROVENANCE_V1,
            vec![said(
                &dana(),
                types::SLSA_PROVENANCE_V1,
                "11:00",
                provenance(),
            )],
        ),
    );
    let result = decision
        .rules
        .iter()
        .find(|r| r.rule == "provenance-from-builder")
        .unwrap();
    assert_eq!(result.outcome, Outcome::Deny);
    assert_eq!(
        result.reasons[0].text,
        "provenance names instance/builder, but it is signed by dana@example.com"
    );
    assert!(
        result.reasons[1]
            .text
            .contains("only instance/builder (root "),
        "{:?}",
        result.reasons
    );
    assert!(
        result.reasons[0]
            .hint
            .as_deref()
            .unwrap()
            .starts_with("bulla ship")
    );
}

#[test]
fn provenance_names_an_allowed_builder_and_build_type() {
    for (builder, build_type, expected) in [
        (
            format!("{SERVICE}/builder"),
            "https://bulla.dev/buildtypes/recipe/v1",
            code::SATISFIED,
        ),
        (
            format!("{SERVICE}/scanner"),
            "https://bulla.dev/buildtypes/recipe/v1",
            code::BUILDER,
        ),
        (
            "https://elsewhere.example/builder".into(),
            "https://bulla.dev/buildtypes/recipe/v1",
            code::BUILDER,
        ),
        (
            format!("{SERVICE}/builder"),
            "https://bulla.dev/buildtypes/recipe/v2",
            code::BUILD_TYPE,
        ),
    ] {
        let decision = edited(|p| {
            p["runDetails"]["builder"]["id"] = json!(builder);
            p["buildDefinition"]["buildType"] = json!(build_type);
        });
        let (outcome, code, text) = rule(&decision, "provenance-from-builder");
        assert_eq!(code, expected, "{text}");
        assert_eq!(outcome.is_allowed(), expected == code::SATISFIED);
    }
}

#[test]
fn each_signer_only_vouches_for_its_own_builders() {
    let mapped = policy(
        "    - name: built\n      provenance:\n        builders:\n          - {authority: instance/builder, ids: [instance/builder]}\n          - {authority: release, ids: [\"https://ci.example/release\"]}\n",
    );
    let says = |who: &Identity, id: &str| {
        let mut predicate = provenance();
        predicate["runDetails"]["builder"]["id"] = json!(id);
        decide(
            &mapped,
            vec![said(who, types::SLSA_PROVENANCE_V1, "11:00", predicate)],
        )
        .outcome
    };
    let ours = format!("{SERVICE}/builder");
    assert_eq!(says(&service("builder"), &ours), Outcome::Allow);
    assert_eq!(says(&dana(), "https://ci.example/release"), Outcome::Allow);
    assert_eq!(says(&dana(), &ours), Outcome::Deny);
    assert_eq!(
        says(&service("builder"), "https://ci.example/release"),
        Outcome::Deny
    );
}

#[test]
fn source_must_be_a_clean_commit_with_a_known_signature_state() {
    type Edit = fn(&mut Value);
    let cases: [(Edit, &str); 10] = [
        (|_| {}, code::SATISFIED),
        (
            |p| state(p)["signature"] = json!({"status": "unsigned"}),
            code::SATISFIED,
        ),
        (
            |p| state(p)["signature"] = json!({"status": "unknown-signer"}),
            code::SATISFIED,
        ),
        (
            |p| state(p)["signature"] = json!({"status": "invalid"}),
            code::SOURCE_SIGNATURE,
        ),
        (
            |p| state(p)["signature"] = json!({"status": "fine"}),
            code::SOURCE_SIGNATURE,
        ),
        (|p| state(p)["signature"] = Value::Null, code::PREDICATE),
        (|p| state(p)["dirty"] = json!(true), code::DIRTY),
        (|p| state(p)["dirty"] = Value::Null, code::PREDICATE),
        (
            |p| dependency(p)["digest"] = json!({"sha256": "00"}),
            code::COMMIT,
        ),
        (
            |p| dependency(p)["digest"] = json!({"gitCommit": "main"}),
            code::COMMIT,
        ),
    ];
    for (edit, expected) in cases {
        let decision = edited(edit);
        let (outcome, code, text) = rule(&decision, "source-named");
        assert_eq!(code, expected, "{text}");
        assert_eq!(outcome.is_allowed(), expected == code::SATISFIED, "{text}");
    }
}

fn state(p: &mut Value) -> &mut Value {
    &mut p["buildDefinition"]["internalParameters"]["source"]
}

fn dependency(p: &mut Value) -> &mut Value {
    &mut p["buildDefinition"]["resolvedDependencies"][0]
}

#[test]
fn a_dirty_tree_cannot_say_so_in_another_type() {
    let decision = edited(|p| state(p)["dirty"] = json!("false"));
    assert_eq!(rule(&decision, "source-named").1, code::PREDICATE);
    assert_eq!(decision.outcome, Outcome::Deny);
}

#[test]
fn a_required_signature_and_a_repository_can_be_asked_for() {
    let strict = policy(
        "    - name: source\n      source: {authorities: [instance/builder], signature: required, repositories: [\"https://git.example/*\"]}\n",
    );
    let says = |edit: fn(&mut Value)| {
        let mut predicate = provenance();
        edit(&mut predicate);
        let decision = decide(
            &strict,
            vec![said(
                &service("builder"),
                types::SLSA_PROVENANCE_V1,
                "11:00",
                predicate,
            )],
        );
        rule(&decision, "source").1
    };
    assert_eq!(says(|_| {}), code::SATISFIED);
    assert_eq!(
        says(|p| state(p)["signature"]["status"] = json!("unsigned")),
        code::SOURCE_SIGNATURE
    );
    assert_eq!(
        says(|p| dependency(p)["uri"] = json!("git+https://git.example/a/b")),
        code::REPOSITORY
    );
    assert_eq!(
        says(|p| dependency(p)["uri"] = Value::Null),
        code::REPOSITORY
    );
}

#[test]
fn isolation_is_at_least_what_is_asked() {
    for (level, allowed) in [
        (json!("namespaces"), true),
        (json!("landlock"), true),
        (json!("none"), false),
        (json!("NAMESPACES"), false),
        (json!("vm"), false),
        (Value::Null, false),
    ] {
        let decision =
            edited(|p| p["buildDefinition"]["internalParameters"]["isolation"] = level.clone());
        let (outcome, code, text) = rule(&decision, "isolated-build");
        assert_eq!(outcome.is_allowed(), allowed, "{level} {text}");
        assert_eq!(
            code,
            if allowed {
                code::SATISFIED
            } else {
                code::ISOLATION
            }
        );
    }
}

/// A clean build without isolation and an isolated build of a dirty tree are not
/// together a clean and isolated build.
#[test]
fn two_provenances_cannot_be_put_together() {
    let (mut open, mut dirty) = (provenance(), provenance());
    open["buildDefinition"]["internalParameters"]["isolation"] = json!("none");
    state(&mut dirty)["dirty"] = json!(true);
    let says = |predicate: &Value, at: &str| {
        said(
            &service("builder"),
            types::SLSA_PROVENANCE_V1,
            at,
            predicate.clone(),
        )
    };
    let both = with(
        types::SLSA_PROVENANCE_V1,
        vec![says(&open, "11:00"), says(&dirty, "11:01")],
    );
    assert_eq!(decide(&default_policy(), both).outcome, Outcome::Deny);
    let rebuilt = with(
        types::SLSA_PROVENANCE_V1,
        vec![
            says(&open, "11:00"),
            says(&provenance(), "11:02"),
            says(&dirty, "11:04"),
        ],
    );
    assert_eq!(decide(&default_policy(), rebuilt).outcome, Outcome::Allow);
}
