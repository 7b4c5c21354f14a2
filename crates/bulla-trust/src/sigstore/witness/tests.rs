use super::*;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::{Scheme, SigningKey, checkpoint::Checkpoint as Made};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

/// The signature type of timestamped Ed25519 cosignatures.
const COSIGNATURE: u8 = 4;
const NOW: i64 = 1_700_000_000;

struct Witness {
    name: &'static str,
    key: SigningKey,
}

impl Witness {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            key: SigningKey::generate(Scheme::Ed25519).unwrap(),
        }
    }

    fn typed(&self) -> Vec<u8> {
        [&[COSIGNATURE], self.key.public().raw()].concat()
    }

    fn hint(&self) -> Vec<u8> {
        let id = Sha256::new()
            .chain_update(self.name)
            .chain_update(b"\n")
            .chain_update(self.typed())
            .finalize();
        id[..4].to_vec()
    }

    fn vkey(&self) -> String {
        let (hint, key) = (hex::encode(self.hint()), STANDARD.encode(self.typed()));
        format!("{}+{hint}+{key}", self.name)
    }

    fn parsed(&self) -> WitnessKey {
        WitnessKey::parse(&self.vkey()).unwrap()
    }

    fn line(&self, text: &str, time: i64) -> String {
        let message = format!("cosignature/v1\ntime {time}\n{text}");
        let signature = self.key.sign(message.as_bytes()).unwrap();
        let bytes = [self.hint(), time.to_be_bytes().to_vec(), signature].concat();
        format!("— {} {}\n", self.name, STANDARD.encode(bytes))
    }
}

fn note(size: u64, lines: impl FnOnce(&str) -> String) -> Checkpoint {
    let made = Made {
        origin: "log.example".into(),
        size,
        root: [9; 32],
    };
    let log = SigningKey::generate(Scheme::Ed25519).unwrap();
    let text = format!("{}{}", made.sign(&log).unwrap(), lines(&made.text()));
    Checkpoint::from_text(&text).unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

#[test]
fn k_of_n_named_witnesses() {
    let (a, b, c) = (Witness::new("a"), Witness::new("b"), Witness::new("c"));
    let seen = note(7, |text| a.line(text, NOW) + &b.line(text, NOW - 5));
    let quorum = |threshold| {
        WitnessQuorum::new(vec![a.parsed(), b.parsed(), c.parsed()], threshold).unwrap()
    };
    assert_eq!(quorum(2).check(&seen, now()).unwrap(), ["a", "b"]);
    assert!(matches!(
        quorum(3).check(&seen, now()),
        Err(Failure::Witnesses {
            found: 2,
            demanded: 3
        })
    ));
}

#[test]
fn one_witness_counts_once_and_for_what_it_saw() {
    let (a, b) = (Witness::new("a"), Witness::new("b"));
    let quorum = WitnessQuorum::new(vec![a.parsed(), b.parsed()], 2).unwrap();
    let found = |checkpoint: &Checkpoint| match quorum.check(checkpoint, now()) {
        Err(Failure::Witnesses { found, .. }) => found,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        found(&note(7, |text| a.line(text, NOW) + &a.line(text, NOW - 1))),
        1
    );
    let other_text = note(7, |text| {
        a.line(text, NOW) + &b.line(&text.replace("\n7\n", "\n8\n"), NOW)
    });
    assert_eq!(found(&other_text), 1, "another size");
    let ahead = note(7, |text| a.line(text, NOW) + &b.line(text, NOW + 1));
    assert_eq!(found(&ahead), 1, "a time that is not yet");
    let unnamed = Witness::new("b");
    let same_name = note(7, |text| a.line(text, NOW) + &unnamed.line(text, NOW));
    assert_eq!(found(&same_name), 1, "another key under the name");
    let edited = note(7, |text| {
        a.line(text, NOW) + &b.line(text, NOW).replace("— b ", "— c ")
    });
    assert_eq!(found(&edited), 1, "another name over the key");
    assert_eq!(found(&note(7, |_| String::new())), 0);
}

#[test]
fn a_quorum_is_asked_for_sensibly() {
    let (a, b) = (Witness::new("a"), Witness::new("b"));
    let quorum = |keys: Vec<WitnessKey>, threshold| WitnessQuorum::new(keys, threshold);
    assert!(quorum(vec![a.parsed()], 0).is_err());
    assert!(quorum(vec![a.parsed()], 2).is_err());
    assert!(quorum(vec![], 0).is_err());
    assert!(quorum(vec![a.parsed(), a.parsed()], 1).is_err());
    let renamed = VerifierKey::new("z", Kind::Cosignature, a.key.public().clone()).unwrap();
    let renamed = WitnessKey(renamed);
    assert!(
        quorum(vec![a.parsed(), renamed], 2).is_err(),
        "one key twice"
    );
    quorum(vec![a.parsed(), b.parsed()], 2).unwrap();
}

#[test]
fn keys_are_of_the_right_type_and_whole() {
    let a = Witness::new("a");
    let good = a.vkey();
    WitnessKey::parse(&good).unwrap();
    let note_key = STANDARD.encode([&[1], a.key.public().raw()].concat());
    for bad in [
        String::new(),
        good.replacen("a+", "b+", 1),
        good.replacen("a+", "+", 1),
        good[..good.len() - 4].to_owned(),
        format!("a+{}+{note_key}", hex::encode(a.hint())),
        good.replace('+', " "),
    ] {
        assert!(WitnessKey::parse(&bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in "[a-z+/=0-9é ]{0,80}") {
        let _ = WitnessKey::parse(&text);
    }
}
