use super::*;
use crate::{cosign::NewLayer, manifest::ImageManifest};
use bulla_core::descriptor::media_type;

fn image_manifest(layout: &Layout, layer: Descriptor, subject: Option<&Descriptor>) -> Descriptor {
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: Some(media_type::MANIFEST.into()),
        artifact_type: subject.map(|_| media_type::BUNDLE.into()),
        config: layout.put_blob(media_type::EMPTY, b"{}").unwrap(),
        layers: vec![layer],
        subject: subject.cloned(),
        annotations: BTreeMap::new(),
    };
    layout.put_json(media_type::MANIFEST, &manifest).unwrap()
}

fn with(mut entry: Descriptor, key: &str, value: &str) -> Descriptor {
    entry.annotations.insert(key.into(), value.into());
    entry
}

struct Folder {
    scratch: tempfile::TempDir,
    layout: Layout,
    image: Descriptor,
}

fn folder() -> Folder {
    let scratch = tempfile::tempdir().unwrap();
    let layout = Layout::create(&scratch.path().join("saved")).unwrap();
    let layer = layout.put_blob(media_type::LAYER, b"layer").unwrap();
    let image = image_manifest(&layout, layer, None);
    Folder {
        scratch,
        layout,
        image,
    }
}

impl Folder {
    fn open(&self, list: Vec<Descriptor>) -> Result<Saved, ClientError> {
        self.layout.set_manifests(list).unwrap();
        Saved::open(self.layout.path())
    }
}

#[tokio::test]
async fn what_cosign_saves_is_found() {
    let folder = folder();
    let (layout, image) = (&folder.layout, &folder.image);
    // Signatures by `kind`, a bundle by its subject in an unlisted blob.
    let payload = layout.put_blob("x", b"payload").unwrap();
    let mut payload = payload;
    payload.media_type = crate::cosign::media::SIMPLE_SIGNING.into();
    payload.annotations = NewLayer::signature("payload", "c2ln").annotations;
    let signatures = image_manifest(layout, payload.clone(), None);
    let bundle = layout
        .put_blob(media_type::BUNDLE, b"{\"bundle\":1}")
        .unwrap();
    image_manifest(layout, bundle, Some(image));
    let saved = folder
        .open(vec![
            with(image.clone(), KIND, IMAGE),
            with(signatures, KIND, "dev.cosignproject.cosign/sigs"),
        ])
        .unwrap();
    assert_eq!(saved.image(), image);
    let sets = saved.legacy(&image.digest, Slot::Signatures).await.unwrap();
    assert_eq!(sets.len(), 1);
    assert_eq!(sets[0].layers[0].bytes, b"payload");
    assert_eq!(sets[0].layers[0].annotations, payload.annotations);
    let none = saved.legacy(&image.digest, Slot::Attestations).await;
    assert!(none.unwrap().is_empty());
    let found = saved
        .attachments(&image.digest, media_type::BUNDLE, 100)
        .unwrap();
    assert_eq!(found.found.len(), 1);
    assert_eq!(found.found[0].bytes, b"{\"bundle\":1}");
    let other = Digest::sha256(b"other");
    let found = saved.attachments(&other, media_type::BUNDLE, 100).unwrap();
    assert!(found.found.is_empty() && found.unreadable.is_empty());
    assert!(
        saved
            .legacy(&other, Slot::Signatures)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        layout.image("amd64").is_ok(),
        "its signatures are no second image"
    );
}

#[test]
fn which_manifest_is_the_image_is_never_guessed() {
    let folder = folder();
    let (layout, image) = (&folder.layout, &folder.image);
    let layer = layout.put_blob(media_type::LAYER, b"other").unwrap();
    let other = image_manifest(layout, layer, None);
    let not_saved = |list| matches!(folder.open(list), Err(ClientError::NotSaved { .. }));
    assert!(not_saved(vec![]));
    assert!(not_saved(vec![image.clone(), other.clone()]));
    let marked = |entry: &Descriptor| with(entry.clone(), KIND, IMAGE);
    assert!(not_saved(vec![marked(image), marked(&other)]));
    assert!(folder.open(vec![marked(image), other.clone()]).is_ok());
    assert!(folder.open(vec![image.clone()]).is_ok(), "a plain layout");
    let referrer = {
        let layer = layout.put_blob(media_type::BUNDLE, b"{}").unwrap();
        image_manifest(layout, layer, Some(image))
    };
    let tag = Slot::Signatures.tag(&image.digest);
    let sealed = vec![image.clone(), referrer, with(other, REF_NAME, &tag)];
    assert_eq!(folder.open(sealed).unwrap().image(), image);
}

#[test]
fn a_folder_that_lies_gives_no_evidence() {
    let folder = folder();
    let (layout, image) = (&folder.layout, &folder.image);
    let layer = layout.put_blob(media_type::BUNDLE, b"bundle").unwrap();
    let referrer = image_manifest(layout, layer.clone(), Some(image));
    let list = vec![with(image.clone(), KIND, IMAGE)];
    let get = |saved: &Saved| {
        saved
            .attachments(&image.digest, media_type::BUNDLE, 100)
            .unwrap()
    };
    assert_eq!(get(&folder.open(list.clone()).unwrap()).found.len(), 1);
    let path = |digest: &Digest| layout.blob_path(digest);
    std::fs::write(path(&layer.digest), b"bungle").unwrap();
    let tampered = get(&folder.open(list.clone()).unwrap());
    assert_eq!((tampered.found.len(), tampered.unreadable.len()), (0, 1));
    let text = std::fs::read_to_string(path(&referrer.digest)).unwrap();
    let text = text.replace("\"schemaVersion\":2", "\"schemaVersion\":2 ");
    std::fs::write(path(&referrer.digest), text).unwrap();
    let renamed = get(&folder.open(list).unwrap());
    assert!(renamed.found.is_empty() && renamed.unreadable.is_empty());
    assert!(folder.scratch.path().exists());
}
