//! Images with their evidence on the move: copy, save, load, clean, and what
//! hangs on them, between our registry and distribution's, with both cosigns.

use crate::{
    clients::run,
    legacy::{cosigns, key_pair, old},
    ours::image,
    server::{Ours, client, log_in},
};
use bulla_core::{
    Descriptor, Digest, Reference,
    descriptor::{Platform, media_type},
};
use bulla_oci::{
    Artifact, ClientError, Credentials, EvidenceSource, ImageIndex, Layout, Registry, Saved,
    cosign::{Existing, NewLayer, Slot},
    transfer::{CopyOptions, Kind, clean, copy, save},
    tree::{TreeNode, tree},
};
use bulla_testkit::{Distribution, require};
use std::path::Path;

fn source_of<'a>(registry: &'a Registry, image: &'a Reference) -> EvidenceSource<'a> {
    EvidenceSource::Registry {
        registry,
        image,
        evidence: image,
    }
}

/// An index of two images, with evidence in both layouts on the index, on the
/// first image, and on a bundle of the index.
async fn sealed_index(client: &Registry, at: &Reference, scratch: &Path) -> Descriptor {
    let layout = Layout::create(&scratch.join("index")).unwrap();
    let mut children = Vec::new();
    for architecture in ["amd64", "arm64"] {
        let made = image(&scratch.join(architecture), architecture.as_bytes());
        let blobs = made.manifest.layers.iter();
        for blob in blobs.chain([&made.manifest.config, &made.descriptor]) {
            layout.copy_blob(&made.layout, blob).unwrap();
        }
        let mut child = made.descriptor;
        child.platform = Some(Platform {
            architecture: architecture.into(),
            os: "linux".into(),
            variant: None,
        });
        children.push(child);
    }
    let first = children[0].clone();
    let index = ImageIndex::of(children);
    let index = layout.put_json(media_type::INDEX, &index).unwrap();
    client.push(&layout, &index, at).await.unwrap();
    for subject in [&index, &first] {
        let text = |what: &str| format!("{{\"{what} of\":\"{}\"}}", subject.digest);
        let add = |slot: Slot, layer: NewLayer| {
            let digest = subject.digest.clone();
            async move {
                let (layers, keep) = ([layer], Existing::Keep);
                let added = client.add_legacy(at, &digest, slot, &layers, keep);
                added.await.unwrap()
            }
        };
        let payload = NewLayer::signature(text("signature"), "c2ln");
        add(Slot::Signatures, payload).await;
        let envelope = NewLayer::attestation(text("envelope"), "https://example/p");
        add(Slot::Attestations, envelope).await;
        add(Slot::Sboms, NewLayer::sbom("text/spdx+json", text("sbom"))).await;
        let created = jiff::Timestamp::UNIX_EPOCH;
        let bundle = Artifact::bundle(text("bundle"), "https://example/p", created);
        let attached = client.attach(at, subject, &bundle).await.unwrap();
        let signature = Artifact::bundle(
            text("signing bundle"),
            "https://sigstore.dev/cosign/sign/v1",
            created,
        );
        client.attach(at, subject, &signature).await.unwrap();
        let about = Artifact::bundle(text("counter-seal"), "https://example/q", created);
        client.attach(at, &attached, &about).await.unwrap();
    }
    index
}

/// What hangs on an image, without what depends on the place.
fn shape(node: &TreeNode) -> String {
    let tags: Vec<_> = node.tags.iter().map(|t| (t.slot, &t.layers)).collect();
    let mut referrers: Vec<_> = node
        .referrers
        .iter()
        .map(|r| (&r.descriptor.digest, &r.annotations, r.referrers.len()))
        .collect();
    referrers.sort();
    let children: Vec<_> = node.children.iter().map(shape).collect();
    assert!(node.problems.is_empty(), "{:?}", node.problems);
    format!(
        "{} {} {tags:?} {referrers:?} {children:?}",
        node.descriptor.digest, node.is_index
    )
}

async fn shape_of(source: &EvidenceSource<'_>) -> String {
    shape(&tree(source).await.unwrap())
}

