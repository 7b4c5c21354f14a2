//! The old layout: our writing in cosign's hands and the other way round, and
//! many who write the same tag.

use crate::{
    clients::run,
    ours::image,
    server::{Ours, Scripted, client, log_in, reply},
};
use axum::body::Body;
use bulla_core::{Descriptor, Diagnose as _, Digest, Reference, descriptor::media_type};
use bulla_oci::{
    Artifact, ClientError, Credentials, Limits, Manifest, Registry,
    cosign::{Existing, NewLayer, Slot, annotation},
};
use bulla_testkit::{Distribution, require};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A registry of one kind with an image in it.
struct Place {
    client: Registry,
    at: Reference,
    image: Descriptor,
    home: PathBuf,
    _keep: Box<dyn std::any::Any>,
}

impl Place {
    async fn ours() -> Self {
        let ours = Ours::new().await;
        let (client, address) = (ours.client.clone(), ours.address.clone());
        let home = ours.scratch.path().to_owned();
        log_in(&home, &address);
        Self::with(client, &address, home, Box::new(ours)).await
    }

    async fn distribution() -> Option<Self> {
        let server = Distribution::start()?;
        let scratch = tempfile::tempdir().unwrap();
        let (client, address) = (client(Credentials::none()), server.host());
        let home = scratch.path().to_owned();
        Some(Self::with(client, &address, home, Box::new((server, scratch))).await)
    }

    async fn both() -> Vec<Self> {
        let mut all = vec![Self::ours().await];
        all.extend(Self::distribution().await);
        all
    }

    async fn with(
        client: Registry,
        address: &str,
        home: PathBuf,
        keep: Box<dyn std::any::Any>,
    ) -> Self {
        let at: Reference = format!("{address}/team/app:v1").parse().unwrap();
        let made = image(&home.join("image"), b"content");
        client
            .push(&made.layout, &made.descriptor, &at)
            .await
            .unwrap();
        Self {
            client,
            at,
            image: made.descriptor,
            home,
            _keep: keep,
        }
    }

    fn digest(&self) -> &Digest {
        &self.image.digest
    }

    fn pinned(&self) -> String {
        self.at.by_digest(self.digest().clone()).to_string()
    }
}

fn seal(n: usize) -> NewLayer {
    NewLayer::signature("the same payload", &format!("signature {n}"))
}

