//! Making and reading metadata, thresholds, and what is never counted.

use bulla_crypto::{Scheme, SigningKey};
use proptest::prelude::*;

use super::*;

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn key(scheme: Scheme) -> SigningKey {
    SigningKey::generate(scheme).unwrap()
}

fn tuf_key(key: &SigningKey) -> TufKey {
    TufKey::new(key.public().clone()).unwrap()
}

fn keys(of: &[&SigningKey], threshold: u32) -> RoleKeys {
    RoleKeys::new(of.iter().map(|key| tuf_key(key)), threshold).unwrap()
}

fn root(version: u64, root: RoleKeys, online: &SigningKey) -> Root {
    let online = keys(&[online], 1);
    Root {
        version,
        expires: expiry(now(), SignedDuration::from_hours(24)),
        root,
        targets: online.clone(),
        snapshot: online.clone(),
        timestamp: online,
    }
}

fn signed(document: &mut Document, by: &[&SigningKey]) -> Vec<u8> {
    for key in by {
        document.sign(*key).unwrap();
    }
    document.to_bytes().unwrap()
}

#[test]
fn a_root_is_followed_by_the_next_that_old_and_new_keys_signed() {
    let people: Vec<SigningKey> = [Scheme::Ed25519, Scheme::EcdsaP256, Scheme::Ed25519]
        .map(key)
        .into();
    let (alice, bob, carol) = (&people[0], &people[1], &people[2]);
    let dave = key(Scheme::Ed25519);
    let online = key(Scheme::Ed25519);
    let first = root(1, keys(&[alice, bob, carol], 2), &online);
    let mut document = first.document().unwrap();
    let alone = signed(&mut document.clone(), &[alice]);
    assert!(matches!(
        Root::first(&alone),
        Err(MetadataError::Signatures {
            found: 1,
            threshold: 2,
            ..
        })
    ));
    let bytes = signed(&mut document, &[carol, bob]);
    let first_read = Root::first(&bytes).unwrap();
    assert_eq!(first_read, first);

    let second = root(2, keys(&[bob, carol, &dave], 3), &online);
    let document = second.document().unwrap();
    let all = signed(&mut document.clone(), &[&dave, bob, carol]);
    assert_eq!(first.next(&all).unwrap(), second);
    // The new threshold, not the old one.
    let new_only = signed(&mut document.clone(), &[&dave, bob]);
    assert_eq!(first.next(&new_only).unwrap_err().code().0, "TRUST-0274");
    // Of the old keys only one is left among the new.
    let third = root(2, keys(&[bob, &dave], 2), &online);
    let bytes = signed(&mut third.document().unwrap(), &[&dave, bob]);
    assert_eq!(first.next(&bytes).unwrap_err().code().0, "TRUST-0274");
    // A version is never left out, and never repeated.
    for version in [1, 3] {
        let other = root(version, keys(&[bob, carol, &dave], 3), &online);
        let bytes = signed(&mut other.document().unwrap(), &[&dave, bob, carol]);
        assert_eq!(first.next(&bytes).unwrap_err().code().0, "TRUST-0277");
    }
}

#[test]
fn cve_2026_23992_a_threshold_of_zero_less_or_nobody_is_refused() {
    let (alice, online) = (key(Scheme::Ed25519), key(Scheme::Ed25519));
    for threshold in [0, 2, u32::MAX] {
        let refused = RoleKeys::new([tuf_key(&alice)], threshold).unwrap_err();
        assert_eq!(refused.code().0, "TRUST-0275");
    }
    assert!(RoleKeys::new([], 0).is_err());
    let document = root(1, keys(&[&alice], 1), &online).document().unwrap();
    for threshold in [json!(0), json!(-1), json!(1.0), json!("1"), json!(null)] {
        let mut body = document.body().clone();
        body["roles"]["root"]["threshold"] = threshold.clone();
        let read = Document::parse(
            &serde_json::to_vec(&json!({"signed": body, "signatures": []})).unwrap(),
        );
        let read = read.and_then(|document| Root::read(&document));
        assert!(read.is_err(), "{threshold}");
    }
}

#[test]
fn cve_2026_6966_a_key_counts_once_however_often_it_signs() {
    let (alice, bob, online) = (
        key(Scheme::Ed25519),
        key(Scheme::EcdsaP256),
        key(Scheme::Ed25519),
    );
    // The same key twice in a role is one key.
    let twice = RoleKeys::new([tuf_key(&alice), tuf_key(&alice)], 2).unwrap_err();
    assert!(matches!(twice, MetadataError::Threshold { keys: 1, .. }));
    let root = root(1, keys(&[&alice, &bob], 2), &online);
    let mut document = root.document().unwrap();
    document.sign(&bob).unwrap();
    document.sign(&bob).unwrap();
    assert_eq!(document.signed_by(&root.root).len(), 1);
    assert!(document.require(&root.root).is_err());
    // The same signature listed twice makes the file unreadable.
    let mut wire: Value = serde_json::from_slice(&document.to_bytes().unwrap()).unwrap();
    let signature = wire["signatures"][0].clone();
    wire["signatures"].as_array_mut().unwrap().push(signature);
    assert!(Document::parse(&serde_json::to_vec(&wire).unwrap()).is_err());
    // Under another id it is nobody's.
    wire["signatures"][1]["keyid"] = tuf_key(&alice).id().into();
    let document = Document::parse(&serde_json::to_vec(&wire).unwrap()).unwrap();
    assert_eq!(document.signed_by(&root.root).len(), 1);
    // And an id that is not the key's own does not enter a role.
    let mut body = document.body().clone();
    let entry = body["keys"][tuf_key(&bob).id()].clone();
    body["keys"]["00"] = entry;
    body["roles"]["root"]["keyids"] = json!(["00", tuf_key(&bob).id()]);
    let bytes = serde_json::to_vec(&json!({"signed": body, "signatures": []})).unwrap();
    assert!(Root::read(&Document::parse(&bytes).unwrap()).is_err());
}

