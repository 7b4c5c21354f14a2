//! Repositories that these tests sign themselves, good and bad.

use bulla_core::canonical_json::olpc;
use bulla_crypto::{Scheme, SigningKey};
use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const ROLES: [&str; 4] = ["root", "targets", "snapshot", "timestamp"];

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn in_days(days: i64) -> Timestamp {
    now()
        .checked_add(SignedDuration::from_hours(24 * days))
        .unwrap()
}

/// A repository with one or more keys for each role.
struct Repository {
    keys: BTreeMap<&'static str, Vec<SigningKey>>,
    threshold: BTreeMap<&'static str, u64>,
    /// Days from now until each role expires.
    life: BTreeMap<&'static str, i64>,
    version: BTreeMap<&'static str, u64>,
    documents: BTreeMap<&'static str, Vec<u8>>,
    roots: Vec<Vec<u8>>,
}

fn new_key() -> SigningKey {
    SigningKey::generate(Scheme::Ed25519).unwrap()
}

fn key_json(key: &SigningKey) -> Value {
    json!({"keytype": "ed25519", "scheme": "ed25519",
        "keyval": {"public": hex::encode(key.public().raw())}})
}

fn key_id(key: &SigningKey) -> String {
    key.public().id().hex().to_owned()
}

fn signed(body: &Value, keys: &[&SigningKey]) -> Vec<u8> {
    let bytes = olpc(body).unwrap();
    let sign = |key: &&SigningKey| json!({"keyid": key_id(key), "sig": hex::encode(key.sign(&bytes).unwrap())});
    let signatures: Vec<Value> = keys.iter().map(sign).collect();
    serde_json::to_vec(&json!({"signed": body, "signatures": signatures})).unwrap()
}

fn pin(version: u64, bytes: &[u8]) -> Value {
    json!({"version": version, "length": bytes.len(), "hashes": {"sha256": Digest::sha256(bytes).hex()}})
}

impl Repository {
    fn new() -> Self {
        let mut repository = Self {
            keys: ROLES.map(|role| (role, vec![new_key()])).into(),
            threshold: ROLES.map(|role| (role, 1)).into(),
            life: ROLES.map(|role| (role, 10)).into(),
            version: ROLES.map(|role| (role, 1)).into(),
            documents: [
                (TRUSTED_ROOT, b"whom to believe".to_vec()),
                (SIGNING_CONFIG, b"where to sign".to_vec()),
            ]
            .into(),
            roots: Vec::new(),
        };
        let root = repository.root_body();
        repository.add_root(&root, &[]);
        repository
    }

    fn body(&self, role: &str, fields: Value) -> Value {
        let mut body = fields;
        body["_type"] = role.into();
        body["spec_version"] = "1.0.31".into();
        body["version"] = self.version[role].into();
        let expires = in_days(self.life[role]);
        body["expires"] = expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
        body
    }

    fn root_body(&self) -> Value {
        let all = self.keys.values().flatten();
        let keys: BTreeMap<String, Value> = all.map(|key| (key_id(key), key_json(key))).collect();
        let roles: BTreeMap<&str, Value> = ROLES
            .map(|role| {
                let ids: Vec<String> = self.keys[role].iter().map(key_id).collect();
                (
                    role,
                    json!({"keyids": ids, "threshold": self.threshold[role]}),
                )
            })
            .into();
        let fields = json!({"consistent_snapshot": true, "keys": keys, "roles": roles});
        self.body("root", fields)
    }

    /// Adds a root, signed by its own root keys and by these.
    fn add_root(&mut self, body: &Value, also: &[&SigningKey]) {
        let mut signers: Vec<&SigningKey> = self.keys["root"].iter().collect();
        signers.extend(also);
        let root = signed(body, &signers);
        self.roots.push(root);
    }

    fn rotate(&mut self, role: &'static str) {
        let before = self.keys.insert(role, vec![new_key()]).unwrap();
        *self.version.get_mut("root").unwrap() += 1;
        let body = self.root_body();
        let old: Vec<&SigningKey> = if role == "root" {
            before.iter().collect()
        } else {
            vec![]
        };
        self.add_root(&body, &old);
    }

