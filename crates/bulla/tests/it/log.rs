//! `bulla log`: who finds what in the logs of an instance, and a log that is read
//! on until it says something else than before.

use std::{fs, path::PathBuf, sync::LazyLock, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::{
    PublicKey,
    verifier_key::{Kind, VerifierKey},
};
use bulla_testkit::{Instance, Outcome, Shared, World};
use serde_json::{Value, json};

static SHARED: LazyLock<Shared> = LazyLock::new(Shared::start);

fn bulla(args: &[&str]) -> Outcome {
    SHARED.world().bulla(args)
}

/// Signs a file that says `name`, as somebody of that name; gives the address.
fn sign(name: &str) -> String {
    let email = format!("{name}@example.com");
    let world = SHARED.world();
    let file = world.write(format!("{name}.txt"), name);
    let bundle = world.dir().join(format!("{name}.json"));
    let (file, bundle) = (file.display().to_string(), bundle.display().to_string());
    bulla(&["sign-blob", &file, "--bundle", &bundle, "--email", &email]).success();
    email
}

/// Asks until the exit code is that one: what follows the log follows a little later.
#[track_caller]
fn until(code: i32, ask: impl Fn() -> Outcome) -> Outcome {
    for _ in 0..100 {
        let outcome = ask();
        if outcome.code == code {
            return outcome;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let last = ask();
    last.exit(code);
    last
}

#[test]
fn an_entry_is_found_by_name_issuer_and_digest() {
    let email = sign("search");
    let name = ["log", "search", "--name", &email];
    let found = until(0, || bulla(&name));
    let issuer = SHARED.instance().url("oidc");
    let digest = bulla_core::Digest::sha256(b"search").to_string();
    let line = found.stdout.trim_end();
    assert!(line.lines().count() == 1, "{}", found.account());
    assert!(
        line.ends_with(&format!(" hashedrekord {email} {issuer} {digest}")),
        "{line}"
    );
    let index: u64 = line.split(' ').next().unwrap().parse().unwrap();

    let answer = bulla(&[&name[..], &["-o", "json"]].concat());
    let answer = answer.success().json();
    let [entry] = &answer["entries"].as_array().unwrap()[..] else {
        panic!("{answer}");
    };
    assert_eq!(entry["logIndex"], index);
    assert_eq!(entry["signers"][0]["names"], json!([email]));
    assert_eq!(entry["signers"][0]["issuer"], issuer);
    assert!(answer["indexedSize"].as_u64().unwrap() > index);

    // Each criterion narrows the search, unless one of them is enough.
    let both = ["log", "search", "--name", &email, "--digest"];
    let other = bulla_core::Digest::sha256(b"another").to_string();
    let with = |digest: &str| [&both[..], &[digest]].concat().join(" ");
    let run = |line: String| bulla(&line.split(' ').collect::<Vec<_>>());
    run(with(&digest)).success();
    run(with(&other)).exit(3);
    run(with(&other) + " --any").success().says(&email);

    // The certificate is in a log of its own.
    let certificate = ["log", "search", "--log", "ct", "--name", &email];
    until(0, || bulla(&certificate))
        .says(" certificate ")
        .says(issuer);
}

#[test]
fn nothing_found_is_no_success_and_a_wrong_question_is_said_to_be_one() {
    let nobody = ["log", "search", "--name", "nobody@example.com"];
    assert_eq!(bulla(&nobody).exit(3).stdout, "");
    let none = bulla(&[&nobody[..], &["-o", "json"]].concat());
    assert_eq!(none.exit(3).json()["entries"], json!([]));
    for wrong in [
        &["--digest", "nonsense"] as &[&str],
        &["--key", "0123"],
        &[],
    ] {
        let refused = bulla(&[&["log", "search"], wrong].concat());
        refused.exit(2).says("CLI-0710").says("log search --help");
        assert_eq!(refused.stdout, "", "{}", refused.account());
    }
    bulla(&["log", "search", "--log", "v3"]).exit(2);
    bulla(&["log", "search", "--limit", "501"]).exit(2);
}

#[test]
fn findings_are_those_of_an_instance_that_there_is() {
    let nothing = bulla(&["log", "findings"]);
    assert_eq!(nothing.success().stdout, "");
    let nothing = bulla(&["log", "findings", "--acknowledge", "-o", "json"]);
    let empty = json!({"version": 1, "findings": [], "more": 0, "unread": []});
    assert_eq!(nothing.success().json(), empty);
    // Nobody serves it, but it was made: it is asked all the same.
    let world = World::new();
    world.bulla(["log", "findings"]).exit(7).says("CLI-0712");
    assert!(!world.data().exists(), "asking makes nothing");
    Instance::create(&world);
    world.bulla(["log", "findings"]).success();
}

/// The log of version 2, as somebody elsewhere watches it.
struct Watch {
    url: String,
    key: String,
    state: PathBuf,
}

impl Watch {
    fn new(name: &str) -> Self {
        let root = fs::read(SHARED.instance().path("trusted_root")).unwrap();
        let root: Value = serde_json::from_slice(&root).unwrap();
        let logs = root["tlogs"].as_array().unwrap().iter();
        let mut keys = logs.filter_map(|log| {
            let spki = STANDARD.decode(log["publicKey"]["rawBytes"].as_str()?);
            let key = PublicKey::from_spki_der(&spki.ok()?).ok()?;
            VerifierKey::new("127.0.0.1", Kind::Ed25519, key).ok()
        });
        Self {
            url: format!("{}/api/v2", SHARED.instance().url("log_v2")),
            key: keys.next().unwrap().to_string(),
            state: SHARED.folder(name).join("state.json"),
        }
    }

    fn look(&self, more: &[&str]) -> Outcome {
        let state = self.state.display().to_string();
        let args = ["log", "watch", &self.url, "--key", &self.key];
        bulla(&[&args[..], &["--state", &state], more].concat())
    }

    /// Looks until more than `before` entries are verified; gives how many are.
    #[track_caller]
    fn beyond(&self, before: u64) -> u64 {
        for _ in 0..100 {
            let looked = self.look(&["-o", "json"]);
            let verified = looked.success().json()["verified"].as_u64().unwrap();
            if verified > before {
                return verified;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("never more than {before}");
    }

    fn state(&self) -> Value {
        serde_json::from_slice(&fs::read(&self.state).unwrap()).unwrap()
    }
}

#[test]
fn a_log_is_read_on_until_it_is_another() {
    sign("watch");
    let watch = Watch::new("watch");
    let first = watch.beyond(0);
    assert_eq!(watch.state()["size"], first);
    sign("later");
    let second = watch.beyond(first);
    let looked = watch.look(&[]);
    looked.success().says(" verified");
    assert_eq!(looked.stdout, "", "nothing to tell: {}", looked.account());

    // Now the file remembers a tree that the log never had.
    let mut state = watch.state();
    assert!(state["size"].as_u64().unwrap() >= second);
    let edge = state["edge"][0].as_str().unwrap();
    let mut tile = STANDARD.decode(edge).unwrap();
    tile[0] ^= 1;
    state["edge"][0] = STANDARD.encode(tile).into();
    fs::write(&watch.state, state.to_string()).unwrap();
    let alarm = watch.look(&[]);
    alarm.exit(1);
    let said = format!("✗ {} contradicts itself: ", watch.url);
    assert!(alarm.stdout.starts_with(&said), "{}", alarm.account());
    // It goes on saying so, as the log grows too, and forgets nothing.
    sign("again");
    let alarm = watch.look(&["-o", "json"]);
    let told = alarm.exit(1).json();
    assert_eq!(told["findings"][0]["finding"], "contradiction");
    assert_eq!(told["verified"], state["size"]);
    assert_eq!(watch.state(), state);

    fs::write(&watch.state, "{}").unwrap();
    watch.look(&[]).exit(7).says("restore the file");
}

#[test]
fn an_entry_of_somebody_unexpected_is_told_once() {
    let email = sign("stranger");
    let watch = Watch::new("stranger");
    let rules = ["--watch", &email, "--allow", "release@example.com"];
    let told = until(1, || watch.look(&rules));
    let line = told.stdout.trim_end();
    assert!(
        line.starts_with(&format!("! {}, entry ", watch.url)) && line.contains(&email),
        "{}",
        told.account()
    );
    watch.look(&rules).success();
    let stranger = VerifierKey::parse(&watch.key).unwrap();
    let stranger = VerifierKey::new("127.0.0.2", Kind::Ed25519, stranger.key().clone());
    let stranger = stranger.unwrap().to_string();
    bulla(&["log", "watch", &watch.url, "--key", &stranger])
        .exit(7)
        .says("AUTH-0732");
    bulla(&["log", "watch", &watch.url, "--key", "nonsense"]).exit(2);
}
