use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// The definitions of RFC 6962 §2.1, word for word.
mod naive {
    use super::*;

    fn split(n: usize) -> usize {
        let mut k = 1;
        while k * 2 < n {
            k *= 2;
        }
        k
    }

    pub(super) fn root(leaves: &[NodeHash]) -> NodeHash {
        match leaves {
            [] => empty_root(),
            [one] => *one,
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len()));
                node_hash(&root(left), &root(right))
            }
        }
    }

    pub(super) fn inclusion(m: usize, leaves: &[NodeHash]) -> Vec<NodeHash> {
        if leaves.len() <= 1 {
            return vec![];
        }
        let k = split(leaves.len());
        let (left, right) = leaves.split_at(k);
        let (mut path, other) = if m < k {
            (inclusion(m, left), root(right))
        } else {
            (inclusion(m - k, right), root(left))
        };
        path.push(other);
        path
    }

    pub(super) fn consistency(m: usize, leaves: &[NodeHash], whole: bool) -> Vec<NodeHash> {
        if m == leaves.len() {
            return if whole { vec![] } else { vec![root(leaves)] };
        }
        let k = split(leaves.len());
        let (left, right) = leaves.split_at(k);
        let (mut path, other) = if m <= k {
            (consistency(m, left, whole), root(right))
        } else {
            (consistency(m - k, right, false), root(left))
        };
        path.push(other);
        path
    }
}

struct Log {
    leaves: Vec<NodeHash>,
    frontier: Frontier,
    tiles: HashMap<(u8, u64), Vec<u8>>,
}

fn log(size: usize, batch: usize) -> Log {
    let leaves: Vec<_> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
    let mut frontier = Frontier::new();
    let mut tiles = HashMap::new();
    for (n, leaf) in leaves.iter().enumerate() {
        assert_eq!(frontier.append(*leaf), n as u64);
        if n % batch == 0 || n + 1 == size {
            for tile in frontier.full().into_iter().chain(frontier.edge()) {
                assert_eq!(tile.bytes.len(), usize::from(tile.id.width) * 32);
                assert_eq!(
                    frontier.tile(tile.id.level, tile.id.index).as_ref(),
                    Some(&tile.bytes)
                );
                tiles.insert((tile.id.level, tile.id.index), tile.bytes);
            }
            frontier.settle();
        }
    }
    Log {
        leaves,
        frontier,
        tiles,
    }
}

impl Log {
    fn resolve(&self, path: &Path) -> Vec<NodeHash> {
        path.resolve(|node| {
            let (level, index, ..) = tile_of(node);
            node_from_tile(node, &self.tiles[&(level, index)])
        })
        .unwrap()
    }
}

#[test]
fn what_was_just_appended_is_proven_without_a_store() {
    for (before, batch) in [(0, 1), (1, 1), (250, 300), (65_530, 1030), (66_000, 7)] {
        let mut frontier = Frontier::new();
        let mut leaves = Vec::new();
        for n in 0..before + batch {
            if n == before {
                frontier.settle();
            }
            let leaf = leaf_hash(&u64::to_be_bytes(n));
            leaves.push(leaf);
            frontier.append(leaf);
        }
        let (size, root) = (frontier.size(), frontier.root());
        for index in before..size {
            let missing = |node| MerkleError::MissingTile(format!("{node:?}"));
            let path = inclusion_path(index, size).unwrap();
            let proof = path
                .resolve(|node| frontier.node(node).ok_or_else(|| missing(node)))
                .unwrap();
            let leaf = &leaves[usize::try_from(index).unwrap()];
            verify_inclusion(leaf, index, size, &proof, &root).unwrap();
        }
    }
}