    fn raise(&mut self, roles: &[&'static str]) {
        for role in roles {
            *self.version.get_mut(role).unwrap() += 1;
        }
    }

    fn sign(&self, role: &str, fields: Value) -> Vec<u8> {
        let keys: Vec<&SigningKey> = self.keys[role].iter().collect();
        signed(&self.body(role, fields), &keys)
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for (index, root) in self.roots.iter().enumerate() {
            files.insert(format!("{}.root.json", index + 1), root.clone());
        }
        let mut listed = serde_json::Map::new();
        for (name, bytes) in &self.documents {
            let digest = Digest::sha256(bytes);
            let entry = json!({"length": bytes.len(), "hashes": {"sha256": digest.hex()}});
            listed.insert((*name).into(), entry);
            files.insert(format!("targets/{}.{name}", digest.hex()), bytes.clone());
        }
        let version = |role: &str| self.version[role];
        let targets = self.sign("targets", json!({"targets": listed}));
        let meta = json!({"meta": {"targets.json": pin(version("targets"), &targets)}});
        let snapshot = self.sign("snapshot", meta);
        let meta = json!({"meta": {"snapshot.json": pin(version("snapshot"), &snapshot)}});
        let timestamp = self.sign("timestamp", meta);
        files.insert(format!("{}.targets.json", version("targets")), targets);
        files.insert(format!("{}.snapshot.json", version("snapshot")), snapshot);
        files.insert("timestamp.json".into(), timestamp);
        files
    }

    fn fingerprint(&self) -> Digest {
        Digest::sha256(&self.roots[0])
    }

    fn update(&self, known: Files, now: Timestamp) -> Result<Updated, TufError> {
        self.update_from(&self.files(), known, now).1
    }

    /// What is verified afterwards, and the outcome.
    fn update_from(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        known: Files,
        now: Timestamp,
    ) -> (Files, Result<Updated, TufError>) {
        let mut update = Update::start(&self.roots[0], &self.fingerprint(), known, now).unwrap();
        let outcome = drive(&mut update, files);
        (update.verified().clone(), outcome)
    }
}

fn drive(update: &mut Update, files: &BTreeMap<String, Vec<u8>>) -> Result<Updated, TufError> {
    loop {
        match update.step()? {
            Step::Done(updated) => return Ok(*updated),
            Step::Need(need) => update.answer(&need, files.get(&need.path).cloned())?,
        }
    }
}

#[test]
fn the_documents_come_verified() {
    let repository = Repository::new();
    let updated = repository.update(Files::new(), now()).unwrap();
    assert_eq!(updated.id, RootId(repository.fingerprint()));
    assert_eq!(updated.trusted_root, b"whom to believe");
    assert_eq!(updated.signing_config.unwrap(), b"where to sign");
    assert_eq!((updated.root_version, updated.expires), (1, in_days(10)));

    let mut without = Repository::new();
    without.documents.remove(SIGNING_CONFIG);
    let updated = without.update(Files::new(), now()).unwrap();
    assert_eq!(updated.signing_config, None);
    without.documents.remove(TRUSTED_ROOT);
    let error = without.update(Files::new(), now()).unwrap_err();
    assert!(matches!(error, TufError::Target { .. }), "{error}");
}

#[test]
fn nothing_is_believed_because_it_was_seen_first() {
    let (ours, theirs) = (Repository::new(), Repository::new());
    let start = |root: &[u8], fingerprint: &Digest| {
        Update::start(root, fingerprint, Files::new(), now()).map(drop)
    };
    start(&ours.roots[0], &ours.fingerprint()).unwrap();
    let error = start(&theirs.roots[0], &ours.fingerprint()).unwrap_err();
    assert_eq!(error.code().0, "TRUST-0252");
    // Vouched for, and no root all the same.
    let forged = signed(&ours.root_body(), &[&new_key()]);
    for junk in [&b"{}"[..], b"", &forged] {
        assert!(start(junk, &Digest::sha256(junk)).is_err());
    }
    // The repository of another instance, from our root.
    let outcome = ours.update_from(&theirs.files(), Files::new(), now()).1;
    assert!(matches!(outcome, Err(TufError::Signatures { .. })));
}

#[test]
fn a_nearly_known_repository_is_asked_for_little() {
    let repository = Repository::new();
    let first = repository.update(Files::new(), now()).unwrap();
    let mut update = Update::start(
        &repository.roots[0],
        &repository.fingerprint(),
        first.metadata,
        now(),
    )
    .unwrap();
    let files = repository.files();
    let mut asked = Vec::new();
    while let Step::Need(need) = update.step().unwrap() {
        update
            .answer(&need, files.get(&need.path).cloned())
            .unwrap();
        asked.push(need.path);
    }
    assert_eq!(asked[..2], ["2.root.json", "timestamp.json"]);
    assert!(asked[2..].iter().all(|path| path.starts_with("targets/")));
}

#[test]
fn roots_rotate_by_the_keys_of_both_sides() {
    let mut repository = Repository::new();
    let before = repository.update(Files::new(), now()).unwrap();
    for role in ROLES {
        repository.rotate(role);
    }
    repository.raise(&["targets", "snapshot", "timestamp"]);
    let updated = repository.update(before.metadata.clone(), now()).unwrap();
    assert_eq!(updated.root_version, 5);
    assert_eq!(updated.id, before.id);

    // A root that the last root's keys did not sign.
    let mut stolen = Repository::new();
    let known = stolen.update(Files::new(), now()).unwrap().metadata;
    stolen.keys.insert("root", vec![new_key()]);
    stolen.raise(&["root"]);
    let body = stolen.root_body();
    stolen.add_root(&body, &[]);
    let error = stolen.update(known, now()).unwrap_err();
    assert!(matches!(error, TufError::Signatures { .. }), "{error}");
}

#[test]
fn a_root_once_seen_is_not_unseen() {
    let mut repository = Repository::new();
    let old = repository.files();
    repository.rotate("timestamp");
    repository.raise(&["timestamp"]);
    let known = repository.update(Files::new(), now()).unwrap().metadata;
    // A mirror that hides the second root serves what its keys no longer count for.
    let outcome = repository.update_from(&old, known, now()).1;
    assert!(matches!(outcome, Err(TufError::Signatures { .. })));
}

#[test]
fn thresholds_count_distinct_keys() {
    let mut repository = Repository::new();
    repository
        .keys
        .insert("targets", vec![new_key(), new_key()]);
    repository.threshold.insert("targets", 2);
    repository.raise(&["root"]);
    let body = repository.root_body();
    repository.add_root(&body, &[]);
    let mut files = repository.files();
    repository.update(Files::new(), now()).unwrap();
    // One of two, and one of them twice.
    let targets: Value = serde_json::from_slice(&files["1.targets.json"]).unwrap();
    let first = &repository.keys["targets"][0];
    for keys in [vec![first], vec![first, first]] {
        let targets = signed(&targets["signed"], &keys);
        let meta = json!({"meta": {"targets.json": pin(1, &targets)}});
        let snapshot = repository.sign("snapshot", meta);
        let meta = json!({"meta": {"snapshot.json": pin(1, &snapshot)}});
        files.insert("timestamp.json".into(), repository.sign("timestamp", meta));
        files.insert("1.snapshot.json".into(), snapshot);
        files.insert("1.targets.json".into(), targets);
        let error = repository
            .update_from(&files, Files::new(), now())
            .1
            .unwrap_err();
        assert!(
            matches!(error, TufError::Signatures { .. } | TufError::Metadata(_)),
            "{error}"
        );
    }
}

#[test]
fn nobody_needs_no_signature() {
    // go-tuf took thresholds of zero: CVE-2026-23992.
    let mut repository = Repository::new();
    repository.threshold.insert("targets", 0);
    let body = repository.root_body();
    repository.roots.clear();
    repository.add_root(&body, &[]);
    let started = Update::start(
        &repository.roots[0],
        &repository.fingerprint(),
        Files::new(),
        now(),
    );
    let refused = match started {
        Err(_) => true,
        Ok(mut update) => drive(&mut update, &repository.files()).is_err(),
    };
    assert!(refused);
}

#[test]
fn what_expired_is_refused_and_remembered() {
    for role in ROLES {
        let mut repository = Repository::new();
        repository.life.insert(role, -1);
        if role == "root" {
            repository.roots.clear();
            let body = repository.root_body();
            repository.add_root(&body, &[]);
        }
        let error = repository.update(Files::new(), now()).unwrap_err();
        assert!(
            matches!(&error, TufError::Expired { role: found, .. } if found == role),
            "{role}: {error}"
        );
    }
    // A floor outlives its metadata: years later the first version does not pass.
    let mut repository = Repository::new();
    repository.raise(&["timestamp", "snapshot", "targets"]);
    let known = repository.update(Files::new(), now()).unwrap().metadata;
    let later = in_days(1000);
    let mut replay = Repository {
        roots: repository.roots.clone(),
        ..repository
    };
    for role in ROLES {
        replay.life.insert(role, 2000);
    }
    replay.roots.clear();
    replay.version.insert("root", 1);
    let body = replay.root_body();
    replay.add_root(&body, &[]);
    // Under a root that still holds, so that only the floor can refuse it.
    let known: Files = known
        .into_iter()
        .filter(|(name, _)| !name.contains("root"))
        .collect();
    replay.version.insert("timestamp", 1);
    let error = replay.update(known.clone(), later).unwrap_err();
    assert!(matches!(error, TufError::Rollback { .. }), "{error}");
    replay.version.insert("timestamp", 3);
    replay.version.insert("snapshot", 1);
    let error = replay.update(known.clone(), later).unwrap_err();
    assert!(matches!(error, TufError::Rollback { .. }), "{error}");
    replay.version.insert("snapshot", 3);
    replay.version.insert("targets", 1);
    let error = replay.update(known.clone(), later).unwrap_err();
    assert!(matches!(error, TufError::Rollback { .. }), "{error}");
    replay.version.insert("targets", 2);
    replay.update(known, later).unwrap();
}

#[test]
fn a_failed_update_raises_the_floor_all_the_same() {
    let mut repository = Repository::new();
    let old = repository.files();
    repository.raise(&["timestamp", "snapshot"]);
    let mut files = repository.files();
    files.remove("2.snapshot.json");
    let (seen, outcome) = repository.update_from(&files, Files::new(), now());
    assert!(outcome.is_err());
    let error = repository.update_from(&old, seen, now()).1.unwrap_err();
    assert!(matches!(error, TufError::Rollback { .. }), "{error}");
}

#[test]
fn other_bytes_than_were_signed_are_refused() {
    let repository = Repository::new();
    let good = repository.files();
    for path in good.keys().filter(|path| *path != "1.root.json") {
        let mut files = good.clone();
        let bytes = files.get_mut(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let outcome = repository.update_from(&files, Files::new(), now()).1;
        assert!(outcome.is_err(), "{path}");
        files.remove(path);
        let outcome = repository.update_from(&files, Files::new(), now()).1;
        assert!(outcome.is_err(), "{path}");
    }
}

#[test]
fn answers_are_bounded_in_size_and_number() {
    let repository = Repository::new();
    let mut update = Update::start(
        &repository.roots[0],
        &repository.fingerprint(),
        Files::new(),
        now(),
    )
    .unwrap();
    let Step::Need(need) = update.step().unwrap() else {
        panic!("done with nothing");
    };
    let large = vec![b' '; need.limit as usize + 1];
    assert!(matches!(
        update.answer(&need, Some(large)),
        Err(TufError::TooMuch { .. })
    ));
    // Roots without end.
    let mut endless = Repository::new();
    for _ in 0..70 {
        endless.rotate("timestamp");
    }
    assert!(endless.update(Files::new(), now()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let fingerprint = Digest::sha256(&bytes);
        prop_assert!(Update::start(&bytes, &fingerprint, Files::new(), now()).is_err());
    }
}
