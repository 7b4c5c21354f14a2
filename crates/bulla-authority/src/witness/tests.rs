use std::sync::Arc;

use bulla_core::SystemClock;
use bulla_crypto::{
    Scheme, SigningKey,
    checkpoint::Checkpoint,
    merkle::{Frontier, NodeHash, consistency_path, leaf_hash, node_from_tile, tile_of},
    note::{parse_note, parse_signature_lines},
    verifier_key::{Kind, VerifierKey},
};
use bulla_store::Store;
use proptest::prelude::*;

use super::*;

const ORIGIN: &str = "log.example/one";

/// A log of numbered leaves.
struct Tree {
    key: SigningKey,
    salt: u8,
}

impl Tree {
    fn new(salt: u8) -> Self {
        let key = SigningKey::generate(Scheme::Ed25519).unwrap();
        Self { key, salt }
    }

    fn frontier(&self, size: u64) -> Frontier {
        let mut frontier = Frontier::new();
        for leaf in 0..size {
            frontier.append(leaf_hash(&[&[self.salt][..], &leaf.to_be_bytes()].concat()));
        }
        frontier
    }

    fn vkey(&self) -> String {
        let key = self.key.public().clone();
        VerifierKey::new(ORIGIN, Kind::Ed25519, key)
            .unwrap()
            .to_string()
    }

    fn note(&self, size: u64) -> String {
        let checkpoint = Checkpoint {
            origin: ORIGIN.into(),
            size,
            root: self.frontier(size).root(),
        };
        checkpoint.sign(&self.key).unwrap().to_string()
    }

    fn proof(&self, old: u64, new: u64) -> Vec<NodeHash> {
        let frontier = self.frontier(new);
        let path = consistency_path(old, new).unwrap();
        path.resolve(|node| {
            let (level, index, ..) = tile_of(node);
            node_from_tile(node, &frontier.tile(level, index).unwrap_or_default())
        })
        .unwrap()
    }

    fn request(&self, old: u64, new: u64) -> String {
        let proof = match old <= new {
            true => self.proof(old, new),
            false => Vec::new(),
        };
        AddCheckpoint::encode(old, &proof, &self.note(new))
    }
}

struct Stage {
    _dir: tempfile::TempDir,
    key: Arc<SigningKey>,
    store: Store,
}

impl Stage {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let key = Arc::new(SigningKey::generate(Scheme::Ed25519).unwrap());
        Self {
            _dir: dir,
            key,
            store,
        }
    }

    /// A replica of the witness.
    fn witness(&self, log: &Tree) -> WitnessServer {
        let logs = [WitnessedLog {
            origin: ORIGIN.into(),
            keys: vec![log.vkey()],
        }];
        let (key, clock) = (self.key.clone(), Arc::new(SystemClock));
        WitnessServer::new("w.example".into(), key, &logs, self.store.values(), clock).unwrap()
    }
}

async fn ask(witness: &WitnessServer, body: &str) -> Result<String, WitnessRefusal> {
    witness
        .add_checkpoint(&parse_add_checkpoint(body.as_bytes())?)
        .await
}

#[tokio::test]
async fn what_extends_the_last_is_cosigned() {
    let (stage, log) = (Stage::new().await, Tree::new(0));
    let witness = stage.witness(&log);
    for (old, new) in [(0, 1), (1, 1), (1, 7), (7, 200), (200, 200)] {
        let line = ask(&witness, &log.request(old, new)).await.unwrap();
        let mut note = parse_note(log.note(new).as_bytes()).unwrap();
        note.signatures = parse_signature_lines(line.as_bytes()).unwrap();
        let time = witness.verifier_key().unwrap().verify(&note).unwrap();
        assert!(time.is_some_and(|time| time > 1_700_000_000));
    }
    // A replica knows what the other cosigned.
    let again = ask(&stage.witness(&log), &log.request(0, 201)).await;
    assert!(matches!(again, Err(WitnessRefusal::Conflict { size: 200 })));
}

