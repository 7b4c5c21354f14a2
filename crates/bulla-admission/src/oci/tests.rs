//! Against a registry of a few lines, over real HTTP on this machine.

use super::*;
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use bulla_net::HttpClient;
use bulla_oci::Credentials;
use http::{StatusCode, header};
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};

/// A change to a referrer's manifest.
type Change = fn(&mut Value);
/// Path under `/v2/app/` to media type and content.
type Content = HashMap<String, (String, Vec<u8>)>;

async fn serve(content: Content) -> Reference {
    let answer = async |State(content): State<Arc<Content>>, Path(path): Path<String>| match content
        .get(&path)
    {
        Some((kind, bytes)) => Ok(([(header::CONTENT_TYPE, kind.clone())], bytes.clone())),
        None => Err(StatusCode::NOT_FOUND),
    };
    let router = Router::new()
        .route("/v2/app/{*path}", get(answer))
        .with_state(Arc::new(content));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("{address}/app:1").parse().unwrap()
}

fn client() -> Registry {
    Registry::new(HttpClient::loopback(), Credentials::default())
}

fn image() -> Vec<u8> {
    let config = Descriptor::of(media_type::CONFIG, b"{}");
    json!({"schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config, "layers": []})
        .to_string()
        .into_bytes()
}

/// An image with one referrer for each of `attached`: the bundle's bytes as they
/// are served, and a change to the referrer's manifest.
fn content(attached: &[(&str, Change)]) -> Content {
    let subject = Descriptor::of(media_type::MANIFEST, &image());
    let manifest_type = media_type::MANIFEST.to_owned();
    let mut content = Content::from([
        ("manifests/1".into(), (manifest_type.clone(), image())),
        (
            format!("manifests/{}", subject.digest),
            (manifest_type.clone(), image()),
        ),
    ]);
    let mut listed = Vec::new();
    for (bundle, change) in attached {
        let layer = Descriptor::of(media_type::BUNDLE, bundle.as_bytes());
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": media_type::MANIFEST, "artifactType": media_type::BUNDLE,
            "config": Descriptor::of(media_type::EMPTY, b"{}"), "layers": [layer], "subject": subject,
        });
        change(&mut manifest);
        let bytes = manifest.to_string().into_bytes();
        let mut entry = Descriptor::of(media_type::MANIFEST, &bytes);
        entry.artifact_type = Some(media_type::BUNDLE.into());
        content.insert(
            format!("manifests/{}", entry.digest),
            (manifest_type.clone(), bytes),
        );
        content.insert(
            format!("blobs/{}", layer.digest),
            (
                "application/octet-stream".into(),
                bundle.as_bytes().to_vec(),
            ),
        );
        listed.push(entry);
    }
    let index = json!({"schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": listed});
    content.insert(
        format!("referrers/{}", subject.digest),
        (media_type::INDEX.into(), index.to_string().into_bytes()),
    );
    content
}

async fn bundles(content: Content) -> Bundles {
    let tag = serve(content).await;
    let found = ImageSource::resolve(&client(), &tag).await.unwrap();
    assert_eq!(found.digest, Digest::sha256(&image()));
    client()
        .bundles(&tag.by_digest(found.digest))
        .await
        .unwrap()
}

#[tokio::test]
async fn every_bundle_that_refers_to_the_image_is_fetched() {
    let found = bundles(content(&[("{\"a\":1}", |_| {}), ("{\"b\":2}", |_| {})])).await;
    assert_eq!(found.bundles, [b"{\"a\":1}", b"{\"b\":2}"]);
    assert!(found.gaps.is_empty(), "{:?}", found.gaps);
    assert!(bundles(content(&[])).await.bundles.is_empty());
}

#[tokio::test]
async fn what_is_no_bundle_about_the_image_is_passed_over() {
    let found = bundles(content(&[
        ("{\"a\":1}", |_| {}),
        ("other subject", |m| {
            m["subject"]["digest"] = json!(Digest::sha256(b"x"))
        }),
        ("no subject", |m| m["subject"] = Value::Null),
        ("other type", |m| m["artifactType"] = json!("text/plain")),
        ("two layers", |m| {
            m["layers"] = json!([m["layers"][0], m["layers"][0]])
        }),
    ]))
    .await;
    assert_eq!(found.bundles, [b"{\"a\":1}"]);
    assert!(found.gaps.is_empty(), "{:?}", found.gaps);
}

#[tokio::test]
async fn a_bundle_that_cannot_be_had_is_a_gap() {
    let (gone, changed) = ("gone", "changed");
    let mut content = content(&[(gone, |_| {}), (changed, |_| {}), ("{}", |_| {})]);
    content.remove(&format!("blobs/{}", Digest::sha256(gone.as_bytes())));
    let other = ("application/octet-stream".into(), b"CHANGED".to_vec());
    content.insert(
        format!("blobs/{}", Digest::sha256(changed.as_bytes())),
        other,
    );
    let found = bundles(content).await;
    assert_eq!(found.bundles, [b"{}"]);
    let codes: Vec<_> = found.gaps.iter().map(|gap| gap.code.0).collect();
    assert_eq!(codes, ["OCI-0072", "OCI-0070"], "{:?}", found.gaps);
}

#[tokio::test]
async fn bundles_have_one_budget() {
    let found = bundles(content(&[("{}", |m| {
        m["layers"][0]["size"] = json!(BUDGET + 1)
    })]))
    .await;
    assert_eq!(found.gaps[0].code.0, "ADMIT-0032");
}

#[tokio::test]
async fn a_missing_image_is_missing_and_a_silent_registry_unavailable() {
    let tag = serve(Content::new()).await;
    let missing = ImageSource::resolve(&client(), &tag).await.unwrap_err();
    assert!(matches!(missing, SourceError::Missing { .. }), "{missing}");
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let tag = format!("{address}/app:1").parse().unwrap();
    let silent = ImageSource::resolve(&client(), &tag).await.unwrap_err();
    assert!(
        matches!(silent, SourceError::Unavailable { .. }),
        "{silent}"
    );
}
