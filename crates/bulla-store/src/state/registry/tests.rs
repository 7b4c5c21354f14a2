use super::*;
use bulla_core::{Descriptor, Digest};
use proptest::prelude::*;
use std::collections::BTreeMap;

async fn registry(scratch: &tempfile::TempDir) -> RegistryState {
    let state = StateStore::open(&scratch.path().join("state.sqlite")).await;
    RegistryState::new(state.unwrap())
}

fn manifest<'a>(digest: &'a Digest, tags: &'a [TagChange]) -> NewManifest<'a> {
    NewManifest {
        repository: "app",
        digest,
        media_type: "application/vnd.oci.image.manifest.v1+json",
        bytes: b"{}",
        blobs: &[],
        manifests: &[],
        subject: None,
        tags,
        now: 0,
    }
}

#[tokio::test]
async fn a_manifest_needs_its_references_in_the_same_repository() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = registry(&scratch).await;
    let digest = Digest::sha256(b"{}");
    let layer = Descriptor::of("layer", b"layer");
    let blobs = [layer.clone()];
    let tags = [TagChange {
        name: "v1".into(),
        expect: Expect::Absent,
    }];
    let new = NewManifest {
        blobs: &blobs,
        ..manifest(&digest, &tags)
    };
    registry
        .link_blob("other", &layer.digest, 5, None, 0)
        .await
        .unwrap();
    assert_eq!(
        registry.put_manifest(new.clone()).await.unwrap(),
        PutManifest::Missing(layer.digest.clone())
    );
    assert!(!registry.has_repository("app").await.unwrap());
    registry
        .link_blob("app", &layer.digest, 6, None, 0)
        .await
        .unwrap();
    assert!(matches!(
        registry.put_manifest(new.clone()).await.unwrap(),
        PutManifest::Size { stored: 6, .. }
    ));
    registry
        .link_blob("app", &layer.digest, 5, None, 0)
        .await
        .unwrap();
    assert_eq!(registry.put_manifest(new).await.unwrap(), PutManifest::Done);
    assert_eq!(
        registry.unlink_blob("app", &layer.digest).await.unwrap(),
        Some(false)
    );
    assert!(registry.delete_manifest("app", &digest).await.unwrap());
    assert_eq!(registry.tag("app", "v1").await.unwrap(), None);
    assert_eq!(
        registry.unlink_blob("app", &layer.digest).await.unwrap(),
        Some(true)
    );
    assert_eq!(
        registry.unlink_blob("app", &layer.digest).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn a_refused_tag_stores_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = registry(&scratch).await;
    let (one, two) = (Digest::sha256(b"1"), Digest::sha256(b"2"));
    let tags = [TagChange {
        name: "v1".into(),
        expect: Expect::Absent,
    }];
    let put = |digest| registry.put_manifest(manifest(digest, &tags));
    assert_eq!(put(&one).await.unwrap(), PutManifest::Done);
    assert_eq!(put(&one).await.unwrap(), PutManifest::Done);
    assert_eq!(
        put(&two).await.unwrap(),
        PutManifest::Tag {
            name: "v1".into(),
            current: Some(one.clone())
        }
    );
    assert_eq!(registry.manifest("app", &two).await.unwrap(), None);
    assert_eq!(registry.tag("app", "v1").await.unwrap(), Some(one));
}

#[tokio::test]
async fn referrers_come_in_pages_and_by_type() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = registry(&scratch).await;
    let subject = Digest::sha256(b"subject");
    let mut expected = Vec::new();
    for n in 0..25u8 {
        let digest = Digest::sha256(&[n]);
        let mut descriptor = Descriptor::new("m", digest.clone(), 2);
        descriptor.artifact_type = Some(if n % 5 == 0 { "five" } else { "other" }.into());
        let new = NewManifest {
            subject: Some((&subject, &descriptor)),
            ..manifest(&digest, &[])
        };
        registry.put_manifest(new).await.unwrap();
        expected.push(digest);
    }
    expected.sort();
    let mut seen = Vec::new();
    let mut last = String::new();
    loop {
        let page = registry
            .referrers("app", &subject, None, &last, 10)
            .await
            .unwrap();
        seen.extend(page.items.iter().map(|r| r.descriptor.digest.clone()));
        last = seen.last().unwrap().to_string();
        if !page.more {
            break;
        }
    }
    assert_eq!(seen, expected);
    let five = registry
        .referrers("app", &subject, Some("five"), "", 10)
        .await
        .unwrap();
    assert_eq!((five.items.len(), five.more), (5, false));
}

#[tokio::test]
async fn sessions_are_counted_and_swept() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = registry(&scratch).await;
    let row = |id: &str, created_at| UploadRow {
        id: id.into(),
        repository: "app".into(),
        created_at,
    };
    assert!(registry.begin_upload(&row("a", 10), 2).await.unwrap());
    assert!(registry.begin_upload(&row("b", 20), 2).await.unwrap());
    assert!(!registry.begin_upload(&row("c", 30), 2).await.unwrap());
    assert_eq!(registry.stale_uploads(20).await.unwrap(), [row("a", 10)]);
    registry.end_upload("a").await.unwrap();
    assert!(!registry.has_upload("app", "a").await.unwrap());
    assert!(registry.has_upload("app", "b").await.unwrap());
    assert!(!registry.has_upload("other", "b").await.unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is pushed in whatever order, a write-once tag names its first digest.
    #[test]
    fn write_once_tags_keep_their_first_digest(
        pushes in proptest::collection::vec((0u8..4, 0u8..4), 1..20)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let scratch = tempfile::tempdir().unwrap();
            let registry = registry(&scratch).await;
            let mut model = BTreeMap::new();
            for (tag, content) in pushes {
                let digest = Digest::sha256(&[content]);
                let tags = [TagChange { name: format!("t{tag}"), expect: Expect::Absent }];
                let first = model.entry(tag).or_insert_with(|| digest.clone()).clone();
                let done = registry.put_manifest(manifest(&digest, &tags)).await.unwrap();
                assert_eq!(done == PutManifest::Done, first == digest);
            }
            for (tag, first) in model {
                assert_eq!(registry.tag("app", &format!("t{tag}")).await.unwrap(), Some(first));
            }
        });
    }
}
