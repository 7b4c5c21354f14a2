//! Published attacks on cosign by the registry that it reads from: attachments
//! without end, and manifests that list signatures without end. Each is refused
//! before it is read, by what its descriptor says, or cut off where it lies.

use super::{anyone, attaching, endless, list, manifest};
use crate::server::{Scripted, reply};
use bulla_core::{Descriptor, Diagnose as _, Digest, Reference, descriptor::media_type};
use bulla_oci::{
    ClientError, EvidenceSource, Registry,
    cosign::{LegacySet, NewLayer, Slot},
    tree::tree,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const GIB: u64 = 1 << 30;

fn subject() -> Digest {
    Digest::sha256(manifest().as_bytes())
}

/// A registry in which this hangs on the image: a bundle, and the layers of both
/// old tags. Whatever blob is asked for never ends.
async fn hanging(bundle: Descriptor, layers: &[Descriptor]) -> Scripted {
    let mut attached: Value =
        serde_json::from_str(&attaching(&subject(), media_type::BUNDLE)).unwrap();
    attached["layers"] = json!([bundle]);
    let attached = attached.to_string();
    let mut entry = Descriptor::of(media_type::MANIFEST, attached.as_bytes());
    entry.artifact_type = Some(media_type::BUNDLE.into());
    let tagged = |slot: Slot| {
        let fits = |layer: &&Descriptor| slot.holds(&layer.media_type);
        let layers: Vec<_> = layers.iter().filter(fits).collect();
        json!({
            "schemaVersion": 2, "mediaType": media_type::MANIFEST,
            "config": Descriptor::of(media_type::CONFIG, b"{}"), "layers": layers,
        })
        .to_string()
    };
    let mut manifests = BTreeMap::from([
        ("v1".to_owned(), manifest()),
        (subject().to_string(), manifest()),
        (entry.digest.to_string(), attached),
    ]);
    for slot in [Slot::Signatures, Slot::Attestations] {
        manifests.insert(slot.tag(&subject()), tagged(slot));
    }
    let entries = list(&[entry]);
    Scripted::new(move |request| {
        let path = request.uri().path();
        let name = path.rsplit('/').next().unwrap();
        match manifests.get(name) {
            _ if path.contains("/blobs/") => reply(200, &[], endless()),
            _ if path.contains("/referrers/") => {
                reply(200, &[("content-type", media_type::INDEX)], entries.clone())
            }
            Some(text) => reply(200, &[("content-type", media_type::MANIFEST)], text.clone()),
            None => reply(404, &[], ""),
        }
    })
    .await
}

/// A layer for each of the old tags, and a bundle, that say they are so large.
fn stating(size: u64) -> (Descriptor, [Descriptor; 2]) {
    let mut all = [
        Descriptor::of(media_type::BUNDLE, b"{}"),
        NewLayer::signature("{}", "c2ln").descriptor(),
        NewLayer::attestation("{}", "https://example.com/review").descriptor(),
    ];
    for descriptor in &mut all {
        descriptor.size = size;
    }
    let [bundle, signature, attestation] = all;
    (bundle, [signature, attestation])
}

fn blobs(server: &Scripted) -> usize {
    let asked = server.asked();
    let blobs = asked.iter().filter(|(_, path, _)| path.contains("/blobs/"));
    blobs.count()
}

/// What each way of reading what hangs on the image gives: nothing, and why.
async fn unreadable(client: &Registry, at: &Reference) -> Vec<String> {
    let mut codes = Vec::new();
    let limit = bulla_core::limits::BUNDLE_BYTES;
    let bundles = client
        .attachments(at, &subject(), media_type::BUNDLE, limit)
        .await
        .unwrap();
    assert!(bundles.found.is_empty(), "{bundles:?}");
    codes.extend(bundles.unreadable.into_iter().map(|(_, error)| error));
    for slot in [Slot::Signatures, Slot::Attestations] {
        match client.legacy(at, &subject(), slot).await {
            Ok(set) => {
                let LegacySet {
                    layers, unreadable, ..
                } = set.unwrap();
                assert!(layers.is_empty(), "{layers:?}");
                codes.extend(unreadable.into_iter().map(|(_, error)| error));
            }
            Err(error) => codes.push(error),
        }
    }
    let seals = client.seals(at, &subject()).await.unwrap();
    assert!(seals.bundles.is_empty(), "{seals:?}");
    assert!(seals.signatures.is_empty() && seals.attestations.is_empty());
    codes.extend(seals.unreadable.into_iter().map(|(_, error)| error));
    codes
        .iter()
        .map(|error| error.code().0.to_owned())
        .collect()
}

#[tokio::test]
async fn cve_2024_29902_a_huge_attachment_is_refused_before_it_is_read() {
    // More than one document may be, more than one image may have, and all there is.
    for size in [16 << 20 | 1, 65 << 20, 1_000 * GIB, u64::MAX] {
        let (bundle, layers) = stating(size);
        let server = hanging(bundle, &layers).await;
        let at = server.reference("app:v1");
        let codes = unreadable(&anyone(), &at).await;
        assert_eq!(codes.len(), 6, "{size}: {codes:?}");
        assert_eq!(blobs(&server), 0, "{size}: nothing was asked for");
    }
}

#[tokio::test]
async fn cve_2024_29902_an_attachment_that_never_ends_is_cut_where_it_was_said_to_end() {
    let (bundle, layers) = stating(100);
    let server = hanging(bundle, &layers).await;
    let at = server.reference("app:v1");
    let codes = unreadable(&anyone(), &at).await;
    assert_eq!(codes, ["OCI-0077"; 6]);
    assert_eq!(blobs(&server), 6);
}

#[tokio::test]
async fn cve_2024_29903_many_signatures_in_one_manifest_are_too_many() {
    let (bundle, _) = stating(100);
    let layers = |count: usize| -> Vec<Descriptor> {
        let one = |n: usize| {
            [
                NewLayer::signature(n.to_string(), "c2ln").descriptor(),
                NewLayer::attestation(n.to_string(), "https://example.com/review").descriptor(),
            ]
        };
        (0..count).flat_map(one).collect()
    };
    // 10,000 fill a manifest; more than it may be long, and more than it may list.
    for (count, code) in [(1_001, "OCI-0209"), (10_000, "OCI-0209"), (17_000, "")] {
        let server = hanging(bundle.clone(), &layers(count)).await;
        let (at, client) = (server.reference("app:v1"), anyone());
        for slot in [Slot::Signatures, Slot::Attestations] {
            let error = client.legacy(&at, &subject(), slot).await.unwrap_err();
            match code {
                "" => assert!(
                    matches!(
                        error,
                        ClientError::Manifest(_) | ClientError::Http(_) | ClientError::Limit(_)
                    ),
                    "{error:?}"
                ),
                code => assert_eq!(error.code().0, code, "{error}"),
            }
        }
        assert_eq!(blobs(&server), 0, "{count}: none of them was asked for");
        let source = EvidenceSource::Registry {
            registry: &client,
            image: &at,
            evidence: &at,
        };
        assert!(tree(&source).await.is_err(), "{count}");
    }
}

#[tokio::test]
async fn cve_2024_29903_many_large_signatures_have_one_budget_before_any_is_read() {
    let (bundle, _) = stating(100);
    let layers: Vec<Descriptor> = (0..1_000)
        .map(|n| {
            let mut layer = NewLayer::signature(n.to_string(), "c2ln").descriptor();
            layer.size = 16 << 20; // each of them may be
            layer
        })
        .collect();
    let server = hanging(bundle, &layers).await;
    let (at, client) = (server.reference("app:v1"), anyone());
    let error = client.legacy(&at, &subject(), Slot::Signatures).await;
    let error = error.unwrap_err();
    assert!(matches!(error, ClientError::Budget { .. }), "{error}");
    assert_eq!(blobs(&server), 0);
}
