//! Creation, reuse and refusal of instances.

use std::time::Duration;

use bulla_authority::{AuthorityConfig, AuthorityError};
use bulla_core::{Diagnose as _, Digest};
use serde_json::Value;

use crate::client::{certify, get, open, open_as, post_json, sign_blob, signing_request, token};

#[tokio::test]
async fn everything_is_created_once() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).await;
    let (root, id) = (first.trusted_root().clone(), first.root_id());
    let (config, tls) = (
        first.signing_config().clone(),
        first.transport().roots_pem(),
    );
    drop(first);
    let again = open(dir.path()).await;
    assert_eq!(again.trusted_root(), &root);
    assert_eq!(again.signing_config(), &config);
    assert_eq!(again.transport().roots_pem(), tls);
    assert_eq!(again.root_id(), id);
    assert_eq!(Digest::sha256(again.tuf_root()), id.0);
}

#[tokio::test]
async fn an_address_never_changes_silently() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).await);
    let moved = open_as(dir.path(), AuthorityConfig::loopback(4322)).await;
    let error = moved.err().unwrap();
    assert!(matches!(error, AuthorityError::Renamed { .. }));
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn an_address_is_scheme_host_and_port() {
    for bad in [
        "",
        "127.0.0.1:1",
        "ftp://127.0.0.1:1",
        "http://127.0.0.1:1/",
        "http://127.0.0.1:1/a",
        "http://u@127.0.0.1:1",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let config = AuthorityConfig {
            base_url: bad.into(),
            ..AuthorityConfig::loopback(1)
        };
        let opened = open_as(dir.path(), config).await;
        assert!(
            matches!(opened.err(), Some(AuthorityError::Address { .. })),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_second_process_deposes_the_first_and_no_log_forks() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).await;
    certify(&first).await;
    let second = open(dir.path()).await;
    let signer = certify(&second).await;
    let key = bulla_crypto::SigningKey::generate(bulla_crypto::Scheme::EcdsaP256).unwrap();
    let request = signing_request(&key, &token(&first), crate::client::EMAIL);
    let refused = post_json(&first, "/api/v2/signingCert", &request).await;
    assert_eq!(refused.status, 500);
    assert!(!refused.text().contains("sqlite"), "internals stay inside");
    sign_blob(&second, &signer, b"goes on").await;
}

/// Every string that is a URL has no trailing slash; clients append paths.
#[tokio::test]
async fn trust_documents_have_the_form_that_all_clients_take() {
    fn walk(value: &Value, seen: &mut Vec<String>) {
        match value {
            Value::String(text) if text.starts_with("http") => seen.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| walk(item, seen)),
            Value::Object(fields) => fields.values().for_each(|item| walk(item, seen)),
            _ => {}
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let mut urls = Vec::new();
    walk(authority.client_trust_config(), &mut urls);
    assert_eq!(urls.len(), 10);
    assert!(
        urls.iter()
            .all(|url| !url.ends_with('/') && url.contains("127.0.0.1:4321"))
    );
    let config = authority.signing_config();
    for list in ["caUrls", "oidcUrls", "rekorTlogUrls", "tsaUrls"] {
        for key in ["url", "majorApiVersion", "validFor", "operator"] {
            assert!(!config[list][0][key].is_null(), "{list} {key}");
        }
    }
    let versions = [0, 1].map(|n| &config["rekorTlogUrls"][n]["majorApiVersion"]);
    assert_eq!(versions, [2, 1]);
    assert_eq!(config["rekorTlogConfig"]["selector"], "ANY");
    assert_eq!(config["tsaConfig"]["selector"], "ANY");
    // Signing and transport never share a root.
    let transport =
        bulla_crypto::x509::parse_pem_chain(authority.transport().roots_pem().as_bytes()).unwrap();
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let transport = STANDARD.encode(transport[0].der());
    assert!(!authority.trusted_root().to_string().contains(&transport));
}

#[tokio::test]
async fn the_tuf_repository_leads_from_the_fingerprint_to_the_documents() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let root = get(&authority, "/tuf/1.root.json").await;
    assert_eq!(Digest::sha256(&root.body), authority.root_id().0);
    assert_eq!(get(&authority, "/tuf/2.root.json").await.status, 404);
    let timestamp = get(&authority, "/tuf/timestamp.json").await.json();
    let version = timestamp["signed"]["meta"]["snapshot.json"]["version"]
        .as_u64()
        .unwrap();
    let targets = get(&authority, &format!("/tuf/{version}.targets.json"))
        .await
        .json();
    for (name, document) in [
        ("trusted_root.json", authority.trusted_root()),
        ("signing_config.v0.2.json", authority.signing_config()),
    ] {
        let hash = &targets["signed"]["targets"][name]["hashes"]["sha256"];
        let path = format!("/tuf/targets/{}.{name}", hash.as_str().unwrap());
        assert_eq!(&get(&authority, &path).await.json(), document);
    }
    drop(authority);
    // What is still fresh is not signed again by a later start.
    let again = open(dir.path()).await;
    assert_eq!(get(&again, "/tuf/timestamp.json").await.json(), timestamp);
}

#[tokio::test]
async fn tokens_come_over_the_socket_and_become_certificates() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let path = dir.path().join("token.sock");
    let server = tokio::spawn(authority.token_socket(&path).unwrap());
    let ask = async |line: &str| {
        let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
        stream.write_all(line.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        tokio::time::timeout(Duration::from_secs(30), read)
            .await
            .unwrap()
            .unwrap();
        serde_json::from_str::<Value>(&answer).unwrap()
    };
    let key = bulla_crypto::SigningKey::generate(bulla_crypto::Scheme::EcdsaP256).unwrap();
    for (line, name) in [
        (
            "{\"op\":\"token\",\"email\":\"a@b.example\",\"audience\":\"sigstore\"}\n",
            "a@b.example",
        ),
        (
            "{\"op\":\"service-token\",\"service\":\"builder\"}\n",
            "http://127.0.0.1:4321/oidc/service/builder",
        ),
    ] {
        let answer = ask(line).await;
        let request = signing_request(&key, answer["token"].as_str().unwrap(), name);
        let answer = post_json(&authority, "/api/v2/signingCert", &request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let (id, second) = (authority.root_id(), "/tuf/2.root.json");
    assert_eq!(get(&authority, second).await.status, 404);
    let answer = ask("{\"op\":\"rotate-tuf\"}\n").await;
    assert_eq!(answer["done"], serde_json::json!({"root_version": 2}));
    assert_eq!(get(&authority, second).await.status, 200);
    let first = get(&authority, "/tuf/1.root.json").await.body;
    assert_eq!(Digest::sha256(&first), id.0, "the fingerprint stays");
    let refused = ask("{\"op\":\"token\",\"email\":\"http://127.0.0.1:4321/oidc/service/builder\",\"audience\":\"sigstore\"}\n").await;
    assert!(
        refused["error"]["code"]
            .as_str()
            .unwrap()
            .starts_with("AUTH-")
    );
    server.abort();
}
