//! What people sign, as the publisher takes it: hand-overs, refusals, and any
//! history of both.

use super::*;

/// People with keys, and what they sign.
struct People {
    keys: Vec<SigningKey>,
    threshold: u32,
}

impl People {
    fn new(count: usize, threshold: u32) -> Self {
        let scheme = |index| [Scheme::Ed25519, Scheme::EcdsaP256][index % 2];
        let keys = (0..count).map(|index| SigningKey::generate(scheme(index)).unwrap());
        Self {
            keys: keys.collect(),
            threshold,
        }
    }

    fn role(&self) -> RoleKeys {
        let keys = self
            .keys
            .iter()
            .map(|key| TufKey::new(key.public().clone()).unwrap());
        RoleKeys::new(keys, self.threshold).unwrap()
    }

    /// The least number of them that may.
    fn sign(&self, document: &mut Document) {
        for key in self.keys.iter().take(self.threshold as usize) {
            document.sign(key).unwrap();
        }
    }
}

/// The next root for these people, signed by them and by whoever was before.
async fn next_root(
    world: &World,
    root: &Root,
    people: &People,
    before: Option<&People>,
) -> Vec<u8> {
    let next = Root {
        version: root.version + 1,
        expires: expiry(world.clock.now(), days(365)),
        root: people.role(),
        targets: people.role(),
        ..root.clone()
    };
    let mut document = next.document().unwrap();
    people.sign(&mut document);
    match before {
        Some(before) => before.sign(&mut document),
        None => {
            let own = world.slots.get("tuf-root").await.unwrap().unwrap();
            document.sign(&own).unwrap();
        }
    }
    document.to_bytes().unwrap()
}

async fn targets_of(world: &World, people: &People, text: &str) -> Offline {
    let published = world.publisher.clone();
    let [_, _, online] = published.online_keys().await.unwrap();
    let version = published.lifecycle_version().await;
    let top = top(text);
    let targets = Targets {
        version,
        expires: expiry(world.clock.now(), days(365)),
        files: top
            .iter()
            .map(|t| (t.path.clone(), TargetFile::of(&t.bytes)))
            .collect(),
        delegation: Some(Delegation {
            name: ONLINE_ROLE.into(),
            keys: RoleKeys::one(online).unwrap(),
            paths: ONLINE_PATHS.map(String::from).into(),
        }),
    };
    let mut document = targets.document().unwrap();
    people.sign(&mut document);
    Offline {
        roots: Vec::new(),
        targets: Some(document.to_bytes().unwrap()),
        contents: top.into_iter().map(|t| (t.path, t.bytes)).collect(),
    }
}

impl Publisher {
    async fn lifecycle_version(&self) -> u64 {
        let bytes = self.targets_metadata().await.unwrap().unwrap();
        let document = Document::parse(&bytes).unwrap();
        Targets::read(&document).unwrap().version + 1
    }
}
#[tokio::test]
async fn after_a_ceremony_root_and_targets_have_no_key_here() {
    let mut world = World::new().await;
    world.read(&[]).await.unwrap();
    let people = People::new(3, 2);
    let mut offline = targets_of(&world, &people, "2").await;
    offline.roots = vec![next_root(&world, &world.root().await, &people, None).await];
    let installed = world.publisher.install(&offline).await.unwrap();
    assert_eq!(installed.root_version, 2);
    assert!(world.slots.get("tuf-root").await.unwrap().is_none());
    assert!(world.slots.get("tuf-targets").await.unwrap().is_none());
    let read = world.read(&[]).await.unwrap();
    assert_eq!(read.trusted_root, b"trusted_root.json 2");
    // A restart makes no new keys, and still signs what is signed online.
    world.reopen().await;
    assert!(world.slots.get("tuf-root").await.unwrap().is_none());
    world
        .publisher
        .put_target("revocations/x", b"1".to_vec())
        .await
        .unwrap();
    assert!(
        !world.publisher.open(top("3")).await.unwrap(),
        "nobody here may list it"
    );
    // New online keys are for these people to name; none is made for nobody.
    let refused = world.publisher.rotate().await.unwrap_err();
    assert_eq!(refused.code().0, "AUTH-0610", "{refused}");
    assert!(refused.hint().unwrap().contains("trust ceremony plan"));
    assert!(world.slots.get("tuf-timestamp-2").await.unwrap().is_none());
    world.pass(days(20));
    world.publisher.renew(world.clock.now()).await.unwrap();
    let read = world.read(&["revocations/x"]).await.unwrap();
    assert_eq!(read.trusted_root, b"trusted_root.json 2");
    assert_eq!(read.targets["revocations/x"], b"1");
}

