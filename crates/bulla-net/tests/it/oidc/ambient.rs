//! Sources that are there without a login.

use axum::{
    Router,
    extract::Query,
    http::{HeaderMap, StatusCode},
    routing::get,
};
use bulla_core::Diagnose;
use bulla_net::{
    Environment, HttpClient,
    oidc::{self, Ambient, Found, OidcError, Provider, detect},
};
use serde_json::json;
use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use super::{claims, now, serve, token};

fn ambient(variables: &[(&str, &str)]) -> Ambient {
    let variables = variables.iter().map(|(name, value)| (*name, *value));
    let mut ambient = Ambient::of(Environment::of(variables));
    ambient.file = "/nowhere/token".into();
    ambient
}

async fn found(ambient: &Ambient) -> Result<Option<Found>, OidcError> {
    detect(&HttpClient::loopback(), ambient, now()).await
}

async fn code(ambient: &Ambient) -> &'static str {
    found(ambient).await.unwrap_err().code().0
}

#[tokio::test]
async fn the_most_deliberate_source_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    let (a, b) = (token(&claims("a", "x")), token(&claims("b", "y")));
    std::fs::write(&file, format!("\n{b}\n")).unwrap();
    let mut both = ambient(&[("SIGSTORE_ID_TOKEN", &a)]);
    both.file = file.clone();
    let taken = found(&both).await.unwrap().unwrap();
    assert_eq!(
        (taken.token.reveal(), taken.provider),
        (&*a, Provider::Variable)
    );
    both.provider = Some("filesystem".parse().unwrap());
    let taken = found(&both).await.unwrap().unwrap();
    assert_eq!(
        (taken.token.reveal(), taken.provider),
        (&*b, Provider::File)
    );
    assert!(!format!("{taken:?} {both:?}").contains(&a[..40]));

    let gitlab = ambient(&[("SIGSTORE_ID_TOKEN", &a), ("GITLAB_CI", "true")]);
    let taken = found(&gitlab).await.unwrap().unwrap();
    assert_eq!(taken.provider, Provider::Gitlab);
    // Nothing is there: a person has to log in. Empty counts as absent.
    let nothing = ambient(&[("SIGSTORE_ID_TOKEN", ""), ("GITLAB_CI", "true")]);
    assert!(found(&nothing).await.unwrap().is_none());
    for name in [
        "envvar",
        "gitlab",
        "github-actions",
        "buildkite-agent",
        "kubernetes",
    ] {
        let mut asked = ambient(&[]);
        asked.provider = Some(name.parse().unwrap());
        assert_eq!(code(&asked).await, "NET-0248", "{name}");
    }
    assert!("google".parse::<Provider>().is_err());
}

#[tokio::test]
async fn tokens_of_no_use_are_refused() {
    let old = token(&json!({"iss": "i", "sub": "s", "aud": "x", "exp": 1_000_000_000}));
    assert_eq!(
        code(&ambient(&[("SIGSTORE_ID_TOKEN", &old)])).await,
        "NET-0244"
    );
    let junk = ambient(&[("SIGSTORE_ID_TOKEN", "not a token")]);
    let error = found(&junk).await.unwrap_err();
    assert!(matches!(error, OidcError::Token(_)));

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("projected");
    std::fs::write(&file, token(&claims("k", "https://kubernetes.default.svc"))).unwrap();
    let path = file.to_str().unwrap();
    let kubernetes = ambient(&[("BULLA_KUBERNETES_TOKEN_FILE", path)]);
    assert_eq!(code(&kubernetes).await, "NET-0242");
    // The kubelet renews the file.
    std::fs::write(&file, token(&claims("k", "sigstore"))).unwrap();
    let taken = found(&kubernetes).await.unwrap().unwrap();
    assert_eq!(taken.provider, Provider::Kubernetes);
    std::fs::write(&file, vec![b'a'; 100_000]).unwrap();
    assert_eq!(code(&kubernetes).await, "NET-0246");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(code(&kubernetes).await, "NET-0245");
}

