//! Indexes whose entries are not what they are called, or not there.

use super::{anyone, list, manifest};
use crate::server::{Scripted, reply};
use bulla_core::{Descriptor, Diagnose as _, Digest, Reference, descriptor::media_type};
use bulla_oci::{Child, ClientError, EvidenceSource, Limits, Registry};
use std::collections::BTreeMap;

/// A registry with these manifests, the last of them under the tag.
async fn holding(manifests: &[&String]) -> Scripted {
    let top = manifests.last().unwrap().to_string();
    let known: BTreeMap<String, String> = manifests
        .iter()
        .map(|text| {
            (
                Digest::sha256(text.as_bytes()).to_string(),
                text.to_string(),
            )
        })
        .collect();
    Scripted::new(move |request| {
        let name = request.uri().path().rsplit('/').next().unwrap();
        let found = match name {
            "v1" => Some(&top),
            digest => known.get(digest),
        };
        let Some(text) = found else {
            return reply(404, &[], "");
        };
        let kind = match text.contains("manifests") {
            true => media_type::INDEX,
            false => media_type::MANIFEST,
        };
        reply(200, &[("content-type", kind)], text.clone())
    })
    .await
}

async fn family(client: &Registry, at: &Reference) -> Result<Vec<Child>, ClientError> {
    let source = EvidenceSource::Registry {
        registry: client,
        image: at,
        evidence: at,
    };
    source.family().await
}

fn entry(kind: &str, text: &str) -> Descriptor {
    Descriptor::of(kind, text.as_bytes())
}

#[tokio::test]
async fn everything_below_an_index_is_there_and_what_it_is_called() {
    let image = manifest();
    let inner = list(&[entry(media_type::MANIFEST, &image)]);
    let top = list(&[entry(media_type::INDEX, &inner)]);
    let server = holding(&[&image, &inner, &top]).await;
    let at = server.reference("app:v1");
    let found = family(&anyone(), &at).await.unwrap();
    let depths: Vec<_> = found.iter().map(|child| child.depth).collect();
    assert_eq!(depths, [0, 1, 2]);

    // An index that is listed as an image would hide what is below it.
    let hidden = list(&[entry(media_type::MANIFEST, &inner)]);
    // An image that is listed as an index would hide that nothing is.
    let empty = list(&[entry(media_type::INDEX, &image)]);
    for top in [hidden, empty] {
        let server = holding(&[&image, &inner, &top]).await;
        let at = server.reference("app:v1");
        let error = family(&anyone(), &at).await.unwrap_err();
        assert_eq!(error.code().0, "OCI-0075", "{error}");
        let below = [&inner, &image].map(|text| Digest::sha256(text.as_bytes()).to_string());
        let text = error.to_string();
        assert!(below.iter().any(|digest| text.contains(digest)), "{text}");
    }
}

#[tokio::test]
async fn what_an_index_lists_and_nobody_has_is_named() {
    let image = manifest();
    let gone = Descriptor::of(media_type::MANIFEST, b"gone");
    let top = list(&[entry(media_type::MANIFEST, &image), gone.clone()]);
    let server = holding(&[&image, &top]).await;
    let at = server.reference("app:v1");
    let error = family(&anyone(), &at).await.unwrap_err();
    assert!(matches!(error, ClientError::NotFound { .. }), "{error}");
    assert!(error.to_string().contains(gone.digest.hex()), "{error}");
}

#[tokio::test]
async fn no_more_is_opened_than_the_bounds_allow() {
    let entries: Vec<_> = (0..50u8)
        .map(|n| Descriptor::of(media_type::MANIFEST, &[n]))
        .collect();
    let top = list(&entries);
    let server = holding(&[&top]).await;
    let small = anyone().within(Limits {
        children: 10,
        ..Limits::default()
    });
    let at = server.reference("app:v1");
    let error = family(&small, &at).await.unwrap_err();
    assert!(
        matches!(error, ClientError::TooManyChildren { limit: 10, .. }),
        "{error}"
    );
    assert_eq!(server.asked().len(), 1, "nothing below it was asked for");
}