/// Our registry and, where it is installed, distribution's.
async fn registries() -> Vec<(Registry, String, Box<dyn std::any::Any>)> {
    let ours = Ours::new().await;
    let mut all: Vec<(Registry, String, Box<dyn std::any::Any>)> =
        vec![(ours.client.clone(), ours.address.clone(), Box::new(ours))];
    if let Some(server) = Distribution::start() {
        let anyone = client(Credentials::none());
        all.push((anyone, server.host(), Box::new(server)));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_with_its_evidence_goes_everywhere_and_stays_the_same() {
    let scratch = tempfile::tempdir().unwrap();
    let all = registries().await;
    let everything = CopyOptions::default();
    for (n, (source, host, _)) in all.iter().enumerate() {
        let at: Reference = format!("{host}/from/app:v1").parse().unwrap();
        let home = scratch.path().join(n.to_string());
        let index = sealed_index(source, &at, &home).await;
        let from = source_of(source, &at);
        let whole = shape_of(&from).await;
        assert!(whole.matches("Sboms").count() == 2, "{whole}");

        let folder = home.join("saved");
        let (saved, kept) = save(&from, &folder, &everything).await.unwrap();
        assert_eq!(kept.evidence.len(), 12, "{:?}", kept.evidence);
        assert_eq!(saved.image(), &index);
        assert_eq!(saved.tag(), Some("v1"));
        saved.layout().validate().unwrap();
        assert_eq!(shape_of(&EvidenceSource::Saved(&saved)).await, whole);
        let again = save(&from, &folder, &everything).await;
        assert!(again.is_err(), "a folder is written once");

        for (target, host, _) in &all {
            let to: Reference = format!("{host}/to-{n}/app:v1").parse().unwrap();
            let copied = copy(&from, target, &to, &everything).await.unwrap();
            assert!(copied.problems.is_empty(), "{:?}", copied.problems);
            assert_eq!(copied.image.as_ref(), Some(&index));
            let there = source_of(target, &to);
            assert_eq!(shape_of(&there).await, whole, "{to}");
            let again = copy(&from, target, &to, &everything).await.unwrap();
            assert_eq!((again.manifests, again.blobs), (0, 0), "{again:?}");
            let to: Reference = format!("{host}/loaded-{n}/app:v1").parse().unwrap();
            let held = EvidenceSource::Saved(&saved);
            copy(&held, target, &to, &everything).await.unwrap();
            let there = source_of(target, &to);
            assert_eq!(shape_of(&there).await, whole, "{to}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_chosen_is_moved_and_nothing_is_moved_over() {
    let scratch = tempfile::tempdir().unwrap();
    let ours = Ours::new().await;
    let at = ours.reference("from/app:v1");
    let index = sealed_index(&ours.client, &at, scratch.path()).await;
    let from = source_of(&ours.client, &at);
    let everything = CopyOptions::default();
    let children = from.children().await.unwrap();
    assert_eq!(children.len(), 3);

    // Seals alone.
    let only = CopyOptions {
        only: Some([Kind::Signature].into()),
        ..CopyOptions::default()
    };
    let seals = ours.reference("seals:v1");
    let copied = copy(&from, &ours.client, &seals, &only).await.unwrap();
    assert!(
        copied
            .evidence
            .iter()
            .all(|(_, kind)| *kind == Kind::Signature)
    );
    assert_eq!(copied.evidence.len(), 4);
    assert!(ours.client.resolve(&seals).await.is_err(), "no image");
    let there = ours.client.referrers(&seals, &index.digest, None).await;
    assert_eq!(there.unwrap().len(), 1);

    // One platform: its image gets the tag.
    let arm = CopyOptions {
        platform: Some("linux/amd64".parse().unwrap()),
        ..CopyOptions::default()
    };
    let one = ours.reference("one:v1");
    let copied = copy(&from, &ours.client, &one, &arm).await.unwrap();
    assert_eq!(copied.image.unwrap().digest, children[1].descriptor.digest);
    assert!(copied.mounted > 0, "blobs are taken over, not sent");
    let bundles = source_of(&ours.client, &one);
    let bundles = bundles
        .bundles(&children[1].descriptor.digest)
        .await
        .unwrap();
    assert_eq!(bundles.found.len(), 2);
    let none = CopyOptions {
        platform: Some("linux/s390x".parse().unwrap()),
        ..CopyOptions::default()
    };
    let error = copy(&from, &ours.client, &one, &none).await.unwrap_err();
    assert!(matches!(error, ClientError::NoPlatform { .. }), "{error}");

    // A name that is taken stays.
    let error = copy(&from, &ours.client, &one, &everything)
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Taken { .. }), "{error}");
    let other = one.by_digest(Digest::sha256(b"other"));
    let error = copy(&from, &ours.client, &other, &everything)
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Digest { .. }), "{error}");
    let force = CopyOptions {
        force: true,
        ..CopyOptions::default()
    };
    let error = copy(&from, &ours.client, &one, &force).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("DENIED"),
        "our registry never moves a tag: {text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_that_is_there_is_kept_beside_what_comes() {
    let scratch = tempfile::tempdir().unwrap();
    for (n, (registry, host, _)) in registries().await.iter().enumerate() {
        let at: Reference = format!("{host}/from/app:v1").parse().unwrap();
        let home = scratch.path().join(n.to_string());
        let index = sealed_index(registry, &at, &home).await;
        let to: Reference = format!("{host}/to/app:v1").parse().unwrap();
        let own = [NewLayer::signature("own", "b3du")];
        let slot = Slot::Signatures;
        let added = registry.add_legacy(&to, &index.digest, slot, &own, Existing::Keep);
        added.await.unwrap();
        let created = jiff::Timestamp::UNIX_EPOCH;
        let bundle = Artifact::bundle("{\"own\":1}", "https://example/p", created);
        registry.attach(&to, &index, &bundle).await.unwrap();
        let options = CopyOptions::default();
        let source = source_of(registry, &at);
        copy(&source, registry, &to, &options).await.unwrap();
        let there = source_of(registry, &to);
        let sets = there.legacy(&index.digest, slot).await.unwrap();
        assert_eq!(sets.iter().map(|set| set.layers.len()).sum::<usize>(), 2);
        let bundles = there.bundles(&index.digest).await.unwrap();
        assert_eq!((bundles.found.len(), bundles.unreadable.len()), (3, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seals_are_taken_away_only_where_the_registry_lets_them() {
    let scratch = tempfile::tempdir().unwrap();
    for (n, (registry, host, _)) in registries().await.iter().enumerate() {
        let at: Reference = format!("{host}/app:v1").parse().unwrap();
        let home = scratch.path().join(n.to_string());
        let index = sealed_index(registry, &at, &home).await;
        let source = source_of(registry, &at);
        let before = shape_of(&source).await;
        let signatures = [Kind::Signature].into();
        let cleaned = clean(registry, &at, &index.digest, &signatures).await;
        if n == 0 {
            let error = cleaned.unwrap_err();
            assert!(
                matches!(error, ClientError::DeletionRefused { .. }),
                "{error}"
            );
            assert_eq!(shape_of(&source).await, before);
            continue;
        }
        assert_eq!(cleaned.unwrap().len(), 2);
        let after = tree(&source).await.unwrap();
        assert!(after.problems.is_empty(), "{:?}", after.problems);
        assert_eq!((after.tags.len(), after.referrers.len()), (2, 1));
        assert_eq!(after.referrers[0].kind, Kind::Attestation);
        let all = Kind::ALL.into_iter().collect();
        let rest = clean(registry, &at, &index.digest, &all).await.unwrap();
        assert_eq!(rest.len(), 3);
        let bare = tree(&source).await.unwrap();
        assert!(bare.tags.is_empty() && bare.referrers.is_empty());
        assert!(!bare.is_bare(), "its child keeps what is its own");
        registry.resolve(&at).await.unwrap();
    }
}

/// An image that either cosign signed and attested, each layout where it can.
async fn sign(cosign: &Path, home: &Path, pinned: &str) -> String {
    let (key, public) = key_pair(cosign, home).await;
    let predicate = home.join("predicate.json");
    std::fs::write(&predicate, "{}").unwrap();
    let predicate = format!("--predicate={}", predicate.display());
    let attest = ["attest", "-y", "--type=https://example/p", &predicate, &key];
    let sign = ["sign", "-y", "--tlog-upload=false", &key, pinned];
    old(cosign, &sign, home).await;
    let both = [&attest[..], &["--tlog-upload=false", pinned]].concat();
    old(cosign, &both, home).await;
    if !cosign.to_string_lossy().contains("cosign2") {
        let config = r#"{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}"#;
        std::fs::write(home.join("signing.json"), config).unwrap();
        let config = format!("--signing-config={}", home.join("signing.json").display());
        run(cosign, &["sign", "-y", &key, &config, pinned], home).await;
    }
    public
}

#[tokio::test(flavor = "multi_thread")]
async fn cosign_loads_what_we_save_and_we_load_what_it_saves() {
    for cosign in cosigns() {
        let new = !cosign.to_string_lossy().contains("cosign2");
        let ours = Ours::new().await;
        let home = ours.scratch.path();
        log_in(home, &ours.address);
        let made = image(&home.join("image"), b"content");
        let at = ours.reference("app:v1");
        let push = ours.client.push(&made.layout, &made.descriptor, &at);
        push.await.unwrap();
        let digest = &made.descriptor.digest;
        let pinned = at.by_digest(digest.clone()).to_string();
        let public = sign(&cosign, home, &pinned).await;
        let verify = |mut arguments: Vec<String>, image: String| {
            let (cosign, public) = (cosign.clone(), public.clone());
            async move {
                let usual = ["verify".to_owned(), "--insecure-ignore-tlog".into(), public];
                arguments.splice(0..0, usual);
                arguments.push(image);
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                run(&cosign, &arguments, home).await
            }
        };
        let old_only = || match new {
            true => vec!["--new-bundle-format=false".to_owned()],
            false => Vec::new(),
        };

        // Saved by us: verified in place and loaded by cosign.
        let folder = home.join("ours");
        let whole = CopyOptions::default();
        let source = source_of(&ours.client, &at);
        let (saved, _) = save(&source, &folder, &whole).await.unwrap();
        let local = ["--local-image".to_owned()];
        let place = folder.display().to_string();
        verify([&old_only()[..], &local].concat(), place.clone()).await;
        if new {
            verify(local.to_vec(), place.clone()).await;
        }
        let directory = format!("--dir={place}");
        let loaded = ours.reference("loaded-by-cosign:v1");
        run(&cosign, &["load", &directory, &loaded.to_string()], home).await;
        verify(old_only(), loaded.to_string()).await;
        let held = EvidenceSource::Saved(&saved);
        let here = held.legacy(digest, Slot::Attestations).await.unwrap();
        assert_eq!(here[0].layers.len(), 1);

        // Saved by cosign: opened and loaded by us, verified by cosign.
        let folder = home.join("theirs");
        let directory = format!("--dir={}", folder.display());
        run(&cosign, &["save", &directory, &pinned], home).await;
        let saved = Saved::open(&folder).unwrap();
        assert_eq!(saved.image().digest, *digest);
        let held = EvidenceSource::Saved(&saved);
        for slot in [Slot::Signatures, Slot::Attestations] {
            let sets = held.legacy(digest, slot).await.unwrap();
            assert_eq!(sets.iter().map(|s| s.layers.len()).sum::<usize>(), 1);
        }
        let bundles = held.bundles(digest).await.unwrap();
        assert_eq!(bundles.found.len(), usize::from(new));
        let loaded = ours.reference("loaded-by-us:v1");
        copy(&held, &ours.client, &loaded, &whole).await.unwrap();
        verify(old_only(), loaded.to_string()).await;
        if new {
            verify(Vec::new(), loaded.to_string()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cosign_verifies_and_lists_what_we_copied() {
    let (Some(cosign), Some(crane)) = (require("cosign"), require("crane")) else {
        return;
    };
    let scratch = tempfile::tempdir().unwrap();
    let all = registries().await;
    for (n, (source, host, _)) in all.iter().enumerate() {
        let home = &scratch.path().join(n.to_string());
        std::fs::create_dir(home).unwrap();
        log_in(home, &all[0].1);
        let made = image(&home.join("image"), b"content");
        let at: Reference = format!("{host}/app:v1").parse().unwrap();
        let push = source.push(&made.layout, &made.descriptor, &at);
        push.await.unwrap();
        let pinned = at.by_digest(made.descriptor.digest.clone());
        let public = sign(&cosign, home, &pinned.to_string()).await;
        for (target, host, _) in &all {
            let to: Reference = format!("{host}/copied-{n}:v1").parse().unwrap();
            let from = source_of(source, &at);
            let options = CopyOptions::default();
            copy(&from, target, &to, &options).await.unwrap();
            let name = to.to_string();
            let verify = ["verify", &public, "--insecure-ignore-tlog", &name];
            run(&cosign, &verify, home).await;
            let verify = [&verify[..], &["--new-bundle-format=false"]].concat();
            run(&cosign, &verify, home).await;
            run(&crane, &["validate", "--remote", &name], home).await;
            let told = [
                "COSIGN_EXPERIMENTAL=1",
                &cosign.display().to_string(),
                "tree",
            ]
            .map(str::to_owned);
            let mut told: Vec<&str> = told.iter().map(String::as_str).collect();
            told.push(&name);
            let told = run(Path::new("env"), &told, home).await;
            let node = tree(&source_of(target, &to)).await.unwrap();
            let tagged = node.tags.iter().flat_map(|tag| &tag.layers);
            for layer in tagged.chain(node.referrers.iter().flat_map(|r| &r.layers)) {
                let digest = layer.digest.to_string();
                assert!(told.contains(&digest), "{digest} is not in\n{told}");
            }
            assert_eq!((node.tags.len(), node.referrers.len()), (2, 1));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_of_another_repository_is_found_saved_and_copied() {
    let scratch = tempfile::tempdir().unwrap();
    for (n, (registry, host, _)) in registries().await.iter().enumerate() {
        let home = scratch.path().join(n.to_string());
        let made = image(&home.join("image"), b"content");
        let at: Reference = format!("{host}/app:v1").parse().unwrap();
        let apart: Reference = format!("{host}/seals/of/all").parse().unwrap();
        let push = registry.push(&made.layout, &made.descriptor, &at);
        push.await.unwrap();
        let digest = &made.descriptor.digest;
        let (slot, layers) = (Slot::Signatures, [NewLayer::signature("payload", "c2ln")]);
        let added = registry.add_legacy(&apart, digest, slot, &layers, Existing::Keep);
        added.await.unwrap();
        let bundle = Artifact::bundle("{}", "https://example/p", jiff::Timestamp::UNIX_EPOCH);
        let attached = registry.attach(&apart, &made.descriptor, &bundle);
        attached.await.unwrap();
        assert!(tree(&source_of(registry, &at)).await.unwrap().is_bare());
        let source = EvidenceSource::Registry {
            registry,
            image: &at,
            evidence: &apart,
        };
        let whole = shape_of(&source).await;
        let options = CopyOptions::default();
        let saved = save(&source, &home.join("saved"), &options).await;
        let (saved, _) = saved.unwrap();
        assert_eq!(shape_of(&EvidenceSource::Saved(&saved)).await, whole);
        let to: Reference = format!("{host}/together:v1").parse().unwrap();
        copy(&source, registry, &to, &options).await.unwrap();
        assert_eq!(shape_of(&source_of(registry, &to)).await, whole);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_names_what_is_not_there_is_told_and_the_rest_is_moved() {
    let Some(server) = Distribution::start() else {
        return;
    };
    let scratch = tempfile::tempdir().unwrap();
    let anyone = client(Credentials::none());
    let at: Reference = format!("{}/app:v1", server.host()).parse().unwrap();
    let index = sealed_index(&anyone, &at, scratch.path()).await;
    let gone = anyone.referrers(&at, &index.digest, None).await.unwrap();
    let gone = &gone[0].digest;
    assert!(anyone.delete(&at.by_digest(gone.clone())).await.unwrap());
    let source = source_of(&anyone, &at);
    let node = tree(&source).await.unwrap();
    assert_eq!((node.referrers.len(), node.problems.len()), (1, 1));
    let bundles = source.bundles(&index.digest).await.unwrap();
    assert_eq!((bundles.found.len(), bundles.unreadable.len()), (1, 1));
    let ours = Ours::new().await;
    let to = ours.reference("app:v1");
    let options = CopyOptions::default();
    let copied = copy(&source, &ours.client, &to, &options).await.unwrap();
    assert_eq!(copied.problems.len(), 1);
    assert_eq!(copied.problems[0].0.digest, *gone);
    let there = ours.client.referrers(&to, &index.digest, None).await;
    assert_eq!(there.unwrap().len(), 1);
}