#[test]
fn a_token_is_given_as_text_or_as_file() {
    let text = token(&claims("a", "x"));
    assert_eq!(oidc::given(&text).unwrap().reveal(), text);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, format!("{text}\n")).unwrap();
    assert_eq!(oidc::given(file.to_str().unwrap()).unwrap().reveal(), text);
    // Neither: it may be a token with a slip in it, so it is not shown.
    let slip = format!("{}!", &text[..60]);
    let error = oidc::given(&slip).unwrap_err();
    assert!(!error.to_string().contains(&text[..20]), "{error}");
    assert!(oidc::from_file(Path::new("/nowhere")).is_err());
}

#[tokio::test]
async fn github_is_asked_as_it_documents() {
    let answer = |headers: HeaderMap, Query(query): Query<BTreeMap<String, String>>| async move {
        let known = headers["authorization"] == "bearer runner-secret";
        if !known || !query.contains_key("api-version") {
            return (StatusCode::UNAUTHORIZED, String::new());
        }
        let claims = match query["audience"].as_str() {
            "endless" => return (StatusCode::OK, " ".repeat(200_000)),
            "other" => claims("https://token.actions.example", "sigstore"),
            audience => claims("https://token.actions.example", audience),
        };
        (StatusCode::OK, json!({"value": token(&claims)}).to_string())
    };
    let base = serve(Router::new().route("/token", get(answer))).await;
    let url = format!("{base}/token?api-version=2.0");
    let github = |url: &str, credential: &str| {
        ambient(&[
            ("ACTIONS_ID_TOKEN_REQUEST_URL", url),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", credential),
        ])
    };
    let taken = found(&github(&url, "runner-secret"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(taken.provider, Provider::Github);
    let refused = found(&github(&url, "other-secret")).await.unwrap_err();
    assert_eq!(refused.code().0, "NET-0008");
    assert!(!format!("{refused} {refused:?}").contains("other-secret"));
    for (audience, code) in [("endless", "NET-0005"), ("other", "NET-0242")] {
        let mut asked = github(&url, "runner-secret");
        asked.audience = audience.into();
        let error = found(&asked).await.unwrap_err();
        assert_eq!(error.code().0, code, "{error}");
    }
    // The runner's credential goes nowhere unencrypted.
    let plain = github("http://runner.example/token?x=y", "runner-secret");
    assert_eq!(code(&plain).await, "NET-0010");
}

fn agent(dir: &Path, script: &str) -> Ambient {
    let path = dir.join("buildkite-agent");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let search = format!("{}:/usr/bin:/bin", dir.display());
    let mut ambient = ambient(&[
        ("BUILDKITE_AGENT_ACCESS_TOKEN", "agent-secret"),
        ("PATH", &search),
    ]);
    ambient.patience = Some(Duration::from_secs(20));
    ambient
}

#[tokio::test]
async fn buildkite_is_asked_through_its_agent() {
    let dir = tempfile::tempdir().unwrap();
    let good = token(&claims("https://agent.buildkite.example", "sigstore"));
    let script = format!(
        "[ \"$*\" = 'oidc request-token --audience sigstore' ] || exit 3\n\
         [ \"$BUILDKITE_AGENT_ACCESS_TOKEN\" = agent-secret ] || exit 4\n\
         echo '{good}'; echo talk >&2"
    );
    let taken = found(&agent(dir.path(), &script)).await.unwrap().unwrap();
    assert_eq!(
        (taken.token.reveal(), taken.provider),
        (&*good, Provider::Buildkite)
    );

    let other = token(&claims("i", "elsewhere"));
    for (script, code) in [
        ("exit 1".to_owned(), "NET-0250"),
        (format!("echo '{good}'; exit 1"), "NET-0250"),
        ("yes token".to_owned(), "NET-0250"),
        (format!("echo '{other}'"), "NET-0242"),
    ] {
        let error = found(&agent(dir.path(), &script)).await.unwrap_err();
        assert_eq!(error.code().0, code, "{script}: {error}");
        assert!(!error.to_string().contains(&good[..40]));
    }
    let mut slow = agent(dir.path(), "exec sleep 600");
    slow.patience = Some(Duration::from_millis(300));
    assert_eq!(code(&slow).await, "NET-0252");
}
