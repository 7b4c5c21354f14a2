//! Ceremonies from export to instance: the hand-over from online keys, the next
//! root by other people, an instance that never had root keys, and what is refused.

use bulla_authority::{
    AuthorityConfig,
    authority::{Mailbox, hand_over},
    ceremony::{
        Authorities, AuthorityKind, Export, Folder, KeyPlace, Outcome, Person, Plan, Protection,
        PublicKeyFile, RolePlan, Signed, Status, Transcript, replace, seal, sign_certificates,
        status, unseal, write_new,
    },
    key_slot::KeySlots,
    tuf::TufSettings,
};
use bulla_core::{Diagnose as _, Digest, SystemClock};
use bulla_crypto::{Scheme, Signer, SigningKey};
use bulla_store::Store;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::{collections::BTreeMap, path::Path, sync::Arc};
use zeroize::Zeroizing;

mod rows;

use crate::client::{certify, get, open, open_as, sign_blob};

/// People by name, and the keys of the authorities' roots.
type Keys = BTreeMap<String, SigningKey>;

fn days(days: i64) -> Timestamp {
    let now = Timestamp::now()
        .checked_add(SignedDuration::from_hours(24 * days))
        .unwrap();
    Timestamp::from_second(now.as_second()).unwrap()
}

fn plan(export: &[u8], names: &[&str], former: &[&str], threshold: u32, with: bool) -> Plan {
    let parsed = Export::parse(export).unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let role = |version: u64| RolePlan {
        version,
        threshold,
        people: names.clone(),
        expires: days(365),
    };
    let person = |name: &String| Person {
        name: name.clone(),
        recipients: vec![],
        token: None,
    };
    let former = former.iter().map(|name| (*name).to_owned());
    let everybody: Vec<String> = names.iter().cloned().chain(former).collect();
    Plan {
        version: 1,
        title: "tests".into(),
        created: days(0),
        instance: parsed.instance.clone(),
        export: Digest::sha256(export),
        root: role(parsed.root().unwrap().map_or(1, |root| root.version + 1)),
        targets: role(
            parsed
                .targets()
                .unwrap()
                .map_or(1, |targets| targets.version + 1),
        ),
        authorities: with.then(|| Authorities {
            ca_holder: names[0].clone(),
            tsa_holder: names[1].clone(),
            not_before: days(0),
            root_expires: days(3000),
            expires: days(1000),
        }),
        people: everybody.iter().map(person).collect(),
    }
}

fn register(folder: &Folder, name: &str, key: &SigningKey) {
    let file = PublicKeyFile::new(name, key.public(), KeyPlace::File);
    let bytes = serde_json::to_vec(&file).unwrap();
    write_new(&folder.public_key_path(name), &bytes).unwrap();
}

fn made(keys: &mut Keys, folder: &Folder) {
    let mut names: Vec<(String, Scheme)> = folder
        .plan()
        .people
        .iter()
        .enumerate()
        .map(|(at, person)| {
            (
                person.name.clone(),
                [Scheme::Ed25519, Scheme::EcdsaP256][at % 2],
            )
        })
        .collect();
    if folder.plan().authorities.is_some() {
        names.extend(AuthorityKind::ALL.map(|kind| (kind.root().to_owned(), Scheme::EcdsaP384)));
    }
    for (name, scheme) in names {
        let key = keys
            .entry(name.clone())
            .or_insert_with(|| SigningKey::generate(scheme).unwrap());
        register(folder, &name, key);
        if !name.ends_with("-root") {
            let now = Timestamp::now();
            Transcript::append(folder, &name, now, "registered keys", BTreeMap::new(), key)
                .unwrap();
        }
    }
}

fn certify_all(folder: &Folder, keys: &Keys) {
    for kind in AuthorityKind::ALL {
        let key = SigningKey::from_pkcs8_der(keys[kind.root()].to_pkcs8_der()).unwrap();
        let key: Arc<dyn Signer> = Arc::new(key);
        sign_certificates(kind, folder, key).unwrap();
    }
}

fn sign(folder: &Folder, keys: &Keys, name: &str) {
    Signed::sign(folder, name, &keys[name], Timestamp::now()).unwrap();
}

fn now(folder: &Folder) -> Status {
    status(folder, Timestamp::now()).unwrap()
}

async fn export_of(dir: &Path) -> Vec<u8> {
    let store = Store::open(dir).await.unwrap();
    Mailbox::new(store.values())
        .export()
        .await
        .unwrap()
        .unwrap()
}

