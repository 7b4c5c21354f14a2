//! Images and evidence through our own registry and back.

use crate::server::{Ours, client};
use bulla_core::{Diagnose as _, Digest, descriptor::media_type};
use bulla_oci::{
    Artifact, Base, ClientError, Compression, Credentials, Image, ImageIndex, ImageSpec, Layout,
    assemble,
    layer::{EntryContent, LayerEntry},
};
use std::{collections::BTreeMap, path::Path};

pub(crate) fn image(directory: &Path, content: &[u8]) -> Image {
    let spec = ImageSpec {
        base: Base::Scratch,
        files: vec![LayerEntry {
            path: "/bin/hello".into(),
            mode: 0o755,
            content: EntryContent::Bytes(content.to_vec()),
        }],
        entrypoint: vec!["/bin/hello".into()],
        user: None,
        env: BTreeMap::new(),
        labels: BTreeMap::new(),
        created: jiff::Timestamp::from_second(1).unwrap(),
        architecture: "amd64".into(),
        compression: Compression::Gzip,
        name: None,
    };
    assemble(&spec, directory).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_goes_in_and_comes_out_unchanged() {
    let ours = Ours::new().await;
    let content = vec![7; 2 << 20];
    let image = image(&ours.scratch.path().join("in"), &content);
    let to = ours.reference("team/app:v1");
    for _ in 0..2 {
        ours.client
            .push(&image.layout, &image.descriptor, &to)
            .await
            .unwrap();
    }
    assert_eq!(ours.client.resolve(&to).await.unwrap(), image.descriptor);
    let out = Layout::create(&ours.scratch.path().join("out")).unwrap();
    let anyone = client(Credentials::none());
    let pulled = anyone.pull(&to, &out, Some("amd64")).await.unwrap();
    assert_eq!(pulled, image.descriptor);
    out.validate().unwrap();
    assert_eq!(out.image("amd64").unwrap().1, image.manifest);
    assert_eq!(
        out.index().unwrap().manifests[0].annotations["org.opencontainers.image.ref.name"],
        "v1"
    );
    let missing = anyone
        .resolve(&ours.reference("team/app:v2"))
        .await
        .unwrap_err();
    assert!(matches!(missing, ClientError::NotFound { .. }), "{missing}");
    let other = to.by_digest(Digest::sha256(b"other"));
    let wrong = ours.client.push(&image.layout, &image.descriptor, &other);
    assert!(matches!(wrong.await, Err(ClientError::Digest { .. })));
    let elsewhere = ours.reference("x:y");
    let denied = anyone.push(&image.layout, &image.descriptor, &elsewhere);
    assert_eq!(denied.await.unwrap_err().code().0, "OCI-0080");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_tag_is_told_in_the_registrys_words() {
    let ours = Ours::new().await;
    let to = ours.reference("app:v1");
    let one = image(&ours.scratch.path().join("one"), b"one");
    let two = image(&ours.scratch.path().join("two"), b"two");
    ours.client
        .push(&one.layout, &one.descriptor, &to)
        .await
        .unwrap();
    let moved = ours
        .client
        .push(&two.layout, &two.descriptor, &to)
        .await
        .unwrap_err();
    let text = moved.to_string();
    assert!(
        text.contains("DENIED") && text.contains(&one.descriptor.digest.to_string()),
        "{text}"
    );
    assert!(moved.hint().unwrap().contains("another tag"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_index_the_image_of_the_architecture_or_everything_is_pulled() {
    let ours = Ours::new().await;
    let layout = Layout::create(&ours.scratch.path().join("both")).unwrap();
    let mut children = Vec::new();
    for architecture in ["amd64", "arm64"] {
        let image = image(
            &ours.scratch.path().join(architecture),
            architecture.as_bytes(),
        );
        for blob in image
            .manifest
            .layers
            .iter()
            .chain([&image.manifest.config, &image.descriptor])
        {
            layout.copy_blob(&image.layout, blob).unwrap();
        }
        let mut child = image.descriptor;
        child.platform = Some(bulla_core::descriptor::Platform {
            architecture: architecture.into(),
            os: "linux".into(),
            variant: None,
        });
        children.push(child);
    }
    let index = ImageIndex::of(children.clone());
    let index = layout.put_json(media_type::INDEX, &index).unwrap();
    layout.set_manifests(vec![index.clone()]).unwrap();
    let to = ours.reference("app:v1");
    ours.client.push(&layout, &index, &to).await.unwrap();
    let one = Layout::create(&ours.scratch.path().join("one")).unwrap();
    let pulled = ours.client.pull(&to, &one, Some("arm64")).await.unwrap();
    assert_eq!(pulled.digest, children[1].digest);
    assert_eq!(one.validate().unwrap().manifests, 1);
    let all = Layout::create(&ours.scratch.path().join("all")).unwrap();
    assert_eq!(ours.client.pull(&to, &all, None).await.unwrap(), index);
    assert_eq!(all.validate().unwrap().manifests, 3);
    let none = ours
        .client
        .pull(&to, &all, Some("s390x"))
        .await
        .unwrap_err();
    assert!(matches!(none, ClientError::Platform { .. }), "{none}");
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_attached_and_found_by_type() {
    let ours = Ours::new().await;
    let image = image(&ours.scratch.path().join("in"), b"content");
    let at = ours.reference("app:v1");
    ours.client
        .push(&image.layout, &image.descriptor, &at)
        .await
        .unwrap();
    let subject = &image.descriptor;
    let created = jiff::Timestamp::from_second(1_000_000_000).unwrap();
    for n in 0..3 {
        let bundle = Artifact::bundle(format!("{{\"n\":{n}}}"), "https://example/p", created);
        let one = ours.client.attach(&at, subject, &bundle).await.unwrap();
        assert_eq!(
            ours.client.attach(&at, subject, &bundle).await.unwrap(),
            one
        );
    }
    let other = Artifact {
        artifact_type: "application/other".into(),
        bytes: "other".into(),
        annotations: BTreeMap::new(),
    };
    ours.client.attach(&at, subject, &other).await.unwrap();
    let digest = &subject.digest;
    let all = ours.client.referrers(&at, digest, None).await.unwrap();
    assert_eq!(all.len(), 4);
    let bundles = ours
        .client
        .attachments(&at, digest, media_type::BUNDLE, 1000)
        .await
        .unwrap();
    assert!(bundles.unreadable.is_empty());
    let mut found: Vec<_> = bundles.found.iter().map(|b| b.bytes.clone()).collect();
    found.sort();
    assert_eq!(found, [b"{\"n\":0}", b"{\"n\":1}", b"{\"n\":2}"]);
    let p = "dev.sigstore.bundle.predicateType";
    assert!(
        bundles
            .found
            .iter()
            .all(|b| b.annotations[p] == "https://example/p")
    );
    let small = ours
        .client
        .attachments(&at, digest, media_type::BUNDLE, 3)
        .await
        .unwrap();
    assert_eq!((small.found.len(), small.unreadable.len()), (0, 3));
    let none = ours
        .client
        .referrers(&at, &Digest::sha256(b"x"), None)
        .await
        .unwrap();
    assert!(none.is_empty());
    // our registry has the API, so nobody needs the fallback tag
    let tag = at.by_tag(&digest.fallback_tag()).unwrap();
    assert!(ours.client.resolve(&tag).await.is_err());
}
