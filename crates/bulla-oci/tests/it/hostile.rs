//! Registries that lie about digests, sizes, types and ends.

use crate::server::{Scripted, client, reply};
use axum::body::Body;
use bulla_core::{Descriptor, Digest, Reference, descriptor::media_type};
use bulla_oci::{ClientError, Credentials, Layout, Registry};
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;
use std::sync::atomic::Ordering;

mod advisories;
mod indexes;
mod seals;

fn anyone() -> Registry {
    client(Credentials::none())
}

fn endless() -> Body {
    let pieces = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 4096])));
    Body::from_stream(pieces)
}

fn manifest() -> String {
    let descriptor = Descriptor::of(media_type::LAYER, b"layer");
    let config = Descriptor::of(media_type::CONFIG, b"{}");
    json!({ "schemaVersion": 2, "mediaType": media_type::MANIFEST,
        "config": config, "layers": [descriptor] })
    .to_string()
}

async fn get(reference: Reference) -> Result<Descriptor, ClientError> {
    anyone().resolve(&reference).await
}

#[tokio::test]
async fn the_digest_is_computed_never_believed() {
    let other = Digest::sha256(b"other").to_string();
    let lie = other.clone();
    let server = Scripted::new(move |_| {
        let headers = [
            ("content-type", media_type::MANIFEST),
            ("docker-content-digest", lie.as_str()),
        ];
        reply(200, &headers, manifest())
    })
    .await;
    let resolved = get(server.reference("app:v1")).await.unwrap();
    assert_eq!(resolved.digest, Digest::sha256(manifest().as_bytes()));
    let asked = server.reference(&format!("app@{other}"));
    let refused = get(asked).await.unwrap_err();
    assert!(matches!(refused, ClientError::Digest { .. }), "{refused}");
}

#[tokio::test]
async fn manifests_that_make_no_sense_are_refused() {
    for (content_type, body) in [
        (media_type::INDEX, manifest()),
        (media_type::MANIFEST, "{".into()),
        (media_type::MANIFEST, "[".repeat(1000)),
        ("text/html", "<html>".into()),
        (
            media_type::MANIFEST,
            json!({ "schemaVersion": 2 }).to_string(),
        ),
        ("application/vnd.other", manifest()),
    ] {
        let shown = body.chars().take(40).collect::<String>();
        let server =
            Scripted::new(move |_| reply(200, &[("content-type", content_type)], body.clone()))
                .await;
        let refused = get(server.reference("app:v1")).await;
        assert!(refused.is_err(), "{content_type} {shown}");
    }
}

#[tokio::test]
async fn answers_without_end_are_cut_off() {
    let server =
        Scripted::new(|_| reply(200, &[("content-type", media_type::MANIFEST)], endless())).await;
    let error = get(server.reference("app:v1")).await.unwrap_err();
    assert!(error.to_string().contains("more than"), "{error}");
    let layer = Descriptor::of(media_type::LAYER, b"layer");
    let at = server.reference("app:v1");
    let error = anyone().blob(&at, &layer, 100).await.unwrap_err();
    assert!(
        matches!(error, ClientError::Size { stated: 5, .. }),
        "{error}"
    );
    let error = anyone().referrers(&at, &layer.digest, None).await;
    assert!(error.is_err());
    let server = Scripted::new(|_| reply(500, &[], endless())).await;
    let error = get(server.reference("app:v1")).await.unwrap_err();
    assert!(matches!(error, ClientError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn blobs_of_another_size_or_content_are_not_kept() {
    let layer = Descriptor::of(media_type::LAYER, b"layer");
    for body in ["", "laye", "Layer", "layers"] {
        for announce in [true, false] {
            let server = Scripted::new(move |_| match announce {
                true => reply(200, &[], body),
                false => {
                    let piece = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(
                        body.as_bytes(),
                    ))]);
                    reply(200, &[], Body::from_stream(piece))
                }
            })
            .await;
            let at = server.reference("app:v1");
            let error = anyone().blob(&at, &layer, 100).await.unwrap_err();
            match body.len() {
                5 => assert!(matches!(error, ClientError::Digest { .. }), "{error}"),
                _ => assert!(matches!(error, ClientError::Size { .. }), "{error}"),
            }
        }
    }
    let server = Scripted::new(|request| match request.uri().path().contains("manifests") {
        true => reply(200, &[("content-type", media_type::MANIFEST)], manifest()),
        false => reply(200, &[], "wrong"),
    })
    .await;
    let scratch = tempfile::tempdir().unwrap();
    let layout = Layout::create(&scratch.path().join("out")).unwrap();
    assert!(
        anyone()
            .pull(&server.reference("app:v1"), &layout, None)
            .await
            .is_err()
    );
    assert!(layout.index().unwrap().manifests.is_empty());
    let blobs = std::fs::read_dir(layout.path().join("blobs/sha256")).unwrap();
    assert_eq!(blobs.count(), 0, "nothing half-written is left");
}