async fn hand(dir: &Path, outcome: &Outcome) -> Result<(), bulla_authority::AuthorityError> {
    let store = Store::open(dir).await.unwrap();
    let slots = KeySlots::open(&dir.join("keys")).await.unwrap();
    let (values, settings) = (store.values(), TufSettings::default());
    hand_over(values, slots, settings, Arc::new(SystemClock), outcome)
        .await
        .map(drop)
}

async fn leave(dir: &Path, outcome: &Outcome) {
    let store = Store::open(dir).await.unwrap();
    Mailbox::new(store.values()).leave(outcome).await.unwrap();
}

async fn answer(dir: &Path) -> bulla_authority::authority::Answer {
    let store = Store::open(dir).await.unwrap();
    Mailbox::new(store.values())
        .answer()
        .await
        .unwrap()
        .unwrap()
}

fn version(bytes: &[u8]) -> u64 {
    serde_json::from_slice::<Value>(bytes).unwrap()["signed"]["version"]
        .as_u64()
        .unwrap()
}

#[tokio::test]
async fn people_take_over_from_the_machine_and_hand_on_to_others() {
    let (dir, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = open(dir.path()).await;
    let id = first.root_id();
    let signer = certify(&first).await;
    drop(first);

    // Three people, two of whom must sign; the authorities' roots are theirs, too.
    let export = export_of(dir.path()).await;
    let names = ["alice", "bob", "carol"];
    let one = place.path().join("one");
    let folder = Folder::create(&one, &plan(&export, &names, &[], 2, true), &export).unwrap();
    let mut keys = Keys::new();
    assert!(
        now(&folder)
            .missing
            .iter()
            .any(|line| line.contains("--as carol"))
    );
    made(&mut keys, &folder);
    let waiting = now(&folder);
    assert!(waiting.outcome.is_none() && waiting.missing.iter().any(|l| l.contains("not signed")));
    certify_all(&folder, &keys);
    sign(&folder, &keys, "carol");
    let open_still = now(&folder);
    assert!(open_still.outcome.is_none());
    assert!(
        open_still
            .missing
            .iter()
            .any(|line| line.contains("1 of 2")),
        "{open_still:?}"
    );
    sign(&folder, &keys, "alice");
    let complete = now(&folder);
    assert!(
        complete.hand_over && complete.missing.is_empty(),
        "{complete:?}"
    );
    let outcome = complete.outcome.unwrap();
    // What merely lies in the store is not signed by the online root.
    leave(dir.path(), &outcome).await;
    let still = open(dir.path()).await;
    let refused = answer(dir.path()).await;
    assert!(
        refused.error.unwrap().contains("0 of its keys"),
        "nobody handed over"
    );
    assert_eq!(version(&get(&still, "/tuf/root.json").await.body), 1);
    drop(still);
    hand(dir.path(), &outcome).await.unwrap();

    let second = open(dir.path()).await;
    assert_eq!(second.root_id(), id, "the fingerprint stays");
    assert_eq!(version(&get(&second, "/tuf/root.json").await.body), 2);
    for slot in ["tuf-root", "tuf-targets", "ca-root", "tsa-root"] {
        assert!(
            !dir.path()
                .join("keys")
                .join(format!("{slot}.sealed"))
                .exists(),
            "{slot}"
        );
    }
    // The new authorities serve, and the old ones are still known.
    let authorities = second.trusted_root()["certificateAuthorities"]
        .as_array()
        .unwrap();
    assert_eq!(authorities.len(), 2);
    let now_signer = certify(&second).await;
    sign_blob(&second, &now_signer, b"by the new intermediate").await;
    sign_blob(&second, &signer, b"by the old one").await;
    // The transcripts go into the log, signed by their writers.
    let before = second.log().log().size();
    second.renew(Timestamp::now()).await.unwrap();
    let logged = second.log().log().size();
    // The instance's own first list of revocations may be among them.
    assert!(logged >= before + 3, "one for each person");
    second.renew(Timestamp::now()).await.unwrap();
    assert_eq!(second.log().log().size(), logged, "once");
    let alarmed: Vec<String> = second
        .tuf()
        .lifetimes()
        .iter()
        .filter(|life| {
            life.alarm(days(200))
                .is_some_and(|a| a.mend.contains("ceremony plan"))
        })
        .map(|life| life.what.clone())
        .collect();
    assert_eq!(alarmed, ["TUF root", "TUF targets"]);
    assert!(
        second
            .tuf()
            .lifetimes()
            .iter()
            .all(|life| life.alarm(Timestamp::now()).is_none())
    );
    drop(second);

    // The next root: bob goes, dave comes, three must sign; while it serves.
    let export = export_of(dir.path()).await;
    let names = ["alice", "carol", "dave"];
    let two = place.path().join("two");
    let folder = Folder::create(&two, &plan(&export, &names, &["bob"], 3, false), &export).unwrap();
    made(&mut keys, &folder);
    for name in names {
        sign(&folder, &keys, name);
    }
    // Alice and Carol are two of the three of before, which is its threshold.
    let outcome = now(&folder).outcome.unwrap();
    let third = open(dir.path()).await;
    leave(dir.path(), &outcome).await;
    third.renew(Timestamp::now()).await.unwrap();
    let taken = answer(dir.path()).await;
    assert_eq!((taken.root_version, taken.error), (Some(3), None));
    assert_eq!(version(&get(&third, "/tuf/root.json").await.body), 3);
    // The same again is not a second root.
    leave(dir.path(), &outcome).await;
    third.renew(Timestamp::now()).await.unwrap();
    assert_eq!(answer(dir.path()).await.root_version, Some(3));
    assert_eq!(get(&third, "/tuf/4.root.json").await.status, 404);
}

#[tokio::test]
async fn an_instance_whose_root_never_was_online() {
    let (dir, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config = || AuthorityConfig {
        tuf: TufSettings {
            offline: true,
            ..TufSettings::default()
        },
        ..AuthorityConfig::loopback(4321)
    };
    let refused = open_as(dir.path(), config()).await.err().unwrap();
    assert_eq!(refused.code().0, "AUTH-0604");
    assert!(refused.hint().unwrap().contains("trust export --ceremony"));
    let export = export_of(dir.path()).await;
    let plan = plan(&export, &["alice", "bob"], &[], 2, true);
    let folder = Folder::create(place.path(), &plan, &export).unwrap();
    let mut keys = Keys::new();
    made(&mut keys, &folder);
    certify_all(&folder, &keys);
    sign(&folder, &keys, "alice");
    sign(&folder, &keys, "bob");
    let complete = now(&folder);
    assert!(!complete.hand_over);
    leave(dir.path(), &complete.outcome.unwrap()).await;
    let authority = open_as(dir.path(), config()).await.unwrap();
    assert_eq!(version(authority.tuf_root()), 1);
    assert_eq!(authority.root_id().0, Digest::sha256(authority.tuf_root()));
    let signer = certify(&authority).await;
    sign_blob(&authority, &signer, b"from the first day").await;
    for slot in ["tuf-root", "tuf-targets", "ca-root", "tsa-root"] {
        assert!(
            !dir.path()
                .join("keys")
                .join(format!("{slot}.sealed"))
                .exists(),
            "{slot}"
        );
    }
}

#[tokio::test]
async fn what_somebody_changed_on_the_way_is_found() {
    let (dir, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(open(dir.path()).await);
    let export = export_of(dir.path()).await;
    let folder = Folder::create(
        place.path(),
        &plan(&export, &["alice", "bob"], &[], 2, false),
        &export,
    )
    .unwrap();
    let mut keys = Keys::new();
    made(&mut keys, &folder);
    sign(&folder, &keys, "alice");
    sign(&folder, &keys, "bob");
    assert!(now(&folder).outcome.is_some());
    let change = |path: &Path, from: &str, to: &str| {
        let good = std::fs::read_to_string(path).unwrap();
        assert!(good.contains(from), "{} {from}", path.display());
        replace(path, good.replacen(from, to, 1).as_bytes()).unwrap();
        let found = Folder::open(place.path()).and_then(|folder| status(&folder, Timestamp::now()));
        replace(path, good.as_bytes()).unwrap();
        found
    };
    let refused = |found: Result<Status, bulla_authority::ceremony::CeremonyError>| match found {
        Err(error) => error.code().0,
        Ok(status) => panic!("{status:?}"),
    };
    // A threshold of less than was agreed, other versions, other keys, other lines.
    let plan_path = place.path().join("plan.toml");
    assert_eq!(
        refused(change(&plan_path, "threshold = 2", "threshold = 1")),
        "AUTH-0623"
    );
    assert_eq!(
        refused(change(&plan_path, "threshold = 2", "threshold = 0")),
        "AUTH-0628"
    );
    assert_eq!(
        refused(change(&plan_path, "version = 2", "version = 3")),
        "AUTH-0628"
    );
    assert_eq!(
        refused(change(&plan_path, "[[person]]", "[[person]]\nnote = 1")),
        "AUTH-0623"
    );
    let export_path = place.path().join("export.json");
    assert_eq!(
        refused(change(
            &export_path,
            "bulla local instance",
            "bulla other instance"
        )),
        "AUTH-0623"
    );
    let share = folder.share_path("root", "alice");
    let own: Value = serde_json::from_slice(&std::fs::read(&share).unwrap()).unwrap();
    let signature = own["signature"]
        .as_str()
        .unwrap()
        .get(..8)
        .unwrap()
        .to_owned();
    assert_eq!(refused(change(&share, &signature, "00000000")), "AUTH-0623");
    assert_eq!(refused(change(&share, "alice", "bob")), "AUTH-0623");
    let transcript = folder.transcript_path("bob");
    assert_eq!(
        refused(change(&transcript, "signed", "looked")),
        "AUTH-0623"
    );
    let lines = std::fs::read_to_string(&transcript).unwrap();
    let (line, _) = lines.split_once('\n').unwrap();
    assert_eq!(
        refused(change(&transcript, &format!("{line}\n"), "")),
        "AUTH-0623"
    );
    // One key under two names is one key.
    let bob = folder.public_key_path("bob");
    let good = std::fs::read(&bob).unwrap();
    let twin = PublicKeyFile::new("bob", keys["alice"].public(), KeyPlace::File);
    replace(&bob, &serde_json::to_vec(&twin).unwrap()).unwrap();
    let twice = status(&folder, Timestamp::now()).unwrap_err();
    assert_eq!(twice.code().0, "AUTH-0628", "{twice}");
    replace(&bob, &good).unwrap();
    // Somebody else's key signs for nobody, and a key that is not in the plan neither.
    let stranger = SigningKey::generate(Scheme::Ed25519).unwrap();
    let refused = Signed::sign(&folder, "alice", &stranger, Timestamp::now()).unwrap_err();
    assert_eq!(refused.code().0, "AUTH-0627");
    let refused = Signed::due(&folder, "mallory").unwrap_err();
    assert_eq!(refused.code().0, "AUTH-0630");
    assert!(now(&folder).outcome.is_some(), "all is as it was");
    // And late, it is worth nothing.
    assert_eq!(
        status(&folder, days(366)).unwrap_err().code().0,
        "AUTH-0628"
    );
}

#[tokio::test]
async fn a_result_for_another_state_of_the_instance_changes_nothing() {
    let (dir, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(open(dir.path()).await);
    let export = export_of(dir.path()).await;
    let mut outcomes = Vec::new();
    for name in ["one", "two"] {
        let place = place.path().join(name);
        let plan = plan(&export, &["alice", "bob"], &[], 1, false);
        let folder = Folder::create(&place, &plan, &export).unwrap();
        let mut keys = Keys::new();
        made(&mut keys, &folder);
        sign(&folder, &keys, "alice");
        outcomes.push(now(&folder).outcome.unwrap());
    }
    hand(dir.path(), &outcomes[0]).await.unwrap();
    let refused = hand(dir.path(), &outcomes[1]).await.unwrap_err();
    assert_eq!(refused.code().0, "TRUST-0277", "{refused}");
    leave(dir.path(), &outcomes[1]).await;
    let authority = open(dir.path()).await;
    assert!(answer(dir.path()).await.error.is_some());
    assert_eq!(version(&get(&authority, "/tuf/root.json").await.body), 2);
}

#[test]
fn a_key_file_opens_for_its_recipient_and_its_passphrase_alone() {
    use age::secrecy::ExposeSecret as _;
    let key = SigningKey::generate(Scheme::Ed25519).unwrap();
    let path = Path::new("alice.age");
    let identity = age::x25519::Identity::generate();
    let secret = Zeroizing::new(identity.to_string().expose_secret().to_owned());
    let recipients = Protection::Recipients(vec![identity.to_public().to_string()]);
    let sealed = seal(&key, &recipients).unwrap();
    let opened = unseal(path, &sealed, &[secret], None).unwrap();
    assert_eq!(opened.public(), key.public());
    let other = age::x25519::Identity::generate().to_string();
    let other = Zeroizing::new(other.expose_secret().to_owned());
    assert_eq!(
        unseal(path, &sealed, &[other], None).unwrap_err().code().0,
        "AUTH-0620"
    );
    assert!(unseal(path, &sealed, &[], None).is_err());

    let words = |text: &str| Zeroizing::new(text.to_owned());
    let sealed = seal(&key, &Protection::Passphrase(words("correct horse"))).unwrap();
    assert!(unseal(path, &sealed, &[], None).is_err());
    assert!(unseal(path, &sealed, &[], Some(&words("wrong horse"))).is_err());
    let opened = unseal(path, &sealed, &[], Some(&words("correct horse"))).unwrap();
    assert_eq!(opened.public(), key.public());
    let mut changed = sealed.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    assert!(unseal(path, &changed, &[], Some(&words("correct horse"))).is_err());
    let mistaken = Protection::Recipients(vec!["age1nobody".into()]);
    assert_eq!(seal(&key, &mistaken).unwrap_err().code().0, "AUTH-0629");
}