#[tokio::test]
async fn what_a_ceremony_did_not_sign_enough_is_not_taken() {
    let world = World::new().await;
    let people = People::new(3, 2);
    let root = world.root().await;
    let good = next_root(&world, &root, &people, None).await;
    let targets = targets_of(&world, &people, "2").await;
    let with = |roots: Vec<Vec<u8>>| Offline {
        roots,
        ..targets.clone()
    };
    // Without the old root's key.
    let strangers = next_root(&world, &root, &people, Some(&People::new(1, 1))).await;
    let mut skipped = Document::parse(&good).unwrap().body().clone();
    skipped["version"] = 3.into();
    let mut skipped = Document::new(skipped).unwrap();
    people.sign(&mut skipped);
    let mut few = Document::parse(&good).unwrap().body().clone();
    few["roles"]["root"]["threshold"] = 3.into();
    let mut few = Document::new(few).unwrap();
    people.sign(&mut few);
    few.sign(&world.slots.get("tuf-root").await.unwrap().unwrap())
        .unwrap();
    let mut without = targets.clone();
    without.roots = vec![good.clone()];
    without.contents.clear();
    for (offline, code) in [
        (with(vec![strangers]), "TRUST-0274"),
        (with(vec![skipped.to_bytes().unwrap()]), "TRUST-0277"),
        (with(vec![few.to_bytes().unwrap()]), "TRUST-0274"),
        (with(vec![good.clone(), good.clone()]), "TRUST-0277"),
        // Targets by keys that the root in force does not name.
        (with(vec![]), "TRUST-0274"),
        // A root whose targets keys did not sign what is published.
        (
            Offline {
                roots: vec![good.clone()],
                ..Offline::default()
            },
            "AUTH-0602",
        ),
        (without, "AUTH-0602"),
    ] {
        let refused = world.publisher.install(&offline).await.unwrap_err();
        assert_eq!(refused.code().0, code, "{refused}");
        assert_eq!(world.version("root.json").await, 1);
        assert_eq!(world.version("timestamp.json").await, 1);
    }
    world.pass(days(366));
    let late = world
        .publisher
        .install(&with(vec![good]))
        .await
        .unwrap_err();
    assert_eq!(late.code().0, "AUTH-0603");
    assert!(world.slots.get("tuf-root").await.unwrap().is_some());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order, a client that follows accepts each
    /// state, one that begins anew gets the same, and no version falls.
    #[test]
    fn any_history_is_followed(steps in prop::collection::vec(0_u8..8, 1..14)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(history(steps));
    }
}

async fn history(steps: Vec<u8>) {
    let mut world = World::new().await;
    let mut people: Option<People> = None;
    let mut last = (0, 0, 0);
    let mut listed = 0;
    for (index, step) in steps.into_iter().enumerate() {
        match step {
            0 | 1 => {
                listed += 1;
                let path = format!("revocations/{index}");
                world.publisher.put_target(&path, vec![step]).await.unwrap();
            }
            2 => world.pass(days(3)),
            3 => world.pass(days(-1)),
            4 => world.reopen().await,
            5 if people.is_none() => {
                world.publisher.rotate().await.unwrap();
            }
            6 | 7 => {
                let next = People::new(2 + index % 3, 1 + u32::from(step == 7));
                let mut offline = targets_of(&world, &next, &index.to_string()).await;
                let root = world.root().await;
                offline.roots = vec![next_root(&world, &root, &next, people.as_ref()).await];
                world.publisher.install(&offline).await.unwrap();
                people = Some(next);
            }
            _ => {}
        }
        world.publisher.renew(world.clock.now()).await.unwrap();
        let read = world.read(&[]).await.unwrap();
        let versions = (
            read.root_version,
            world.version("timestamp.json").await,
            world.publisher.lifecycle_version().await,
        );
        assert!(versions.0 >= last.0 && versions.1 >= last.1 && versions.2 >= last.2);
        last = versions;
        let cache = std::mem::take(&mut world.cache);
        let anew = world.read(&[]).await.unwrap();
        assert_eq!(anew.trusted_root, read.trusted_root);
        assert_eq!(anew.root_version, read.root_version);
        world.cache = cache;
    }
    assert_eq!(
        world.publisher.targets("revocations/").await.unwrap().len(),
        listed
    );
    let root = world.root().await;
    assert!(root.role(Role::Root).threshold() >= 1);
}
