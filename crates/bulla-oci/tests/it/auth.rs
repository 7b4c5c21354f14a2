//! Where credentials go, and where they do not.

use crate::server::{Scripted, client, credential, reply};
use bulla_core::{Descriptor, Diagnose as _, descriptor::media_type};
use bulla_oci::{
    ClientError, Credentials, EvidenceSource, Registry,
    credentials::Credential,
    transfer::{CopyOptions, copy},
};
use serde_json::json;

const BASIC: &str = "Basic YnVsbGE6czNjcmV0";

fn known(server: &Scripted) -> Registry {
    client(Credentials::one(&server.address, credential()))
}

fn is_authorized(request: &axum::extract::Request, expected: &str) -> bool {
    request
        .headers()
        .get("authorization")
        .is_some_and(|v| v == expected)
}

fn manifest() -> String {
    let config = Descriptor::of(media_type::CONFIG, b"{}");
    json!({ "schemaVersion": 2, "config": config, "layers": [] }).to_string()
}

#[tokio::test]
async fn a_token_is_fetched_with_the_credential_and_used_without_it() {
    let server = Scripted::new(|request| {
        let host = request.headers()["host"].to_str().unwrap();
        if request.uri().path() == "/token" {
            let query = request.uri().query().unwrap_or_default();
            assert!(
                query.contains("scope=repository%3Ateam%2Fapp%3Apull"),
                "{query}"
            );
            assert!(is_authorized(request, BASIC));
            return reply(200, &[], r#"{"token":"t0"}"#);
        }
        if is_authorized(request, "Bearer t0") {
            return reply(200, &[("content-type", media_type::MANIFEST)], manifest());
        }
        let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
        reply(401, &[("www-authenticate", &challenge)], "")
    })
    .await;
    let registry = known(&server);
    let at = server.reference("team/app:v1");
    registry.resolve(&at).await.unwrap();
    registry.resolve(&at).await.unwrap();
    let asked = server.asked();
    let with_secret = asked
        .iter()
        .filter(|(.., auth)| auth.as_deref() == Some(BASIC));
    assert_eq!(with_secret.count(), 1);
    assert_eq!(asked.len(), 4, "the token is kept: {asked:?}");
}

#[tokio::test]
async fn a_credential_is_not_sent_to_another_hosts_token_service() {
    let thief = Scripted::new(|_| reply(200, &[], r#"{"token":"x"}"#)).await;
    // another loopback address is another host
    let realm = thief.address.replace("127.0.0.1", "localhost");
    let server = Scripted::new(move |_| {
        let challenge = format!("Bearer realm=\"http://{realm}/token\"");
        reply(401, &[("www-authenticate", &challenge)], "")
    })
    .await;
    let error = known(&server)
        .resolve(&server.reference("app:v1"))
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::ForeignRealm { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"));
    assert!(thief.asked().is_empty());
}

#[tokio::test]
async fn a_redirected_blob_is_fetched_without_the_credential() {
    let store = Scripted::new(|_| reply(200, &[], "layer")).await;
    let place = store.address.clone();
    let server = Scripted::new(move |request| {
        if !is_authorized(request, BASIC) {
            return reply(401, &[("www-authenticate", "Basic realm=\"x\"")], "");
        }
        let location = format!("http://{place}/kept");
        reply(307, &[("location", &location)], "")
    })
    .await;
    let layer = Descriptor::of(media_type::LAYER, b"layer");
    let registry = known(&server);
    let at = server.reference("app:v1");
    assert_eq!(registry.blob(&at, &layer, 100).await.unwrap(), b"layer");
    assert_eq!(store.asked().len(), 1);
    assert_eq!(store.asked()[0].2, None);
    let redirected = registry.resolve(&at).await.unwrap_err();
    assert!(
        matches!(redirected, ClientError::Refused { .. }),
        "manifests are not: {redirected}"
    );
}

/// A token for the registry goes to the registry, as it is: no token service is
/// asked, and nobody else sees it.
#[tokio::test]
async fn a_registry_token_is_used_as_it_is() {
    let thief = Scripted::new(|_| reply(200, &[], r#"{"token":"x"}"#)).await;
    let elsewhere = thief.address.clone();
    for scheme in ["Bearer", "Basic"] {
        let realm = thief.address.replace("127.0.0.1", "localhost");
        let elsewhere = elsewhere.clone();
        let server = Scripted::new(move |request| {
            let path = request.uri().path();
            if !is_authorized(request, "Bearer t0ken") {
                let challenge = format!("{scheme} realm=\"http://{realm}/token\"");
                return reply(401, &[("www-authenticate", &challenge)], "");
            }
            if path.contains("/blobs/") {
                let location = format!("http://{elsewhere}/kept");
                return reply(307, &[("location", &location)], "");
            }
            reply(200, &[("content-type", media_type::MANIFEST)], manifest())
        })
        .await;
        let token = |token: &str| {
            let token = Credential::RegistryToken(token.into());
            client(Credentials::one(&server.address, token))
        };
        let at = server.reference("app:v1");
        token("t0ken").resolve(&at).await.unwrap();
        let layer = Descriptor::of(media_type::LAYER, br#"{"token":"x"}"#);
        token("t0ken").blob(&at, &layer, 100).await.unwrap();
        let refused = token("other").resolve(&at).await.unwrap_err();
        let presented = ClientError::Unauthorized {
            registry: server.address.clone(),
            presented: true,
        };
        assert_eq!(refused.to_string(), presented.to_string());
    }
    assert_eq!(thief.asked().len(), 2, "the blobs alone");
    assert!(thief.asked().iter().all(|(.., auth)| auth.is_none()));
}

#[tokio::test]
async fn a_redirect_that_turns_in_circles_ends() {
    let server = Scripted::new(|_| reply(307, &[("location", "/again")], "")).await;
    let layer = Descriptor::of(media_type::LAYER, b"layer");
    let at = server.reference("app:v1");
    assert!(known(&server).blob(&at, &layer, 100).await.is_err());
    assert!(server.asked().len() < 10);
    assert!(server.asked().iter().all(|(.., auth)| auth.is_none()));
}

#[tokio::test]
async fn a_refused_credential_is_presented_once() {
    let server =
        Scripted::new(|_| reply(401, &[("www-authenticate", "Basic realm=\"x\"")], "")).await;
    let error = known(&server)
        .resolve(&server.reference("app:v1"))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            ClientError::Unauthorized {
                presented: true,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(server.asked().len(), 2);
    let nobody = client(Credentials::none());
    let error = nobody
        .resolve(&server.reference("app:v1"))
        .await
        .unwrap_err();
    assert!(error.hint().unwrap().contains("DOCKER_CONFIG"));
}

#[tokio::test]
async fn an_upload_at_another_host_gets_nothing() {
    let thief = Scripted::new(|_| reply(201, &[], "")).await;
    let place = thief.address.clone();
    let server = Scripted::new(move |request| match request.method().as_str() {
        "POST" => {
            let location = format!("http://{place}/upload");
            reply(202, &[("location", &location)], "")
        }
        _ => reply(404, &[], ""),
    })
    .await;
    let artifact = bulla_oci::Artifact::bundle("{}", "p", jiff::Timestamp::UNIX_EPOCH);
    let subject = Descriptor::of(media_type::MANIFEST, b"x");
    let error = known(&server)
        .attach(&server.reference("app:v1"), &subject, &artifact)
        .await;
    assert!(matches!(error.unwrap_err(), ClientError::Protocol { .. }));
    assert!(thief.asked().is_empty());
}

#[tokio::test]
async fn a_blob_is_taken_over_with_a_token_for_both_repositories() {
    let server = Scripted::new(|request| {
        let host = request.headers()["host"].to_str().unwrap();
        let (method, path) = (request.method().as_str(), request.uri().path());
        if path == "/token" {
            return reply(200, &[], r#"{"token":"t0"}"#);
        }
        if !is_authorized(request, "Bearer t0") {
            let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
            return reply(401, &[("www-authenticate", &challenge)], "");
        }
        let query = request.uri().query().unwrap_or_default();
        match (method, path) {
            ("GET", "/v2/team/app/manifests/v1") => {
                reply(200, &[("content-type", media_type::MANIFEST)], manifest())
            }
            ("POST", _) if query.contains("mount=sha256") => reply(201, &[], ""),
            ("PUT", _) if path.starts_with("/v2/team/other/manifests/") => reply(201, &[], ""),
            _ => reply(404, &[], ""),
        }
    })
    .await;
    let registry = known(&server);
    let (at, to) = (
        server.reference("team/app:v1"),
        server.reference("team/other:v1"),
    );
    let source = EvidenceSource::Registry {
        registry: &registry,
        image: &at,
        evidence: &at,
    };
    let options = CopyOptions::default();
    let copied = copy(&source, &registry, &to, &options).await.unwrap();
    assert_eq!((copied.mounted, copied.blobs), (1, 0));
    let asked = server.asked();
    let both = "scope=repository%3Ateam%2Fother%3Apull%2Cpush&scope=repository%3Ateam%2Fapp%3Apull";
    assert!(
        asked.iter().any(|(_, uri, _)| uri.contains(both)),
        "{asked:?}"
    );
    let mounted = asked.iter().filter(|(method, ..)| method == "POST");
    assert!(
        mounted
            .clone()
            .all(|(_, uri, _)| uri.contains("from=team%2Fapp"))
    );
    assert_eq!(mounted.count(), 2, "without and with the token");
}