#[test]
fn a_share_that_does_not_verify_is_not_taken() {
    let (alice, bob, online) = (
        key(Scheme::Ed25519),
        key(Scheme::Ed25519),
        key(Scheme::Ed25519),
    );
    let root = root(1, keys(&[&alice, &bob], 1), &online);
    let mut document = root.document().unwrap();
    let other = alice.sign(b"another document").unwrap();
    let refused = document.add(&tuf_key(&alice), other).unwrap_err();
    assert_eq!(refused.code().0, "TRUST-0270");
    assert!(document.require(&root.root).is_err());
}

#[test]
fn foreign_fields_are_not_lost_but_refused() {
    let (alice, online) = (key(Scheme::Ed25519), key(Scheme::Ed25519));
    let document = root(1, keys(&[&alice], 1), &online).document().unwrap();
    for change in [
        |body: &mut Value| body["note"] = "extra".into(),
        |body: &mut Value| body["consistent_snapshot"] = false.into(),
        |body: &mut Value| body["_type"] = "targets".into(),
        |body: &mut Value| body["version"] = 0.into(),
        |body: &mut Value| body["expires"] = "soon".into(),
        |body: &mut Value| body["roles"]["mirrors"] = json!({"keyids": [], "threshold": 1}),
    ] {
        let mut body = document.body().clone();
        change(&mut body);
        let mut changed = Document::new(body).unwrap();
        changed.sign(&alice).unwrap();
        assert!(Root::first(&changed.to_bytes().unwrap()).is_err());
    }
}

#[test]
fn targets_snapshot_and_timestamp_come_back_as_they_were() {
    let online = key(Scheme::EcdsaP256);
    let mut file = TargetFile::of(b"{}");
    file.custom = Some(json!({"sigstore": {"usage": "Rekor", "status": "Active"}}));
    let targets = Targets {
        version: 4,
        expires: expiry(now(), SignedDuration::from_hours(1)),
        files: [("trusted_root.json".into(), file)].into(),
        delegation: Some(Delegation {
            name: "online".into(),
            keys: keys(&[&online], 1),
            paths: vec!["revocations/*".into(), "advisories/*/*.zip".into()],
        }),
    };
    let document = targets.document().unwrap();
    assert_eq!(Targets::read(&document).unwrap(), targets);
    let delegation = targets.delegation.clone().unwrap();
    assert!(delegation.covers("revocations/list.json"));
    assert!(delegation.covers("advisories/osv/npm.zip"));
    for other in [
        "revocations",
        "revocations/a/b",
        "advisories/osv/npm.json",
        "trusted_root.json",
    ] {
        assert!(!delegation.covers(other), "{other}");
    }
    let bytes = document.to_bytes().unwrap();
    let snapshot = Snapshot {
        version: 9,
        expires: targets.expires,
        roles: [("targets".into(), Pin::of(4, &bytes))].into(),
    };
    assert_eq!(
        Snapshot::read(&snapshot.document().unwrap()).unwrap(),
        snapshot
    );
    let timestamp = TimestampRole {
        version: 10,
        expires: targets.expires,
        snapshot: Pin::of(9, b"snapshot"),
    };
    assert_eq!(
        TimestampRole::read(&timestamp.document().unwrap()).unwrap(),
        timestamp
    );
}

#[test]
fn a_path_leads_nowhere_else() {
    for bad in [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/..",
        ".a",
        "a b",
        "a\\b",
        "a%2e",
        &"a".repeat(256),
    ] {
        assert!(check_path(bad).is_err(), "{bad}");
    }
    for good in [
        "trusted_root.json",
        "revocations/1.list.json",
        "advisories/osv/npm.zip",
    ] {
        check_path(good).unwrap();
    }
}

proptest! {
    /// Whoever signs, in whatever order and however often: the threshold is met
    /// exactly when enough distinct keys of the role did.
    #[test]
    fn thresholds_count_distinct_keys(
        threshold in 1_u32..4,
        signers in prop::collection::vec(0_usize..6, 0..8),
    ) {
        let people: Vec<SigningKey> = (0..6).map(|_| key(Scheme::Ed25519)).collect();
        // The last three are strangers.
        let role: Vec<&SigningKey> = people.iter().take(3).collect();
        let root = root(1, keys(&role, threshold), &people[3]);
        let mut document = root.document().unwrap();
        for index in &signers {
            document.sign(&people[*index]).unwrap();
        }
        let mut distinct: Vec<&usize> = signers.iter().filter(|index| **index < 3).collect();
        distinct.sort();
        distinct.dedup();
        let enough = distinct.len() >= threshold as usize;
        prop_assert_eq!(document.require(&root.root).is_ok(), enough);
        let read = Root::first(&document.to_bytes().unwrap());
        prop_assert_eq!(read.is_ok(), enough);
    }

    /// Reading never panics, and what is read is written again the same.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Root::first(&bytes);
        let _ = Document::parse(&bytes);
    }
}
