//! Registries that lie about seals, list too many of them, or never end: a typed
//! error within the bounds each time, never a hang, never success. Deadlines are
//! set small; nothing is measured.

use super::{anyone, attaching, list, without_api};
use crate::server::{Scripted, reply};
use axum::body::Body;
use bulla_core::{Descriptor, Diagnose as _, Digest, descriptor::media_type};
use bulla_oci::{
    ClientError, EvidenceSource, Limits, Registry,
    cosign::{NewLayer, Slot},
    transfer::{CopyOptions, Kind, clean, copy, save},
    tree::tree,
};
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;

/// Answers in pieces that never end, each well before any pause is too long.
fn dripping(start: &'static str) -> Body {
    let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(
        start.as_bytes(),
    ))]);
    let drops = stream::unfold((), |()| async {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        Some((Ok(Bytes::from_static(b" ")), ()))
    });
    Body::from_stream(futures_util::StreamExt::chain(first, drops))
}

fn hurried() -> Registry {
    anyone().within(Limits {
        answer: std::time::Duration::from_millis(200),
        total: std::time::Duration::from_millis(600),
        ..Limits::default()
    })
}

#[tokio::test]
async fn answers_that_drip_for_ever_end_at_the_deadline() {
    let server = Scripted::new(|request| {
        let (path, index) = (request.uri().path(), [("content-type", media_type::INDEX)]);
        match path {
            _ if path.contains("/referrers/") => reply(200, &index, dripping("{")),
            _ if path.contains("/manifests/") => reply(
                200,
                &[("content-type", media_type::MANIFEST)],
                dripping("{"),
            ),
            _ => reply(200, &[], dripping("layer")),
        }
    })
    .await;
    let (at, hurried) = (server.reference("app:v1"), hurried());
    let subject = Digest::sha256(b"subject");
    let late = |error: ClientError| {
        let text = error.to_string();
        assert!(
            text.contains("too long") || text.contains("longer than"),
            "{text}"
        );
    };
    late(hurried.resolve(&at).await.unwrap_err());
    late(hurried.children(&at).await.unwrap_err());
    late(hurried.referrers(&at, &subject, None).await.unwrap_err());
    let bundles = hurried.attachments(&at, &subject, media_type::BUNDLE, 100);
    late(bundles.await.unwrap_err());
    let old = hurried.legacy(&at, &subject, Slot::Signatures);
    late(old.await.unwrap_err());
    let source = EvidenceSource::Registry {
        registry: &hurried,
        image: &at,
        evidence: &at,
    };
    late(tree(&source).await.unwrap_err());
    let blob = Descriptor::of(media_type::LAYER, &[b' '; 100_000]);
    late(hurried.blob(&at, &blob, 1 << 20).await.unwrap_err());
}

#[tokio::test]
async fn many_slow_referrers_end_at_the_total_deadline() {
    let subject = Digest::sha256(b"subject");
    let attaching: Vec<String> = (0..500)
        .map(|n| {
            attaching(&subject, media_type::BUNDLE)
                .replace("\"schemaVersion\"", &format!("\"n\":{n},\"schemaVersion\""))
        })
        .collect();
    let entries: Vec<_> = attaching
        .iter()
        .map(|text| Descriptor::of(media_type::MANIFEST, text.as_bytes()))
        .collect();
    let server = without_api(subject.clone(), entries, attaching).await;
    // Each answer is quick; there are only too many of them for the time given.
    let hurried = anyone().within(Limits {
        total: std::time::Duration::from_millis(20),
        at_once: 1,
        ..Limits::default()
    });
    let at = server.reference("app:v1");
    let error = hurried.attachments(&at, &subject, media_type::BUNDLE, 100);
    let error = error.await.unwrap_err();
    assert!(matches!(error, ClientError::Late { .. }), "{error}");
}

