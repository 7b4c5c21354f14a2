use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn names_come_back(index: u64, kind in -1..5_i16, digest: [u8; 32]) {
        let name = name("log-v2", kind, index, &digest).unwrap();
        let found = parse(&folder("log-v2", kind), &name);
        prop_assert_eq!(found, Some((index, digest)));
    }

    #[test]
    fn bundles_come_back_and_garbage_does_not_panic(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
        garbage in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let entries: Vec<Bytes> = entries.into_iter().map(Bytes::from).collect();
        prop_assert_eq!(unbundle(bundle(&entries)), Some(entries));
        let _ = unbundle(garbage.into());
    }
}

#[test]
fn names_of_others_are_not_ours() {
    let at = |name: &str| parse("log/entries", &ObjectName::new(name).unwrap());
    let digest = "00".repeat(32);
    assert_eq!(at(&format!("log/entries/007.{digest}")), Some((7, [0; 32])));
    for other in ["7", "0007", "x000/007", "x7/007", "007/007", "readme"] {
        assert_eq!(
            at(&format!("log/entries/{other}.{digest}")),
            None,
            "{other}"
        );
    }
    assert_eq!(at("log/entries/007.00"), None);
    assert_eq!(at(&format!("log/entries2/007.{digest}")), None);
}