#[tokio::test]
async fn indexes_that_hold_themselves_end() {
    // An index cannot hold its own digest, but a registry can nest as deep as it likes.
    let levels: Vec<String> = (0..20)
        .scan(manifest(), |inner, _| {
            let mut child = Descriptor::of(media_type::INDEX, inner.as_bytes());
            if !inner.contains("manifests") {
                child.media_type = media_type::MANIFEST.into();
            }
            let index =
                json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": [child] });
            *inner = index.to_string();
            Some(inner.clone())
        })
        .collect();
    let top = levels.last().unwrap().clone();
    let server = Scripted::new(move |request| {
        let name = request.uri().path().rsplit('/').next().unwrap();
        let found = levels
            .iter()
            .find(|text| Digest::sha256(text.as_bytes()).to_string() == name);
        let text = found.unwrap_or(&top).clone();
        reply(200, &[("content-type", media_type::INDEX)], text)
    })
    .await;
    let scratch = tempfile::tempdir().unwrap();
    let layout = Layout::create(&scratch.path().join("out")).unwrap();
    let error = anyone()
        .pull(&server.reference("app:v1"), &layout, None)
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Nested { .. }), "{error}");
    assert!(server.asked().len() < 10);
}

fn list(entries: &[Descriptor]) -> String {
    json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": entries }).to_string()
}

#[tokio::test]
async fn ten_thousand_referrers_are_too_many_in_one_page_or_in_many() {
    let entry = |n: u32| Descriptor::of(media_type::MANIFEST, &n.to_be_bytes());
    let all: Vec<_> = (0..10_000).map(entry).collect();
    let text = list(&all);
    let server =
        Scripted::new(move |_| reply(200, &[("content-type", media_type::INDEX)], text.clone()))
            .await;
    let subject = Digest::sha256(b"subject");
    let at = server.reference("app:v1");
    let error = anyone().referrers(&at, &subject, None).await.unwrap_err();
    assert!(
        matches!(error, ClientError::TooManyReferrers { .. }),
        "{error}"
    );
    let server = Scripted::new(move |request| {
        let last = request
            .uri()
            .query()
            .and_then(|q| q.rsplit('=').next()?.parse::<u32>().ok());
        let next = last.unwrap_or_default() + 1;
        let link = format!("<{}?last={next}>; rel=\"next\"", request.uri().path());
        let headers = [("content-type", media_type::INDEX), ("link", link.as_str())];
        reply(200, &headers, list(&[entry(next)]))
    })
    .await;
    let at = server.reference("app:v1");
    let error = anyone().referrers(&at, &subject, None).await.unwrap_err();
    assert!(
        matches!(error, ClientError::TooManyReferrers { .. }),
        "{error}"
    );
    assert!(server.asked().len() <= 1000);
}

/// A registry without the referrers API, whose fallback tag lists `entries`.
async fn without_api(
    subject: Digest,
    entries: Vec<Descriptor>,
    manifests: Vec<String>,
) -> Scripted {
    Scripted::new(move |request| {
        let name = request.uri().path().rsplit('/').next().unwrap();
        let kind = [("content-type", media_type::MANIFEST)];
        if request.uri().path().contains("/referrers/") {
            return reply(404, &[], "");
        }
        if name == subject.fallback_tag() {
            return reply(200, &[("content-type", media_type::INDEX)], list(&entries));
        }
        if name == Digest::sha256(b"document").to_string() {
            return reply(200, &[], "document");
        }
        let is = |text: &&String| Digest::sha256(text.as_bytes()).to_string() == name;
        match manifests.iter().find(is) {
            Some(text) => reply(200, &kind, text.clone()),
            None => reply(404, &[], ""),
        }
    })
    .await
}

