use bulla_crypto::x509::{FulcioExtension, SubjectName};
use bulla_trust::jwt::UnverifiedToken;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Of the shape of Fulcio's own file: anchors, aliases as keys, notes for people.
const FILE: &str = r#"
define:
  - &forge "forge-run"
oidc-issuers:
  https://login.example.com:
    issuer-url: https://login.example.com
    client-id: sigstore
    type: email
    issuer-claim: $.federated_claims.connector_id
    contact: somebody@example.com
    description: "people"
  https://direct.example.com:
    issuer-url: https://direct.example.com
    client-id: other
    type: email
    skip-email-verification: true
    challenge-claim: email
  https://ci.example.com:
    issuer-url: https://ci.example.com
    client-id: sigstore
    type: ci-provider
    ci-provider: *forge
  https://cluster.example.com:
    issuer-url: https://cluster.example.com
    client-id: sigstore
    type: kubernetes
  https://spire.example.com:
    issuer-url: https://spire.example.com
    client-id: sigstore
    type: spiffe
    spiffe-trust-domain: prod.example.com
  https://accounts.example.com:
    issuer-url: https://accounts.example.com
    client-id: sigstore
    type: uri
    subject-domain: https://users.example.com
  https://names.example.com:
    issuer-url: https://names.example.com
    client-id: sigstore
    type: username
    subject-domain: example.com
  https://guard.example.com:
    issuer-url: https://guard.example.com
    client-id: sigstore
    type: chainguard-identity
  https://old-forge.example.com:
    issuer-url: https://old-forge.example.com
    client-id: sigstore
    type: github-workflow
meta-issuers:
  https://ci.example.com/*:
    client-id: sigstore
    type: ci-provider
    ci-provider: *forge
  https://*.clusters.example.com/id/*:
    client-id: sigstore
    type: kubernetes
ci-issuer-metadata:
  *forge:
    default-template-values:
      url: "https://forge.example.com"
      environment: ""
    extension-templates:
      build-signer-uri: "{{ .url }}/{{ .workflow_ref }}"
      build-signer-digest: "sha"
      source-repository-identifier: "repository_id"
      source-repository-ref: refs/{{if eq .ref_type "branch"}}heads/{{ else }}tags/{{end}}{{ .ref }}
      run-invocation-uri: '{{ .url }}/runs/{{index . "forge.example.com/run"}}'
      deployment-environment: "environment"
      subject: "sub"
    subject-alternative-name-template: "{{ .url }}/{{ .workflow_ref }}"
"#;

fn issuers(file: &str) -> Result<Issuers, IssuersError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("issuers.yaml");
    fs::write(&path, file).unwrap();
    let settings = CaSettings {
        issuers: Some(path),
        ..CaSettings::default()
    };
    Issuers::load(&settings, [])
}

fn principal(claims: Value) -> Result<Principal, PrincipalError> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut whole = json!({"aud": "sigstore", "exp": 1_900_000_000});
    for (name, value) in claims.as_object().unwrap() {
        whole[name] = value.clone();
    }
    let token = format!("{}.{}.AA", encode(&json!({"alg": "ES256"})), encode(&whole));
    let token = UnverifiedToken::parse(token.as_bytes()).unwrap();
    let issuer = issuers(FILE).unwrap().find(&token.claims().issuer).unwrap();
    issuer
        .naming
        .principal(token.claims(), issuer.challenge.as_deref())
}

fn run() -> Value {
    json!({
        "iss": "https://ci.example.com/acme", "sub": "repo:acme/app", "workflow_ref": "acme/app/build@main",
        "sha": "abc", "repository_id": 123_456_789_012u64, "ref": "main", "ref_type": "branch",
        "forge.example.com/run": "7",
    })
}

