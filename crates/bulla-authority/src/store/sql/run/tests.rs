use proptest::prelude::*;

use super::*;

fn run(mut records: Vec<Record>) -> (Arc<Run>, Vec<StoredPart>) {
    records.sort_unstable();
    let built: Vec<_> = records.chunks(PART).filter_map(Part::build).collect();
    let (parts, stored) = built.into_iter().unzip();
    let count = records.len() as u64;
    let first = 0;
    (
        Arc::new(Run {
            first,
            count,
            parts,
        }),
        stored,
    )
}

fn find(run: &Arc<Run>, stored: &[StoredPart], key: u64) -> Vec<u32> {
    let candidates = run.candidates(key);
    candidates
        .flat_map(|candidate| places(&stored[candidate.part].records, key).unwrap())
        .collect()
}

#[test]
fn a_new_key_is_seldom_read_for() {
    let keys = |seed: u64| {
        (0..20_000u32).map(move |n| {
            let identity = bulla_crypto::merkle::leaf_hash(
                &[seed.to_be_bytes(), u64::from(n).to_be_bytes()].concat(),
            );
            Record {
                key: key(&identity),
                place: n,
            }
        })
    };
    let (run, stored) = run(keys(1).collect());
    assert_eq!(run.parts.len(), 3);
    for record in keys(1) {
        assert_eq!(find(&run, &stored, record.key), [record.place]);
    }
    let read: usize = keys(2)
        .map(|record| run.candidates(record.key).count())
        .sum();
    assert!(read < 60, "{read} of 20,000 new keys would be read for");
}

#[test]
fn levels_count_merges() {
    let level = |count| {
        let (first, parts) = (0, Vec::new());
        Run {
            first,
            count,
            parts,
        }
        .level(100, 8)
    };
    assert_eq!(
        [1, 100, 799, 800, 6_399, 6_400].map(level),
        [0, 0, 0, 1, 1, 2]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    // Few different keys: equal ones cross the borders of parts.
    #[test]
    fn every_place_of_a_key_is_found(keys in prop::collection::vec(0u64..40, 1..30_000)) {
        let records: Vec<_> = keys.iter().zip(0..).map(|(key, place)| Record { key: *key, place }).collect();
        let (run, stored) = run(records.clone());
        let loaded = Arc::new(Run {
            first: 0,
            count: run.count,
            parts: stored.iter().map(|part| Part::load(&part.filter).unwrap()).collect(),
        });
        for key in 0..41 {
            let expected: Vec<u32> = records.iter().filter(|r| r.key == key).map(|r| r.place).collect();
            prop_assert_eq!(find(&run, &stored, key), expected.clone());
            prop_assert_eq!(find(&loaded, &stored, key), expected);
        }
    }

    #[test]
    fn damage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), key in any::<u64>()) {
        let _ = places(&bytes, key);
        if let Some(part) = Part::load(&bytes) {
            let _ = may_hold(&part.filter, key);
        }
    }
}
