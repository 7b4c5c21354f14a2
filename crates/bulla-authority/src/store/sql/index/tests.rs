use super::*;
use crate::store::sql::run::{PART, Part};

fn identity(n: u64) -> [u8; 32] {
    bulla_crypto::merkle::leaf_hash(&n.to_be_bytes())
}

/// A run that holds each 997th entry only, which is enough to look for.
fn run(first: u64, count: u64) -> Arc<Run> {
    let mut records: Vec<Record> = (0..count)
        .filter(|n| (first + n).is_multiple_of(997))
        .map(|n| Record {
            key: key(&identity(first + n)),
            place: u32::try_from(n).unwrap(),
        })
        .collect();
    records.sort_unstable();
    let parts = records.chunks(PART).filter_map(Part::build);
    Arc::new(Run {
        first,
        count,
        parts: parts.map(|(part, _)| part).collect(),
    })
}

fn known(index: &Index, n: u64) -> bool {
    match index.find(&identity(n)) {
        Found::At(at) => at == n,
        Found::Maybe(candidates) => !candidates.is_empty(),
    }
}

#[test]
fn entries_are_found_while_they_move_into_a_run() {
    let mut index = Index::new(Vec::new());
    let recent = RECENT as u64;
    (0..recent - 1).for_each(|n| index.push(identity(n)));
    assert!(index.freeze().is_none());
    index.push(identity(recent - 1));
    let stretch = index.freeze().unwrap();
    assert_eq!((stretch.first, stretch.count), (0, recent));
    index.push(identity(recent));
    assert!((0..=recent).step_by(997).all(|n| known(&index, n)));
    // Until it is stored, the same stretch is tried again.
    assert!(Arc::ptr_eq(&index.freeze().unwrap(), &stretch));
    assert_eq!(stretch.records().len(), RECENT);
    index.thaw(run(0, recent));
    assert!(index.freeze().is_none());
    assert_eq!(index.covered(), recent + 1);
    assert!((0..=recent).step_by(997).all(|n| known(&index, n)));
    assert!(!known(&index, recent + 1));
}

#[test]
fn runs_of_one_length_are_merged() {
    let count = RECENT as u64;
    let big = run(0, 8 * count);
    let mut runs = vec![big.clone()];
    runs.extend((8..15).map(|n| run(n * count, count)));
    let mut index = Index::new(runs);
    assert!(index.mergeable().is_none(), "seven are too few");
    (0..count).for_each(|n| index.push(identity(15 * count + n)));
    index.freeze().unwrap();
    index.thaw(run(15 * count, count));
    let small = index.mergeable().unwrap();
    assert_eq!((small.len(), small[0].first), (8, 8 * count));
    index.merged(run(8 * count, 8 * count));
    assert!(index.mergeable().is_none());
    assert_eq!(index.covered(), 16 * count);
    assert!((0..16 * count).step_by(997).all(|n| known(&index, n)));
}

#[test]
fn of_two_entries_with_one_identity_the_first_counts() {
    let mut index = Index::new(Vec::new());
    [1, 2, 1].into_iter().for_each(|n| index.push(identity(n)));
    assert!(matches!(index.find(&identity(1)), Found::At(0)));
    assert_eq!(index.covered(), 3);
}
