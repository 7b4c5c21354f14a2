use proptest::prelude::*;

use super::*;

fn entry(bytes: Vec<u8>, implied: bool) -> NewEntry {
    let identity = if implied { leaf_hash(&bytes) } else { [7; 32] };
    NewEntry {
        identity,
        bytes: bytes.into(),
    }
}

#[test]
fn text_becomes_shorter_and_noise_does_not_become_longer() {
    let text: Vec<_> = (0..64)
        .map(|n| {
            entry(
                format!("{{\"kind\":\"hashedrekord\",\"n\":{n}}}").into(),
                true,
            )
        })
        .collect();
    let plain: usize = text.iter().map(|entry| entry.bytes.len()).sum();
    let packed = pack(&text);
    assert!(packed.bytes.len() * 3 < plain);
    assert!(packed.identities.is_none());
    let noise = bulla_crypto::random::bytes::<4096>().unwrap().to_vec();
    assert_eq!(pack(&[entry(noise, false)]).bytes.len(), 4100);
}

proptest! {
    #[test]
    fn what_is_packed_comes_back(entries in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), any::<bool>()), 1..40)) {
        let entries: Vec<_> = entries.into_iter().map(|(bytes, implied)| entry(bytes, implied)).collect();
        let packed = pack(&entries);
        let back = unpack(packed.encoding, entries.len(), packed.bytes.clone()).unwrap();
        prop_assert_eq!(&back, &entries.iter().map(|entry| entry.bytes.clone()).collect::<Vec<_>>());
        let all: Vec<u8> = entries.iter().flat_map(|entry| entry.identity).collect();
        let implied = entries.iter().all(|entry| entry.identity == leaf_hash(&entry.bytes));
        prop_assert_eq!(packed.identities, (!implied).then_some(all));
        prop_assert!(unpack(packed.encoding, entries.len() + 1, packed.bytes).is_none());
    }

    #[test]
    fn damage_never_panics(encoding in -1i64..5, count in 0usize..600, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Some(entries) = unpack(encoding, count, bytes) {
            prop_assert_eq!(entries.len(), count);
        }
    }
}
