use super::*;
use crate::cosign::NewLayer;
use proptest::prelude::*;

const P: &str = "https://example/p";

fn layer(text: &str, signature: &str) -> Descriptor {
    NewLayer::signature(text.to_owned(), signature).descriptor()
}

fn first(add: &[Descriptor]) -> ImageManifest {
    let grown = grown(None, add, Existing::Keep, 100, "x").unwrap();
    grown.unwrap().manifest
}

#[test]
fn the_configuration_is_that_of_cosign_to_the_byte() {
    // As cosign 3.1.3 wrote it for two signatures.
    let mut two = [layer("a", "x"), layer("b", "y")];
    let digests = [
        "sha256:910a77fbee79fe7c75b13f7c5d136fafac0548f5f860c5a1ad0041abf8f2a903",
        "sha256:9ed373841b5b582a27509c0d838b9c7d36d6e97bb75458de5d64c0c8f5a15aff",
    ];
    for (layer, digest) in two.iter_mut().zip(digests) {
        layer.digest = digest.parse().unwrap();
    }
    let config = config(&two);
    assert_eq!(config.len(), 342);
    assert_eq!(
        bulla_core::Digest::sha256(&config).to_string(),
        "sha256:8d80dde08667f533b1d0c8d7ab12d5358a20408a405fe3a6d17b1f609e7c3cb2"
    );
}

#[test]
fn one_payload_signed_twice_is_two_layers_and_the_same_seal_once_more_is_none() {
    let one = first(&[layer("payload", "x")]);
    let again = |signature| {
        let now = Manifest::Image(one.clone());
        let add = [layer("payload", signature)];
        grown(Some(&now), &add, Existing::Keep, 100, "x").unwrap()
    };
    assert!(again("x").is_none());
    let two = again("y").unwrap().manifest;
    assert_eq!(two.layers.len(), 2);
    assert_eq!(two.layers[0], one.layers[0]);
    assert_eq!(two.config.media_type, media_type::CONFIG);
}

#[test]
fn a_replacement_takes_the_place_of_its_own_predicate_type_only() {
    let attestation =
        |text: &str, kind: &str| NewLayer::attestation(text.to_owned(), kind).descriptor();
    let now = first(&[
        attestation("old", P),
        attestation("other", "https://example/q"),
        layer("none", "z"),
    ]);
    let now = Manifest::Image(now);
    let add = [attestation("new", P)];
    let replaced = grown(Some(&now), &add, Existing::ReplacePredicate, 100, "x");
    let replaced = replaced.unwrap().unwrap().manifest;
    let digests: Vec<_> = replaced.layers.iter().map(|l| l.digest.clone()).collect();
    let of = |text: &str| bulla_core::Digest::sha256(text.as_bytes());
    assert_eq!(digests, [of("other"), of("none"), of("new")]);
    let done = Manifest::Image(replaced);
    let once_more = grown(Some(&done), &add, Existing::ReplacePredicate, 100, "x");
    assert!(once_more.unwrap().is_none());
}

#[test]
fn what_is_no_image_or_too_long_does_not_grow() {
    let index = Manifest::Index(crate::manifest::ImageIndex::of(Vec::new()));
    let add = [layer("a", "x")];
    assert!(grown(Some(&index), &add, Existing::Keep, 100, "x").is_err());
    let now = Manifest::Image(first(&[layer("a", "x"), layer("b", "x")]));
    let more = [layer("c", "x")];
    let error = grown(Some(&now), &more, Existing::Keep, 2, "x").err();
    assert!(matches!(
        error,
        Some(ClientError::TooManyLayers {
            count: 3,
            limit: 2,
            ..
        })
    ));
}

proptest! {
    /// Whoever merges, in whatever order, nothing that was there is lost.
    #[test]
    fn merging_loses_nothing(there in proptest::collection::vec("[a-d]{1}", 0..6),
                             new in proptest::collection::vec("[a-d]{1}", 1..6)) {
        let layers = |texts: &[String]| -> Vec<Descriptor> {
            texts.iter().map(|text| layer(text, text)).collect()
        };
        let new = first(&layers(&new));
        let old = (!there.is_empty()).then(|| first(&layers(&there)));
        let old = old.map(Manifest::Image);
        let done = match merged(old.as_ref(), &new, 100, "x").unwrap() {
            Some(growth) => growth.manifest,
            None => match old.clone() { Some(Manifest::Image(old)) => old, _ => unreachable!() },
        };
        if let Some(Manifest::Image(old)) = &old {
            prop_assert_eq!(&done.layers[..old.layers.len()], &old.layers[..]);
        }
        for layer in &new.layers {
            prop_assert_eq!(done.layers.iter().filter(|l| same(l, layer)).count(), 1);
        }
        let again = merged(Some(&Manifest::Image(done)), &new, 100, "x").unwrap();
        prop_assert!(again.is_none());
    }
}
