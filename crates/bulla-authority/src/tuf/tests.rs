use bulla_core::canonical_json;
use bulla_crypto::{PublicKey, Scheme, SigningKey};

use super::*;

fn keys() -> TufKeys {
    let key = || Arc::new(SigningKey::generate(Scheme::Ed25519).unwrap());
    TufKeys {
        root: key(),
        targets: key(),
        snapshot: key(),
        timestamp: key(),
    }
}

fn verify(bytes: &[u8], key: &PublicKey) -> Value {
    let document: Value = serde_json::from_slice(bytes).unwrap();
    let sig = hex::decode(document["signatures"][0]["sig"].as_str().unwrap()).unwrap();
    key.verify(&canonical_json::olpc(&document["signed"]).unwrap(), &sig)
        .unwrap();
    document["signed"].clone()
}

#[test]
fn a_client_gets_from_the_root_to_the_target() {
    let keys = keys();
    let now = Timestamp::now();
    let publics: Vec<_> = [&keys.root, &keys.targets, &keys.snapshot, &keys.timestamp]
        .map(|k| k.public().clone())
        .into();
    let root = first_root(&keys, now).unwrap();
    let target = Target {
        name: "trusted_root.json".into(),
        bytes: b"{}".to_vec(),
    };
    let publisher = Publisher::new(keys, root, vec![target], 7, now).unwrap();
    let file = |path: &str| publisher.file(path).unwrap_or_else(|| panic!("{path}"));

    let root = verify(&file("1.root.json"), &publics[0]);
    assert_eq!(root["roles"].as_object().unwrap().len(), 4);
    let timestamp = verify(&file("timestamp.json"), &publics[3]);
    let listed = &timestamp["meta"]["snapshot.json"];
    let snapshot_bytes = file(&format!("{}.snapshot.json", listed["version"]));
    assert_eq!(
        listed["hashes"]["sha256"],
        Digest::sha256(&snapshot_bytes).hex()
    );
    let snapshot = verify(&snapshot_bytes, &publics[2]);
    let version = &snapshot["meta"]["targets.json"]["version"];
    let targets = verify(&file(&format!("{version}.targets.json")), &publics[1]);
    let hash = targets["targets"]["trusted_root.json"]["hashes"]["sha256"]
        .as_str()
        .unwrap();
    assert_eq!(**file(&format!("targets/{hash}.trusted_root.json")), *b"{}");
    assert!(publisher.file("2.root.json").is_none());
}

#[test]
fn a_refresh_moves_the_version_and_keeps_the_root() {
    let now = Timestamp::now();
    let keys = keys();
    let root = first_root(&keys, now).unwrap();
    let publisher = Publisher::new(keys, root.clone(), vec![], 1, now).unwrap();
    publisher.refresh(2, now).unwrap();
    assert!(
        publisher.file("1.snapshot.json").is_some(),
        "an update may be under way"
    );
    publisher.refresh(3, now).unwrap();
    assert!(publisher.file("1.snapshot.json").is_none());
    assert!(publisher.file("2.snapshot.json").is_some());
    assert_eq!(*publisher.file("root.json").unwrap(), root);
}