#[test]
fn known_roots() {
    // RFC 6962 test vectors as every implementation carries them.
    let leaves: Vec<Vec<u8>> = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
    ]
    .iter()
    .map(|text| hex::decode(text).unwrap())
    .collect();
    let mut frontier = Frontier::new();
    let mut roots = vec![hex::encode(frontier.root())];
    for leaf in &leaves {
        frontier.append(leaf_hash(leaf));
        roots.push(hex::encode(frontier.root()));
    }
    assert_eq!(
        roots[0],
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(
        roots[1],
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
    assert_eq!(
        roots[2],
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    );
    assert_eq!(
        roots[3],
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    );
    assert_eq!(
        roots[7],
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"
    );
}

#[test]
fn tile_paths() {
    let path = |index, width| {
        TileId {
            level: 0,
            index,
            width,
        }
        .path()
    };
    assert_eq!(path(1_234_067, 256), "0/x001/x234/067");
    assert_eq!(path(5, 7), "0/005.p/7");
    assert_eq!(parse_tile_path(b"x001/x234/067").unwrap(), (1_234_067, 256));
    assert_eq!(parse_tile_path(b"005.p/7").unwrap(), (5, 7));
    for bad in [
        "5",
        "x000/005",
        "001/005",
        "005.p/0",
        "005.p/256",
        "005.p/07",
        "../005",
        "x1/005",
        "",
    ] {
        assert!(parse_tile_path(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn tiles_across_a_second_level() {
    let log = log(256 * 256 + 300, 1000);
    assert_eq!(log.frontier.root(), naive::root(&log.leaves));
    let size = log.leaves.len() as u64;
    for index in [0, 255, 256, 65_535, 65_536, size - 1] {
        let proof = log.resolve(&inclusion_path(index, size).unwrap());
        let leaf = &log.leaves[usize::try_from(index).unwrap()];
        verify_inclusion(leaf, index, size, &proof, &log.frontier.root()).unwrap();
    }
    let again = Frontier::load(size, |tile| {
        log.tiles.get(&(tile.level, tile.index)).cloned()
    });
    assert_eq!(again.unwrap().root(), log.frontier.root());
    assert!(Frontier::load(size, |_| None).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn agrees_with_the_definition(size in 1usize..700, batch in 1usize..300, pick in any::<prop::sample::Index>()) {
        let log = log(size, batch);
        let root = naive::root(&log.leaves);
        prop_assert_eq!(log.frontier.root(), root);
        let index = pick.index(size);
        let proof = log.resolve(&inclusion_path(index as u64, size as u64).unwrap());
        prop_assert_eq!(&proof, &naive::inclusion(index, &log.leaves));
        let verify = |leaf: &NodeHash, index: usize, size: usize, proof: &[NodeHash]| {
            verify_inclusion(leaf, index as u64, size as u64, proof, &root)
        };
        prop_assert!(verify(&log.leaves[index], index, size, &proof).is_ok());
        prop_assert!(verify(&[0; 32], index, size, &proof).is_err());
        prop_assert!(verify(&log.leaves[index], size, size, &proof).is_err());
        let mut longer = proof.clone();
        longer.push([0; 32]);
        prop_assert!(verify(&log.leaves[index], index, size, &longer).is_err());
        if !proof.is_empty() {
            prop_assert!(verify(&log.leaves[index], index, size, &proof[1..]).is_err());
            prop_assert!(verify(&log.leaves[index], index ^ 1, size, &proof).is_err());
        }
    }

    #[test]
    fn consistency_agrees_with_the_definition(size in 1usize..700, pick in any::<prop::sample::Index>()) {
        let log = log(size, 50);
        let old = pick.index(size) + 1;
        let (old_root, root) = (naive::root(&log.leaves[..old]), naive::root(&log.leaves));
        let path = consistency_path(old as u64, size as u64).unwrap();
        let proof = log.resolve(&path);
        prop_assert_eq!(&proof, &naive::consistency(old, &log.leaves, true));
        let verify = |proof: &[NodeHash], old_root: &NodeHash, root: &NodeHash| {
            verify_consistency(old as u64, size as u64, proof, old_root, root)
        };
        prop_assert!(verify(&proof, &old_root, &root).is_ok());
        prop_assert!(verify(&proof, &[0; 32], &root).is_err());
        prop_assert!(verify(&proof, &old_root, &[0; 32]).is_err());
        let mut longer = proof.clone();
        longer.push([0; 32]);
        prop_assert!(verify(&longer, &old_root, &root).is_err());
    }

    #[test]
    fn tile_paths_come_back(index in any::<u64>(), width in 1u16..=256) {
        let id = TileId { level: 3, index, width };
        let path = id.path();
        prop_assert_eq!(parse_tile_path(path.strip_prefix("3/").unwrap().as_bytes()).unwrap(), (index, width));
    }

    #[test]
    fn parsing_paths_never_panics(path in "\\PC{0,40}") {
        let _ = parse_tile_path(path.as_bytes());
    }
}
