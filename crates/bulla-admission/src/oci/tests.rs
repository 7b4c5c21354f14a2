//! Against a registry of a few lines, over real HTTP on this machine.

use super::*;
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use bulla_core::{Digest, descriptor::media_type};
use bulla_net::HttpClient;
use bulla_oci::{
    Credentials,
    cosign::{NewLayer, Slot},
};
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

async fn found(content: Content) -> Found {
    let tag = serve(content).await;
    let found = ImageSource::resolve(&client(), &tag).await.unwrap();
    assert_eq!(found.digest, Digest::sha256(&image()));
    let pinned = tag.by_digest(found.digest);
    ImageSource::seals(&client(), &pinned).await.unwrap()
}

fn bundles(texts: &[&str]) -> Vec<Seal> {
    let bytes = texts.iter().map(|text| text.as_bytes().to_vec());
    bytes.map(Seal::Bundle).collect()
}

fn codes(found: &Found) -> Vec<&'static str> {
    found.gaps.iter().map(|gap| gap.code.0).collect()
}

/// Adds the tag of `slot` with these layers, each payload with its annotations.
fn tagged(content: &mut Content, slot: Slot, layers: &[(&str, &NewLayer)]) {
    let entries: Vec<Descriptor> = layers.iter().map(|(_, new)| new.descriptor()).collect();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST,
        "config": Descriptor::of(media_type::CONFIG, b"{}"), "layers": entries,
    });
    let tag = slot.tag(&Digest::sha256(&image()));
    let bytes = manifest.to_string().into_bytes();
    content.insert(
        format!("manifests/{tag}"),
        (media_type::MANIFEST.into(), bytes),
    );
    for (served, new) in layers {
        content.insert(
            format!("blobs/{}", new.descriptor().digest),
            (
                "application/octet-stream".into(),
                served.as_bytes().to_vec(),
            ),
        );
    }
}

#[tokio::test]
async fn every_bundle_that_refers_to_the_image_is_fetched() {
    let all = found(content(&[("{\"a\":1}", |_| {}), ("{\"b\":2}", |_| {})])).await;
    assert_eq!(all.seals, bundles(&["{\"a\":1}", "{\"b\":2}"]));
    assert!(all.gaps.is_empty(), "{:?}", all.gaps);
    assert!(found(content(&[])).await.seals.is_empty());
}

#[tokio::test]
async fn the_tags_of_the_old_layout_are_read_beside_the_bundles() {
    let mut content = content(&[("{}", |_| {})]);
    let (one, two) = (
        NewLayer::signature("payload", "b25l"),
        NewLayer::signature("payload", "dHdv"),
    );
    let signatures = [("payload", &one), ("payload", &two)];
    tagged(&mut content, Slot::Signatures, &signatures);
    let attested = NewLayer::attestation("envelope", "https://example.com/review");
    tagged(&mut content, Slot::Attestations, &[("envelope", &attested)]);
    let all = found(content).await;
    assert!(all.gaps.is_empty(), "{:?}", all.gaps);
    let old = |payload: &str, new: &NewLayer| OldLayer {
        payload: payload.into(),
        annotations: new.annotations.clone(),
    };
    let mut expected = bundles(&["{}"]);
    expected.push(Seal::OldSignature(old("payload", &one)));
    expected.push(Seal::OldSignature(old("payload", &two)));
    expected.push(Seal::OldAttestation(old("envelope", &attested)));
    assert_eq!(all.seals, expected);
}

#[tokio::test]
async fn what_is_listed_and_is_no_bundle_about_the_image_is_a_gap() {
    let changes: [(&str, Change); 3] = [
        ("other subject", |m| {
            m["subject"]["digest"] = json!(Digest::sha256(b"x"))
        }),
        ("no subject", |m| m["subject"] = Value::Null),
        ("two layers", |m| {
            m["layers"] = json!([m["layers"][0], m["layers"][0]])
        }),
    ];
    for change in changes {
        let all = found(content(&[("{\"a\":1}", |_| {}), change])).await;
        assert_eq!(all.seals, bundles(&["{\"a\":1}"]), "{}", change.0);
        assert_eq!(codes(&all), ["OCI-0075"], "{}", change.0);
    }
    // Another kind of document is nobody's gap.
    let all = found(content(&[("other type", |m| {
        m["artifactType"] = json!("text/plain")
    })]));
    let all = all.await;
    assert!(all.seals.is_empty() && all.gaps.is_empty(), "{all:?}");
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
    let all = found(content).await;
    assert_eq!(all.seals, bundles(&["{}"]));
    assert_eq!(codes(&all), ["OCI-0072", "OCI-0070"], "{:?}", all.gaps);
}

#[tokio::test]
async fn what_the_old_layout_hides_is_a_gap_and_hides_nothing_else() {
    let layer = NewLayer::signature("payload", "b25l");
    let many: Vec<NewLayer> = (0..1_001)
        .map(|n| NewLayer::signature("payload", &n.to_string()))
        .collect();
    let many: Vec<_> = many.iter().map(|layer| ("payload", layer)).collect();
    let other = NewLayer::sbom("text/plain", "payload");
    for (layers, code) in [
        (&[("PAYLOAD", &layer)][..], "OCI-0070"),
        (&[("pay", &layer)], "OCI-0077"),
        (&[("payload", &other)], "OCI-0075"),
        (&many, "OCI-0209"),
    ] {
        for slot in [Slot::Signatures, Slot::Attestations] {
            if slot == Slot::Attestations && code != "OCI-0209" {
                continue; // a signature is no envelope, whatever is sent
            }
            let mut content = content(&[("{}", |_| {})]);
            tagged(&mut content, slot, layers);
            let all = found(content).await;
            assert_eq!(all.seals, bundles(&["{}"]), "{code}");
            assert_eq!(codes(&all), [code], "{:?}", all.gaps);
        }
    }
    // An index under the tag could hold anything.
    let mut content = content(&[("{}", |_| {})]);
    let index = json!({"schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": []});
    let tag = Slot::Signatures.tag(&Digest::sha256(&image()));
    let index = (media_type::INDEX.into(), index.to_string().into_bytes());
    content.insert(format!("manifests/{tag}"), index);
    let all = found(content).await;
    assert_eq!(all.seals, bundles(&["{}"]));
    assert_eq!(codes(&all), ["OCI-0001"], "{:?}", all.gaps);
    assert!(all.gaps[0].text.contains(".sig tag"), "{:?}", all.gaps);
}

#[tokio::test]
async fn all_seals_have_one_budget_and_bundles_the_first_of_it() {
    const BUDGET: u64 = 64 << 20;
    let too_large = content(&[("{}", |m| m["layers"][0]["size"] = json!(BUDGET + 1))]);
    assert_eq!(codes(&found(too_large).await), ["OCI-0201"]);
    let small = client().within(bulla_oci::Limits {
        evidence_bytes: 10,
        ..bulla_oci::Limits::default()
    });
    let mut content = content(&[("{\"a\":1}", |_| {})]);
    let layer = NewLayer::signature("payload", "b25l");
    tagged(&mut content, Slot::Signatures, &[("payload", &layer)]);
    let tag = serve(content).await;
    let pinned = tag.by_digest(Digest::sha256(&image()));
    let all = ImageSource::seals(&small, &pinned).await.unwrap();
    assert_eq!(all.seals, bundles(&["{\"a\":1}"]), "7 bytes, then 7 more");
    assert_eq!(codes(&all), ["OCI-0201"]);
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