fn attaching(subject: &Digest, artifact_type: &str) -> String {
    json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST, "artifactType": artifact_type,
        "config": Descriptor::of(media_type::EMPTY, b"{}"),
        "layers": [Descriptor::of(artifact_type, b"document")],
        "subject": Descriptor::new(media_type::MANIFEST, subject.clone(), 1),
    })
    .to_string()
}

#[tokio::test]
async fn entries_of_the_fallback_tag_are_opened_and_believed_only_then() {
    let subject = Digest::sha256(b"subject");
    let right = attaching(&subject, media_type::BUNDLE);
    let other_type = attaching(&subject, "application/other");
    let other_subject = attaching(&Digest::sha256(b"elsewhere"), media_type::BUNDLE);
    let entry = |text: &str, kind: Option<&str>| {
        let mut entry = Descriptor::of(media_type::MANIFEST, text.as_bytes());
        entry.artifact_type = kind.map(str::to_owned);
        entry
    };
    let entries = vec![
        entry(&right, Some(media_type::EMPTY)),
        entry(&other_type, None),
        entry(&other_subject, Some(media_type::BUNDLE)),
        entry("missing", Some(media_type::BUNDLE)),
    ];
    let manifests = vec![right.clone(), other_type, other_subject];
    let server = without_api(subject.clone(), entries, manifests).await;
    let at = server.reference("app:v1");
    let all = anyone()
        .attachments(&at, &subject, media_type::BUNDLE, 100)
        .await
        .unwrap();
    assert_eq!(all.found.len(), 1);
    assert_eq!(all.found[0].bytes, b"document");
    assert_eq!(
        all.found[0].descriptor.digest,
        Digest::sha256(right.as_bytes())
    );
    assert_eq!(all.unreadable.len(), 2, "{:?}", all.unreadable);
}

#[tokio::test]
async fn without_the_api_an_attachment_is_added_to_the_fallback_tag() {
    use bulla_oci::Artifact;
    let subject = Descriptor::of(media_type::MANIFEST, b"subject");
    let old = Descriptor::of(media_type::MANIFEST, b"old");
    let artifact = Artifact::bundle("{}", "https://example/p", jiff::Timestamp::UNIX_EPOCH);
    let ours = serde_json::to_vec(&artifact.manifest(&subject)).unwrap();
    let ours = Descriptor::of(media_type::MANIFEST, &ours);
    let tag = subject.digest.fallback_tag();
    let (before, after) = (list(std::slice::from_ref(&old)), list(&[old.clone(), ours]));
    let written = std::sync::atomic::AtomicBool::new(false);
    let tag_path = format!("/v2/app/manifests/{tag}");
    let path = tag_path.clone();
    let server = Scripted::new(move |request| {
        let uri = request.uri().path();
        match request.method().as_str() {
            "POST" => reply(202, &[("location", "/v2/app/blobs/uploads/1?state=x")], ""),
            "PUT" => {
                written.fetch_or(uri == path, Ordering::SeqCst);
                reply(201, &[], "")
            }
            "GET" if uri == path => {
                let listed = match written.load(Ordering::SeqCst) {
                    true => after.clone(),
                    false => before.clone(),
                };
                reply(200, &[("content-type", media_type::INDEX)], listed)
            }
            _ => reply(404, &[], ""),
        }
    })
    .await;
    let at = server.reference("app:v1");
    anyone().attach(&at, &subject, &artifact).await.unwrap();
    let asked = server.asked();
    let puts: Vec<_> = asked
        .iter()
        .filter(|(method, ..)| method == "PUT")
        .collect();
    assert!(
        puts[0]
            .1
            .starts_with("/v2/app/blobs/uploads/1?state=x&digest=sha256"),
        "{puts:?}"
    );
    assert_eq!(puts.last().unwrap().1, tag_path);
}