#[test]
fn a_run_is_named_by_templates() {
    let found = principal(run()).unwrap();
    let name = "https://forge.example.com/acme/app/build@main";
    assert_eq!(found.subject, SubjectName::Uri(name.into()));
    assert_eq!(found.challenge, "repo:acme/app");
    assert_eq!(found.extensions.issuer(), "https://ci.example.com/acme");
    for (extension, expected) in [
        (FulcioExtension::BuildSignerUri, Some(name)),
        (FulcioExtension::BuildSignerDigest, Some("abc")),
        (
            FulcioExtension::SourceRepositoryIdentifier,
            Some("123456789012"),
        ),
        (
            FulcioExtension::SourceRepositoryRef,
            Some("refs/heads/main"),
        ),
        (
            FulcioExtension::RunInvocationUri,
            Some("https://forge.example.com/runs/7"),
        ),
        (FulcioExtension::DeploymentEnvironment, None),
        (FulcioExtension::Subject, Some("repo:acme/app")),
        (FulcioExtension::WorkflowSha, None),
    ] {
        assert_eq!(found.extensions.get(extension), expected, "{extension:?}");
    }
    // A claim wins over its default.
    let mut other = run();
    other["url"] = json!("https://own.example.com");
    let other = principal(other).unwrap();
    assert_eq!(
        other.subject,
        SubjectName::Uri("https://own.example.com/acme/app/build@main".into())
    );
    let mut spaced = run();
    spaced["workflow_ref"] = json!("acme/app/a b@é");
    assert_eq!(
        principal(spaced).unwrap().subject,
        SubjectName::Uri("https://forge.example.com/acme/app/a%20b@%C3%A9".into())
    );
    for missing in ["sha", "workflow_ref", "ref_type", "repository_id"] {
        let mut lacking = run();
        lacking.as_object_mut().unwrap().remove(missing);
        let refused = principal(lacking);
        assert!(
            matches!(refused, Err(PrincipalError::Template(_))),
            "{missing}"
        );
    }
    for (name, value) in [
        ("workflow_ref", json!("")),
        ("sha", json!({"a": 1})),
        ("sha", json!(null)),
    ] {
        let mut odd = run();
        odd[name] = value;
        assert!(principal(odd).is_err(), "{name}");
    }
}

#[test]
fn each_type_names_in_its_own_way() {
    let named = |claims: Value| principal(claims).map(|found| (found.subject, found.challenge));
    let uri = |text: &str| SubjectName::Uri(text.into());
    let email = |text: &str| (SubjectName::Email(text.into()), text.to_owned());

    let federated = json!({
        "iss": "https://login.example.com", "sub": "x", "email": "a@example.com",
        "email_verified": true, "federated_claims": {"connector_id": "https://up.example.com"},
    });
    assert_eq!(named(federated.clone()).unwrap(), email("a@example.com"));
    assert_eq!(
        principal(federated).unwrap().extensions.issuer(),
        "https://up.example.com"
    );
    let direct = json!({"iss": "https://direct.example.com", "email": "b@example.com"});
    assert_eq!(named(direct).unwrap(), email("b@example.com"));
    let cluster = |namespace: &str| {
        json!({
            "iss": "https://eu.clusters.example.com/id/ABC", "sub": "system:serviceaccount:ns:robot",
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": "robot", "uid": "u"}},
        })
    };
    assert_eq!(
        named(cluster("ns")).unwrap(),
        (
            uri("https://kubernetes.io/namespaces/ns/serviceaccounts/robot"),
            "system:serviceaccount:ns:robot".into()
        )
    );
    let spiffe = |id: &str| json!({"iss": "https://spire.example.com", "sub": id});
    let id = "spiffe://prod.example.com/ns/build";
    assert_eq!(named(spiffe(id)).unwrap(), (uri(id), id.into()));
    let user = |id: &str| json!({"iss": "https://accounts.example.com", "sub": id});
    let id = "https://users.example.com/a";
    assert_eq!(named(user(id)).unwrap(), (uri(id), id.into()));
    let name = |id: &str| json!({"iss": "https://names.example.com", "sub": id});
    assert_eq!(
        named(name("ann")).unwrap(),
        (
            SubjectName::Username("ann!example.com".into()),
            "ann".into()
        )
    );
    let guarded = json!({"iss": "https://guard.example.com", "sub": "group/1"});
    let found = principal(guarded).unwrap();
    assert_eq!(found.subject, uri("https://guard.example.com/group/1"));
    assert_eq!(
        found.extensions.get(FulcioExtension::Subject),
        Some("group/1")
    );

    for refused in [
        json!({"iss": "https://login.example.com", "sub": "x", "email": "a@example.com", "email_verified": false,
               "federated_claims": {"connector_id": "https://up.example.com"}}),
        json!({"iss": "https://login.example.com", "sub": "x", "email": "a@example.com", "email_verified": true}),
        json!({"iss": "https://direct.example.com", "email": "b@localhost"}),
        json!({"iss": "https://direct.example.com", "email": "b@example.com\u{0}.evil.org"}),
        json!({"iss": "https://direct.example.com", "sub": "b@example.com"}),
        cluster("../../evil"),
        cluster(""),
        spiffe("spiffe://other.example.com/x"),
        spiffe("spiffe://prod.example.com"),
        spiffe("spiffe://prod.example.com/../x"),
        spiffe("spiffe://prod.example.com/x?y"),
        user("https://users.example.com.evil.org/a"),
        user("http://users.example.com/a"),
        user("https://x@users.example.com/a"),
        user("a@example.com"),
        name("ann!other.com"),
        name("ann@example.com"),
    ] {
        assert!(principal(refused.clone()).is_err(), "{refused}");
    }
}