async fn signatures(place: &Place) -> BTreeSet<String> {
    let set = place
        .client
        .legacy(&place.at, place.digest(), Slot::Signatures);
    let set = set.await.unwrap().unwrap();
    assert!(set.unreadable.is_empty(), "{:?}", set.unreadable);
    let layers = set.layers.iter();
    layers
        .map(|layer| layer.annotations[annotation::SIGNATURE].clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn seals_are_added_beside_those_that_are_there() {
    for place in Place::both().await {
        let (client, at, digest) = (&place.client, &place.at, place.digest());
        let none = client.legacy(at, digest, Slot::Signatures).await.unwrap();
        assert!(none.is_none());
        let add = |n| {
            let layers = [seal(n)];
            async move {
                let (slot, keep) = (Slot::Signatures, Existing::Keep);
                client.add_legacy(at, digest, slot, &layers, keep).await
            }
        };
        let first = add(1).await.unwrap();
        assert_eq!(add(1).await.unwrap(), first, "once more changes nothing");
        let second = add(2).await.unwrap();
        assert_ne!(second.digest, first.digest);
        assert_eq!(add(1).await.unwrap().digest, second.digest);
        let all = ["signature 1", "signature 2"].map(String::from);
        assert_eq!(signatures(&place).await, all.into());
        // In another repository, which holds no image.
        let apart: Reference = format!("{}/seals", at.registry()).parse().unwrap();
        let (slot, layers) = (Slot::Sboms, [NewLayer::sbom("text/spdx+json", "{}")]);
        let added = client.add_legacy(&apart, digest, slot, &layers, Existing::Keep);
        added.await.unwrap();
        let set = client.legacy(&apart, digest, slot).await.unwrap().unwrap();
        assert_eq!(set.layers[0].bytes, b"{}");
        assert!(client.legacy(at, digest, slot).await.unwrap().is_none());
        // Under tags with a prefix.
        let prefixed = client.clone().with_tag_prefix("ours-");
        let added = prefixed.add_legacy(at, digest, slot, &layers, Existing::Keep);
        added.await.unwrap();
        let set = prefixed.legacy(at, digest, slot).await.unwrap().unwrap();
        assert!(set.place.contains(":ours-sha256-"), "{}", set.place);
        assert!(client.legacy(at, digest, slot).await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attestations_are_replaced_where_the_registry_lets_them_go() {
    for (n, place) in Place::both().await.into_iter().enumerate() {
        let (client, at, digest) = (&place.client, &place.at, place.digest());
        let (p, q) = ("https://example/p", "https://example/q");
        let slot = Slot::Attestations;
        let old = [
            NewLayer::attestation("{\"old\":1}", p),
            NewLayer::attestation("{\"other\":1}", q),
        ];
        let added = client.add_legacy(at, digest, slot, &old, Existing::Keep);
        added.await.unwrap();
        let new = [NewLayer::attestation("{\"new\":1}", p)];
        let replaced = client.add_legacy(at, digest, slot, &new, Existing::ReplacePredicate);
        let replaced = replaced.await;
        let set = client.legacy(at, digest, slot).await.unwrap().unwrap();
        let found: Vec<_> = set.layers.iter().map(|l| l.bytes.as_slice()).collect();
        if n > 0 {
            replaced.unwrap();
            assert_eq!(found, [&b"{\"other\":1}"[..], b"{\"new\":1}"]);
            continue;
        }
        let error = replaced.unwrap_err();
        assert!(matches!(error, ClientError::AppendOnly { .. }), "{error}");
        assert!(error.hint().unwrap().contains("--replace"));
        assert_eq!(found, [&b"{\"old\":1}"[..], b"{\"other\":1}"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_at_once_lose_no_seal_on_our_registry() {
    let place = Place::ours().await;
    // Each with a client of its own: as good as a process of its own.
    let writers = (0..8).map(|n| {
        let pair = crate::server::credential();
        let client = client(Credentials::one(place.at.registry(), pair));
        let (at, digest) = (place.at.clone(), place.digest().clone());
        tokio::spawn(async move {
            let layers = [seal(n)];
            let (slot, keep) = (Slot::Signatures, Existing::Keep);
            client.add_legacy(&at, &digest, slot, &layers, keep).await
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap().unwrap();
    }
    let all: BTreeSet<_> = (0..8).map(|n| format!("signature {n}")).collect();
    assert_eq!(signatures(&place).await, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_loses_no_seal_on_a_registry_that_overwrites() {
    let Some(place) = Place::distribution().await else {
        return;
    };
    let writers = (0..6).map(|n: usize| {
        let (client, at) = (place.client.clone(), place.at.clone());
        let image = place.image.clone();
        tokio::spawn(async move {
            let layers = [seal(n)];
            let (slot, keep) = (Slot::Signatures, Existing::Keep);
            let added = client.add_legacy(&at, &image.digest, slot, &layers, keep);
            added.await.unwrap();
            let created = jiff::Timestamp::UNIX_EPOCH;
            let bundle = Artifact::bundle(format!("{{\"n\":{n}}}"), "https://example/p", created);
            client.attach(&at, &image, &bundle).await.unwrap()
        })
    });
    let mut attached = BTreeSet::new();
    for writer in writers.collect::<Vec<_>>() {
        attached.insert(writer.await.unwrap().digest);
    }
    let all: BTreeSet<_> = (0..6).map(|n| format!("signature {n}")).collect();
    assert_eq!(signatures(&place).await, all);
    // The list is the fallback tag's, with types and annotations.
    let tag = place.at.by_tag(&place.digest().fallback_tag()).unwrap();
    let fetched = place.client.manifest(&tag).await.unwrap();
    let Manifest::Index(index) = fetched.manifest else {
        panic!("not an index");
    };
    for entry in &index.manifests {
        assert_eq!(entry.artifact_type.as_deref(), Some(media_type::BUNDLE));
        let predicate = &entry.annotations["dev.sigstore.bundle.predicateType"];
        assert_eq!(predicate, "https://example/p");
    }
    let listed: BTreeSet<_> = index.manifests.into_iter().map(|e| e.digest).collect();
    assert_eq!(listed, attached);
}

/// A registry that keeps manifests by name, and lets another client write the
/// tag right after our first write.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_writer_overwrote_is_added_again() {
    type Manifests = Mutex<std::collections::BTreeMap<String, Vec<u8>>>;
    let kept: Arc<Manifests> = Arc::default();
    let writes = Arc::new(AtomicUsize::new(0));
    let (state, count) = (kept.clone(), writes.clone());
    let router = axum::Router::new().fallback(move |request: axum::extract::Request| {
        let (kept, writes) = (state.clone(), count.clone());
        async move {
            let name = request.uri().path().rsplit('/').next().unwrap().to_owned();
            let is_manifest = request.uri().path().contains("/manifests/");
            let method = request.method().clone();
            let body = axum::body::to_bytes(request.into_body(), 1 << 20).await;
            match (method.as_str(), is_manifest) {
                ("PUT", true) => {
                    let ours = body.unwrap().to_vec();
                    let theirs = match writes.fetch_add(1, Ordering::SeqCst) {
                        0 => theirs(),
                        _ => ours,
                    };
                    kept.lock().unwrap().insert(name, theirs);
                    reply(201, &[], "")
                }
                ("GET", true) => match kept.lock().unwrap().get(&name) {
                    Some(bytes) => {
                        let kind = [("content-type", media_type::MANIFEST)];
                        reply(200, &kind, Body::from(bytes.clone()))
                    }
                    None => reply(404, &[], ""),
                },
                ("POST", _) => reply(202, &[("location", "/v2/app/blobs/uploads/1")], ""),
                ("PUT", _) => reply(201, &[], ""),
                _ => reply(404, &[], ""),
            }
        }
    });
    let address = crate::server::serve(router).await;
    let at: Reference = format!("{address}/app:v1").parse().unwrap();
    let (client, subject) = (client(Credentials::none()), Digest::sha256(b"subject"));
    let layers = [seal(1)];
    let added = client.add_legacy(&at, &subject, Slot::Signatures, &layers, Existing::Keep);
    added.await.unwrap();
    assert_eq!(writes.load(Ordering::SeqCst), 2);
    let kept = kept.lock().unwrap();
    let text = String::from_utf8(kept[&Slot::Signatures.tag(&subject)].clone()).unwrap();
    assert!(text.contains("signature 1") && text.contains("signature of theirs"));
}

fn theirs() -> Vec<u8> {
    let layer = NewLayer::signature("payload", "signature of theirs").descriptor();
    serde_json::to_vec(&serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST,
        "config": Descriptor::of(media_type::CONFIG, b"{}"), "layers": [layer],
    }))
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_others_always_overwrite_is_given_up() {
    let server = Scripted::new(|request| {
        let is_manifest = request.uri().path().contains("/manifests/");
        match (request.method().as_str(), is_manifest) {
            ("GET", true) => reply(200, &[("content-type", media_type::MANIFEST)], theirs()),
            ("POST", _) => reply(202, &[("location", "/v2/app/blobs/uploads/1")], ""),
            ("PUT", _) => reply(201, &[], ""),
            _ => reply(404, &[], ""),
        }
    })
    .await;
    let (at, subject) = (server.reference("app:v1"), Digest::sha256(b"subject"));
    let client = client(Credentials::none());
    let layers = [seal(1)];
    let added = client.add_legacy(&at, &subject, Slot::Signatures, &layers, Existing::Keep);
    let error = added.await.unwrap_err();
    assert!(matches!(error, ClientError::Contended { .. }), "{error}");
}

/// Which cosigns are here.
pub(crate) fn cosigns() -> Vec<PathBuf> {
    let both = [require("cosign"), require("cosign2")];
    both.into_iter().flatten().collect()
}

pub(crate) async fn key_pair(cosign: &Path, home: &Path) -> (String, String) {
    let prefix = format!("--output-key-prefix={}", home.join("cosign").display());
    if !home.join("cosign.key").exists() {
        run(cosign, &["generate-key-pair", &prefix], home).await;
    }
    (
        format!("--key={}", home.join("cosign.key").display()),
        format!("--key={}", home.join("cosign.pub").display()),
    )
}

/// `sign` and the like with flags that make either cosign write the old layout.
pub(crate) async fn old(cosign: &Path, arguments: &[&str], home: &Path) -> String {
    let mut all = arguments.to_vec();
    if !cosign.to_string_lossy().contains("cosign2") {
        all.push("--new-bundle-format=false");
        if arguments.contains(&"-y") {
            all.push("--use-signing-config=false");
        }
    }
    run(cosign, &all, home).await
}

#[tokio::test(flavor = "multi_thread")]
async fn cosign_reads_what_we_write_and_we_read_what_it_writes() {
    for cosign in cosigns() {
        for place in Place::both().await {
            let (client, at, digest) = (&place.client, &place.at, place.digest());
            let home = place.home.as_path();
            let (key, public) = key_pair(&cosign, home).await;
            let name = place.pinned();
            for n in ["n=1", "n=2"] {
                let sign = ["sign", "-y", "--tlog-upload=false", "-a", n, &key, &name];
                old(&cosign, &sign, home).await;
            }
            let predicate = home.join("predicate.json");
            std::fs::write(&predicate, "{}").unwrap();
            let predicate = format!("--predicate={}", predicate.display());
            let attest = ["attest", "-y", "--tlog-upload=false", &predicate];
            let attest = [&attest[..], &["--type=https://example/p", &key, &name]].concat();
            old(&cosign, &attest, home).await;

            // What we would have written is what cosign wrote, to the byte.
            let apart = at.by_tag("v1").unwrap();
            let apart: Reference = format!("{}-apart:v1", apart.name()).parse().unwrap();
            let made = bulla_oci::Layout::open(&home.join("image")).unwrap();
            client.push(&made, &place.image, &apart).await.unwrap();
            for (slot, count) in [(Slot::Signatures, 2), (Slot::Attestations, 1)] {
                let set = client.legacy(at, digest, slot).await.unwrap().unwrap();
                assert_eq!((set.layers.len(), set.unreadable.len()), (count, 0));
                for layer in set.layers {
                    let layer = NewLayer {
                        media_type: layer.descriptor.media_type,
                        bytes: layer.bytes.into(),
                        annotations: layer.annotations,
                    };
                    let (layers, keep) = ([layer], Existing::Keep);
                    let added = client.add_legacy(&apart, digest, slot, &layers, keep);
                    added.await.unwrap();
                }
                let ours = client.legacy(&apart, digest, slot).await.unwrap().unwrap();
                let config = |place: &Reference| {
                    let tag = place.by_tag(&slot.tag(digest)).unwrap();
                    async move {
                        match client.manifest(&tag).await.unwrap().manifest {
                            Manifest::Image(manifest) => (manifest.config, manifest.layers),
                            Manifest::Index(_) => panic!("an index"),
                        }
                    }
                };
                assert_eq!(config(at).await, config(&apart).await);
                assert_eq!(ours.layers.len(), count);
            }
            let copied = apart.by_digest(digest.clone()).to_string();
            let check = [
                "verify",
                "-a",
                "n=2",
                &public,
                "--insecure-ignore-tlog",
                &copied,
            ];
            old(&cosign, &check, home).await;
            let check = ["verify-attestation", "--type=https://example/p", &public];
            let check = [&check[..], &["--insecure-ignore-tlog", &copied]].concat();
            old(&cosign, &check, home).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_signatures_as_referrers_are_found() {
    let Some(cosign) = require("cosign2") else {
        return;
    };
    for place in Place::both().await {
        let home = place.home.as_path();
        let (key, _) = key_pair(&cosign, home).await;
        let name = place.pinned();
        let sign = [
            "COSIGN_EXPERIMENTAL=1",
            &cosign.display().to_string(),
            "sign",
            "-y",
        ]
        .map(str::to_owned);
        let mode = ["--tlog-upload=false", "--registry-referrers-mode=oci-1-1"];
        let sign: Vec<&str> = sign.iter().map(String::as_str).collect();
        let sign = [&sign[..], &mode, &[&key, &name]].concat();
        run(Path::new("env"), &sign, home).await;
        let (client, at, digest) = (&place.client, &place.at, place.digest());
        let slot = Slot::Signatures;
        assert!(client.legacy(at, digest, slot).await.unwrap().is_none());
        let sets = client.legacy_referrers(at, digest, slot).await.unwrap();
        assert_eq!(sets.len(), 1);
        assert_eq!(sets[0].layers.len(), 1);
        let payload = String::from_utf8(sets[0].layers[0].bytes.clone()).unwrap();
        assert!(payload.contains(&digest.to_string()), "{payload}");
        let none = client.legacy_referrers(at, digest, Slot::Attestations);
        assert!(none.await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_layers_or_too_many_bytes_are_a_typed_error() {
    let layers: Vec<_> = (0..10_000).map(|n| seal(n).descriptor()).collect();
    let text = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST,
        "config": Descriptor::of(media_type::CONFIG, b"{}"), "layers": layers,
    });
    let text = text.to_string();
    let server = Scripted::new(
        move |request| match request.uri().path().contains("/manifests/") {
            true => reply(200, &[("content-type", media_type::MANIFEST)], text.clone()),
            false => reply(404, &[], ""),
        },
    )
    .await;
    let (at, subject) = (server.reference("app:v1"), Digest::sha256(b"subject"));
    let anyone = client(Credentials::none());
    let get = |client: Registry| {
        let (at, subject) = (at.clone(), subject.clone());
        async move { client.legacy(&at, &subject, Slot::Signatures).await }
    };
    let error = get(anyone.clone()).await.unwrap_err();
    assert!(
        matches!(error, ClientError::TooManyLayers { count: 10_000, .. }),
        "{error}"
    );
    assert_eq!(server.asked().len(), 1, "no layer was asked for");
    let limits = Limits {
        layers: 20_000,
        evidence_bytes: 10,
        ..Limits::default()
    };
    let error = get(anyone.within(limits)).await.unwrap_err();
    assert!(matches!(error, ClientError::Budget { .. }), "{error}");
    assert_eq!(server.asked().len(), 2);
}

/// `cosign copy` puts the image itself under the tag of the list of referrers.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_under_the_fallback_tag_is_no_list_and_gives_way_to_one() {
    let (Some(cosign), Some(place)) = (require("cosign"), Place::distribution().await) else {
        return;
    };
    let (client, digest) = (&place.client, place.digest());
    let to: Reference = format!("{}-copied:v1", place.at.name()).parse().unwrap();
    let copy = ["copy", &place.at.to_string(), &to.to_string()];
    run(&cosign, &copy, &place.home).await;
    let tag = to.by_tag(&digest.fallback_tag()).unwrap();
    assert_eq!(client.resolve(&tag).await.unwrap().digest, *digest);
    let none = client.referrers(&to, digest, None).await.unwrap();
    assert!(none.is_empty());
    let bundle = Artifact::bundle("{}", "https://example/p", jiff::Timestamp::UNIX_EPOCH);
    let attached = client.attach(&to, &place.image, &bundle).await.unwrap();
    let listed = client.referrers(&to, digest, None).await.unwrap();
    assert_eq!(listed, [attached]);
    client.resolve(&to).await.unwrap();
}