#[tokio::test]
async fn what_contradicts_is_refused_each_in_its_way() {
    let (stage, log) = (Stage::new().await, Tree::new(0));
    let witness = stage.witness(&log);
    let refused = async |body: &str| ask(&witness, body).await.unwrap_err();
    // Never seen: only 0 is right, and a proof from nothing is empty.
    assert!(matches!(
        refused(&log.request(3, 7)).await,
        WitnessRefusal::Conflict { size: 0 }
    ));
    let spare = AddCheckpoint::encode(0, &[[1; 32]], &log.note(5));
    assert!(matches!(refused(&spare).await, WitnessRefusal::Proof));
    ask(&witness, &log.request(0, 5)).await.unwrap();
    assert!(matches!(
        refused(&log.request(9, 5)).await,
        WitnessRefusal::Shrinking
    ));
    assert!(matches!(
        refused(&log.request(4, 7)).await,
        WitnessRefusal::Conflict { size: 5 }
    ));
    let cut = AddCheckpoint::encode(5, &log.proof(5, 9)[1..], &log.note(9));
    assert!(matches!(refused(&cut).await, WitnessRefusal::Proof));
    // The same key, another history: as many leaves, and more.
    let fork = Tree {
        key: SigningKey::from_pkcs8_der(log.key.to_pkcs8_der()).unwrap(),
        salt: 1,
    };
    assert!(matches!(
        refused(&fork.request(5, 5)).await,
        WitnessRefusal::Conflict { size: 5 }
    ));
    assert!(matches!(
        refused(&fork.request(5, 9)).await,
        WitnessRefusal::Proof
    ));
    // Another key, and another log.
    let stranger = Tree::new(0);
    assert!(matches!(
        refused(&stranger.request(5, 9)).await,
        WitnessRefusal::Signature
    ));
    let elsewhere = log.request(5, 9).replace(ORIGIN, "log.example/two");
    assert!(matches!(
        refused(&elsewhere).await,
        WitnessRefusal::UnknownOrigin
    ));
    // Nothing of that moved the state.
    ask(&witness, &log.request(5, 9)).await.unwrap();
}

/// Two replicas, one state: of two trees that contradict each other one at most
/// is cosigned, however they race.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_never_cosign_a_split_view() {
    for round in 0..8 {
        let (stage, log) = (Stage::new().await, Tree::new(0));
        let fork = Tree {
            key: SigningKey::from_pkcs8_der(log.key.to_pkcs8_der()).unwrap(),
            salt: 1,
        };
        let (one, other) = (stage.witness(&log), stage.witness(&log));
        let (first, second) = (log.request(0, 5 + round), fork.request(0, 6));
        let (first, second) = tokio::join!(
            tokio::spawn(async move { ask(&one, &first).await }),
            tokio::spawn(async move { ask(&other, &second).await }),
        );
        let (first, second) = (first.unwrap(), second.unwrap());
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    }
}

#[test]
fn requests_have_one_form() {
    let log = Tree::new(0);
    let good = log.request(3, 7);
    let read = parse_add_checkpoint(good.as_bytes()).unwrap();
    assert_eq!((read.old, read.checkpoint.size), (3, 7));
    assert_eq!(read.proof, log.proof(3, 7));
    for bad in [
        String::new(),
        good.replacen("old 3", "old 03", 1),
        good.replacen("old 3", "old -3", 1),
        good.replacen("old 3", "old  3", 1),
        good.replacen("old 3", "size 3", 1),
        good.replacen("old 3\n", "old 3\nAAAA\n", 1),
        good.trim_end().to_owned(),
        format!("old 3\n{}\n{}", "A\n".repeat(64), log.note(7)),
        AddCheckpoint::encode(3, &[[0; 32]; 64], &log.note(7)),
        format!("{good}{}", "x".repeat(70_000)),
    ] {
        assert!(parse_add_checkpoint(bad.as_bytes()).is_err(), "{bad:.80}");
    }
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let key = SigningKey::generate(Scheme::Ed25519).unwrap();
    let vkey = |kind| {
        VerifierKey::new("w", kind, key.public().clone())
            .unwrap()
            .to_string()
    };
    let peer = |url: &str, kind| WitnessPeer {
        url: url.into(),
        key: vkey(kind),
        ca_file: None,
    };
    let settings = |witnesses, quorum| WitnessSettings {
        witnesses,
        quorum,
        ..WitnessSettings::default()
    };
    let good = || peer("https://w.example", Kind::Cosignature);
    let asked = |settings: &WitnessSettings| Witnesses::new(settings, Arc::new(SystemClock));
    assert!(asked(&WitnessSettings::default()).unwrap().is_none());
    assert!(asked(&settings(vec![good()], 1)).unwrap().is_some());
    for bad in [
        settings(vec![], 1),
        settings(vec![good()], 2),
        settings(vec![good(), good()], 1),
        settings(vec![peer("https://w.example", Kind::Ed25519)], 1),
        settings(vec![peer("http://w.example", Kind::Cosignature)], 1),
        settings(vec![peer("https://u:p@w.example", Kind::Cosignature)], 1),
        WitnessSettings {
            timeout_ms: 0,
            ..settings(vec![good()], 0)
        },
    ] {
        assert!(asked(&bad).is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn parsing_never_panics(text in "(old [0-9]{0,3}\n)?([A-Za-z0-9+/=]{0,50}\n){0,3}\n?\\PC{0,40}") {
        let _ = parse_add_checkpoint(text.as_bytes());
    }
}