#[tokio::test]
async fn pages_that_lead_in_a_circle_end() {
    let entry = Descriptor::of(media_type::MANIFEST, b"one");
    for entries in [vec![], vec![entry]] {
        let server = Scripted::new(move |request| {
            let second = request.uri().query() == Some("last=b");
            let next = if second { "a" } else { "b" };
            let link = format!("<{}?last={next}>; rel=\"next\"", request.uri().path());
            let headers = [("content-type", media_type::INDEX), ("link", link.as_str())];
            reply(200, &headers, list(&entries))
        })
        .await;
        let at = server.reference("app:v1");
        let subject = Digest::sha256(b"subject");
        let error = anyone().referrers(&at, &subject, None).await.unwrap_err();
        assert!(matches!(error, ClientError::Protocol { .. }), "{error}");
        assert!(server.asked().len() < 5);
    }
}

#[tokio::test]
async fn the_evidence_of_one_image_has_one_budget() {
    let subject = Digest::sha256(b"subject");
    let manifests: Vec<String> = (0..3)
        .map(|n| {
            let text = attaching(&subject, media_type::BUNDLE);
            text.replace("\"schemaVersion\"", &format!("\"n\":{n},\"schemaVersion\""))
        })
        .collect();
    let entries: Vec<_> = manifests
        .iter()
        .map(|text| Descriptor::of(media_type::MANIFEST, text.as_bytes()))
        .collect();
    // Listed twice, counted once.
    let twice = [entries.clone(), entries].concat();
    let server = without_api(subject.clone(), twice, manifests).await;
    let small = anyone().within(Limits {
        evidence_bytes: 20, // two of three documents of eight bytes
        at_once: 1,
        ..Limits::default()
    });
    let at = server.reference("app:v1");
    let all = small.attachments(&at, &subject, media_type::BUNDLE, 100);
    let all = all.await.unwrap();
    assert_eq!(all.found.len(), 2);
    let [(_, error)] = all.unreadable.as_slice() else {
        panic!("{:?}", all.unreadable);
    };
    assert!(
        matches!(error, ClientError::Budget { limit: 20, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn an_index_of_too_much_or_of_nonsense_is_a_typed_error() {
    let entry = |n: u32| Descriptor::of(media_type::MANIFEST, &n.to_be_bytes());
    let wide = list(&(0..10_000).map(entry).collect::<Vec<_>>());
    let odd = list(&[Descriptor::of("application/octet-stream", b"x")]);
    for (text, wanted) in [(wide, "OCI-0208"), (odd, "OCI-0075")] {
        let server = Scripted::new(move |_| {
            reply(200, &[("content-type", media_type::INDEX)], text.clone())
        })
        .await;
        let error = anyone().children(&server.reference("app:v1")).await;
        assert_eq!(error.unwrap_err().code().0, wanted);
    }
    // An index that lists its own digest cannot be; one that lists another twice can.
    let twice = list(&[entry(1), entry(1)]);
    let server =
        Scripted::new(move |_| reply(200, &[("content-type", media_type::INDEX)], twice.clone()))
            .await;
    let children = anyone()
        .children(&server.reference("app:v1"))
        .await
        .unwrap();
    assert_eq!(children.len(), 2);
}

#[tokio::test]
async fn old_layouts_that_lie_give_no_layer() {
    let good = NewLayer::signature("layer", "c2ln").descriptor();
    let mut other_type = good.clone();
    other_type.media_type = media_type::LAYER_GZIP.into();
    let mut longer = good.clone();
    longer.size = 6;
    let mut other = good.clone();
    other.digest = Digest::sha256(b"other");
    let layers = [good.clone(), good, other_type, longer, other];
    let text = json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST,
        "config": Descriptor::of(media_type::CONFIG, b"{}"), "layers": layers,
    })
    .to_string();
    let index = list(&[]);
    let server = Scripted::new(move |request| {
        let path = request.uri().path();
        match path {
            _ if path.ends_with(".sig") => {
                reply(200, &[("content-type", media_type::MANIFEST)], text.clone())
            }
            _ if path.ends_with(".att") => {
                reply(200, &[("content-type", media_type::INDEX)], index.clone())
            }
            _ if path.contains("/blobs/") => reply(200, &[], "layer"),
            _ => reply(404, &[], ""),
        }
    })
    .await;
    let (at, subject) = (server.reference("app:v1"), Digest::sha256(b"subject"));
    let client = anyone();
    let set = client.legacy(&at, &subject, Slot::Signatures).await;
    let set = set.unwrap().unwrap();
    assert_eq!(set.layers.len(), 1, "the same layer twice is one");
    assert_eq!(set.unreadable.len(), 3, "{:?}", set.unreadable);
    let list = client.legacy(&at, &subject, Slot::Attestations).await;
    assert!(matches!(list, Err(ClientError::Manifest(_))), "{list:?}");
    let none = client.legacy(&at, &subject, Slot::Sboms).await;
    assert!(none.unwrap().is_none());
}

#[tokio::test]
async fn nothing_is_deleted_or_copied_that_names_another_image() {
    let subject = Digest::sha256(b"subject");
    let foreign = attaching(&Digest::sha256(b"elsewhere"), media_type::BUNDLE);
    let entry = Descriptor::of(media_type::MANIFEST, foreign.as_bytes());
    let server = without_api(subject.clone(), vec![entry], vec![foreign]).await;
    let (at, client) = (server.reference("app:v1"), anyone());
    let all = Kind::ALL.into_iter().collect();
    let removed = clean(&client, &at, &subject, &all).await.unwrap();
    assert!(removed.is_empty());
    let asked = server.asked();
    assert!(
        asked.iter().all(|(method, ..)| method == "GET"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_tree_of_indexes_that_is_small_everywhere_and_large_as_a_whole_ends() {
    let mut manifests = std::collections::BTreeMap::new();
    let mut keep = |text: String| {
        let mut entry = Descriptor::of(media_type::MANIFEST, text.as_bytes());
        if text.contains("manifests") {
            entry.media_type = media_type::INDEX.into();
        }
        manifests.insert(entry.digest.to_string(), text);
        entry
    };
    let mut inner = Vec::new();
    for n in 0..9 {
        let images: Vec<_> = (0..9)
            .map(|m| {
                keep(super::manifest().replace("\"schema", &format!("\"n\":1{n}{m},\"schema")))
            })
            .collect();
        inner.push(keep(list(&images)));
    }
    let top = list(&inner);
    let server = Scripted::new(move |request| {
        let path = request.uri().path();
        let name = path.rsplit('/').next().unwrap();
        let known = manifests.get(name).unwrap_or(&top);
        let kind = match known.contains("manifests") {
            true => media_type::INDEX,
            false => media_type::MANIFEST,
        };
        match path {
            _ if path.contains("/blobs/") && name.ends_with("aff8a") => reply(200, &[], "{}"),
            _ if path.contains("/blobs/") => reply(200, &[], "layer"),
            _ if name == "v1" || name.starts_with("sha256:") && !path.contains("referrers") => {
                reply(200, &[("content-type", kind)], known.clone())
            }
            _ => reply(404, &[], ""),
        }
    })
    .await;
    let small = anyone().within(Limits {
        children: 10,
        ..Limits::default()
    });
    let at = server.reference("app:v1");
    let source = EvidenceSource::Registry {
        registry: &small,
        image: &at,
        evidence: &at,
    };
    let too_many = |error: ClientError| {
        assert!(
            matches!(error, ClientError::TooManyChildren { .. }),
            "{error}"
        );
    };
    too_many(tree(&source).await.unwrap_err());
    too_many(small.children(&at).await.unwrap_err());
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("saved");
    let options = CopyOptions::default();
    too_many(save(&source, &folder, &options).await.unwrap_err());
    assert!(
        bulla_oci::Saved::open(&folder).is_err(),
        "nothing is listed"
    );
    let to = server.reference("other:v2");
    too_many(copy(&source, &small, &to, &options).await.unwrap_err());
}