#[test]
fn json_says_the_same_as_yaml() {
    let json = json!({
        "OIDCIssuers": {"https://a.example.com": {
            "IssuerURL": "https://a.example.com", "ClientID": "sigstore", "Type": "ci-provider",
            "CIProvider": "forge", "Contact": "x",
        }},
        "MetaIssuers": {"https://*.b.example.com/*": {"ClientID": "sigstore", "Type": "kubernetes"}},
        "CIIssuerMetadata": {"forge": {
            "DefaultTemplateValues": {"url": "https://f"},
            "ExtensionTemplates": {"GithubWorkflowSHA": "sha", "SourceRepositoryVisibilityAtSigning": "v", "Issuer": "x"},
            "SubjectAlternativeNameTemplate": "{{ .url }}/{{ .sub }}",
        }},
    });
    let file = IssuerFile::parse(json.to_string().as_bytes()).unwrap();
    let extensions: Vec<_> = file.providers["forge"]
        .extensions
        .iter()
        .map(|(e, _)| *e)
        .collect();
    assert_eq!(
        extensions,
        [
            FulcioExtension::WorkflowSha,
            FulcioExtension::SourceRepositoryVisibility
        ]
    );
    assert_eq!((file.issuers.len(), file.meta.len()), (1, 1));
}

#[test]
fn what_is_not_understood_is_refused() {
    let good = |change: &dyn Fn(&mut String)| {
        let mut text = FILE.to_owned();
        change(&mut text);
        assert_ne!(text, FILE);
        issuers(&text)
    };
    let replaced = |from: &'static str, to: &'static str| {
        good(&|text: &mut String| *text = text.replacen(from, to, 1))
            .err()
            .map(|error| error.to_string())
    };
    for (from, to) in [
        ("contact:", "contakt:"),
        (
            "skip-email-verification: true",
            "skip-email-verification: maybe",
        ),
        ("type: kubernetes", "type: kubernetis"),
        ("client-id: other", "client-id: \"\""),
        ("ci-provider: *forge", "ci-provider: nobody"),
        (
            "issuer-url: https://ci.example.com",
            "issuer-url: https://other.example.com",
        ),
        ("$.federated_claims.connector_id", "$..connector_id"),
        (
            "spiffe-trust-domain: prod.example.com",
            "spiffe-trust-domain: a/b",
        ),
        (
            "subject-domain: https://users.example.com",
            "subject-domain: https://users.example.org",
        ),
        (
            "subject-domain: example.com",
            "subject-domain: https://example.com",
        ),
        ("https://*.clusters.example.com/id/*", "https://*/id/*"),
        ("build-signer-digest", "build-signer-dijest"),
        ("{{ .url }}/{{ .workflow_ref }}", "{{ call .url }}"),
        ("meta-issuers", "meta-issuer"),
        ("  https://direct.example.com:", "  https://ci.example.com:"),
    ] {
        assert!(replaced(from, to).is_some(), "{from} -> {to}");
    }
    assert!(IssuerFile::parse(&vec![b' '; (1 << 20) + 1]).is_err());
    assert!(issuers(FILE).is_ok());
    assert!(matches!(
        Issuers::load(
            &CaSettings {
                issuers: Some("/nowhere".into()),
                ..CaSettings::default()
            },
            []
        ),
        Err(IssuersError::Unreadable { .. })
    ));
    let unknown = CaSettings {
        issuer: [("https://a.example.com".to_owned(), IssuerOptions::default())].into(),
        ..CaSettings::default()
    };
    assert!(matches!(
        Issuers::load(&unknown, []),
        Err(IssuersError::Unknown(_))
    ));
    for minutes in [0, 4, 61] {
        let settings = CaSettings {
            lifetime_minutes: minutes,
            ..CaSettings::default()
        };
        assert!(settings.lifetime_seconds().is_err());
    }
}

#[test]
fn an_issuer_is_found_by_its_exact_url_or_a_whole_pattern() {
    let issuers = issuers(FILE).unwrap();
    let found = issuers.find("https://ci.example.com/acme").unwrap();
    assert_eq!(found.trust.url, "https://ci.example.com/acme");
    for unknown in [
        "https://login.example.com/",
        "https://LOGIN.example.com",
        "https://ci.example.com/acme/x",
        "https://ci.example.com/acme?x",
        "https://ci.example.com.evil.org/acme",
        "http://ci.example.com/acme",
        "",
    ] {
        assert!(issuers.find(unknown).is_none(), "{unknown}");
    }
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = IssuerFile::parse(&bytes);
    }

    #[test]
    fn damaged_files_never_panic(at in 0..FILE.len(), byte in any::<u8>()) {
        let mut bytes = FILE.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = IssuerFile::parse(&bytes);
    }
}
