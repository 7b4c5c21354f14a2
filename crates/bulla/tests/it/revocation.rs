//! What is revoked no longer counts, what is provably older does, and what
//! cannot be known is undecided, at home and through the TUF repository.

use bulla_core::Digest;
use bulla_testkit::{Instance, Outcome, World};
use jiff::Timestamp;
use std::fs;

const DANA: &str = "dana@example.com";
const EVE: &str = "eve@example.com";

struct Place {
    world: World,
    instance: Instance,
}

impl Place {
    fn new() -> Self {
        let world = World::new();
        let instance = Instance::start(&world);
        Self { world, instance }
    }

    fn sign(&self, name: &str, email: &str) -> (String, String) {
        let file = self.world.write(format!("{name}.txt"), name);
        let bundle = self.world.dir().join(format!("{name}.json"));
        let (file, bundle) = (file.display().to_string(), bundle.display().to_string());
        let args = ["sign-blob", &file, "--bundle", &bundle, "--email", email];
        self.world.bulla(args).success();
        (file, bundle)
    }

    fn verify(&self, signed: &(String, String), email: &str, more: &[&str]) -> Outcome {
        let who = format!("{}={email}", self.instance.url("oidc"));
        let args = [
            "verify-blob",
            &signed.0,
            "--bundle",
            &signed.1,
            "--identity",
            &who,
        ];
        self.world.bulla([&args[..], more].concat())
    }

    fn revoke(&self, args: &[&str]) -> Outcome {
        self.world.bulla([&["revoke"], args].concat())
    }

    fn list(&self) -> std::path::PathBuf {
        self.world.data().join("trust/revocations.sigstore.json")
    }
}

#[test]
fn who_is_revoked_counts_for_what_is_older_only() {
    let place = Place::new();
    let before = place.sign("before", DANA);
    place.verify(&before, DANA, &[]).success();
    // Times are told in whole seconds, and whoever signs in the second of the cut is cut.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let cut = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    let after = place.sign("after", DANA);
    let (cut, reason) = (cut.to_string(), "left the company");
    place
        .revoke(&["identity", DANA, "--from", &cut, "--reason", reason])
        .success()
        .says("is revoked");
    let refused = place.verify(&after, DANA, &[]);
    refused.exit(1).says("TRUST-0800").says("left the company");
    place.verify(&before, DANA, &[]).success();
    let eve = place.sign("eve", EVE);
    place.verify(&eve, EVE, &[]).success();
    let late = place.world.write("late.txt", "late");
    let late = late.display().to_string();
    place
        .world
        .bulla(["sign-blob", &late, "--bundle", "late.json", "--email", DANA])
        .exit(5)
        .says("403 Forbidden")
        .says("is revoked from")
        .says(reason);

    let digest = Digest::sha256(b"eve").to_string();
    place
        .revoke(&["digest", &digest, "--reason", "backdoor"])
        .success();
    let refused = place.verify(&eve, EVE, &[]);
    refused.exit(1).says("TRUST-0800").says("backdoor");
    let listed = place.revoke(&["list", "-o", "json"]).success().json();
    assert_eq!(listed["number"], 3);
    assert_eq!(listed["entries"].as_array().map(Vec::len), Some(2));
}

#[test]
fn what_is_withdrawn_counts_again_and_only_what_is_named_exactly() {
    let place = Place::new();
    let signed = place.sign("notes", DANA);
    let back = ["--from", "2020-01-01", "--reason", "a mistake"];
    place
        .revoke(&[&["identity", DANA], &back[..]].concat())
        .success();
    let key = place.world.write("key", "not a key in a file");
    let digest = Digest::sha256(b"another artifact").to_string();
    for kind in ["key", "digest"] {
        place
            .revoke(&[&[kind, &digest], &back[..]].concat())
            .success();
    }
    place.verify(&signed, DANA, &[]).exit(1).says("TRUST-0800");

    let because = ["--reason", "it was another Dana"];
    let withdraw = |what: &[&str]| place.revoke(&[&["withdraw"], what, &because[..]].concat());
    // Another issuer, other letters, a key for a digest: not what is on the list.
    let other = "https://login.example.com";
    let capital = DANA.to_uppercase();
    let unknown = Digest::sha256(b"never listed").to_string();
    for wrong in [
        &["identity", DANA, "--issuer", other][..],
        &["identity", &capital],
        &["identity", EVE],
        &["key", &unknown],
        &["digest", &unknown],
    ] {
        withdraw(wrong)
            .exit(3)
            .says("CLI-0604")
            .says(&format!("it names the signer {DANA}"))
            .says(&format!("it names the key {digest}"));
    }
    let no_key = key.display().to_string();
    assert_ne!(withdraw(&["key", &no_key]).code, 0);
    place
        .revoke(&["withdraw", "identity", DANA])
        .exit(2)
        .says("--reason");
    let listed = place.revoke(&["list", "-o", "json"]).success().json();
    assert_eq!(listed["number"], 4, "nothing was published for them");

    let withdrawn = withdraw(&["identity", DANA, "-o", "json"]);
    let list = withdrawn.success().says("is not revoked any more").json();
    assert_eq!(list["number"], 5);
    assert_eq!(list["entries"].as_array().map(Vec::len), Some(2));
    assert_eq!(list["withdrawn"][0]["reason"], "it was another Dana");
    // Who asks about Dana reads why she counts again, and others do not.
    let explained = place.verify(&signed, DANA, &["--explain"]);
    explained
        .success()
        .says("not revoked by list number 5")
        .says("was revoked until ")
        .says("it was another Dana");
    let eve = place.sign("eve", EVE);
    let explained = place.verify(&eve, EVE, &["--explain"]);
    explained.success().says("not revoked by list number 5");
    assert!(!explained.stderr.contains("was revoked until"));
    withdraw(&["key", &digest]).success();
    withdraw(&["digest", &digest]).success();
    withdraw(&["digest", &digest])
        .exit(3)
        .says("nothing is revoked");
    let listed = place.revoke(&["list"]).success().stdout.clone();
    assert_eq!(listed.matches("it was another Dana").count(), 3, "{listed}");
    // Revoked again, it is not told as withdrawn any more.
    let again = ["digest", &digest, "--reason", "a backdoor after all"];
    place.revoke(&again).success();
    let listed = place.revoke(&["list"]).success().stdout.clone();
    assert_eq!(listed.matches("it was another Dana").count(), 2, "{listed}");
}

#[test]
fn a_root_in_a_file_needs_the_list_beside_it() {
    let place = Place::new();
    let signed = place.sign("notes", DANA);
    let root = place.instance.path("trusted_root").display().to_string();
    let list = place.list().display().to_string();
    let file = ["--trusted-root", &root];
    let unlooked = "revocation was not looked at";
    place.verify(&signed, DANA, &file).success().says(unlooked);
    let told = place.verify(&signed, DANA, &[&file[..], &["-o", "json"]].concat());
    let told = told.success().json();
    assert_eq!(told["proof"]["revocationNotLookedAt"], true);
    let checks = told["report"].to_string();
    assert!(checks.contains("--revocations FILE"), "{checks}");

    let both = [&file[..], &["--revocations", &list]].concat();
    let looked = place.verify(&signed, DANA, &both);
    looked.success();
    assert!(!looked.stderr.contains(unlooked), "{}", looked.stderr);
    let day = ["--from", "2020-01-01", "--reason", "left the company"];
    place
        .revoke(&[&["identity", DANA], &day[..]].concat())
        .success();
    place.verify(&signed, DANA, &file).success().says(unlooked);
    place
        .verify(&signed, DANA, &both)
        .exit(1)
        .says("TRUST-0800")
        .says("left the company");
    // The list of another instance, and none at all, decide nothing.
    let elsewhere = Place::new();
    let other = elsewhere.list().display().to_string();
    for wrong in [other.as_str(), "no-such-list.json"] {
        let args = [&file[..], &["--revocations", wrong]].concat();
        place
            .verify(&signed, DANA, &args)
            .exit(5)
            .says("TRUST-0801");
    }
}

#[test]
fn who_signs_the_list_is_not_put_on_it_and_other_services_come_off_again() {
    let place = Place::new();
    let issuer = place.instance.url("ca").to_owned() + "/oidc/service";
    let service = |name: &str| format!("{issuer}/{name}");
    let revoke = |name: &str| {
        let (subject, reason) = (service(name), ["--reason", "broken into"]);
        let who = ["identity", &subject, "--issuer", &issuer];
        place.revoke(&[&who[..], &reason].concat())
    };
    revoke("revoker")
        .exit(2)
        .says("CLI-0605")
        .says("signs this list");
    revoke("builder").success();
    let builder = service("builder");
    place
        .revoke(&[
            "withdraw", "identity", &builder, "--issuer", &issuer, "--reason", "mended",
        ])
        .success()
        .says("nothing is revoked");
}

#[test]
fn without_a_list_or_with_an_old_one_nothing_is_decided() {
    let place = Place::new();
    let signed = place.sign("notes", DANA);
    place.verify(&signed, DANA, &[]).success();
    let later = Timestamp::now() + jiff::SignedDuration::from_hours(24 * 8);
    let later = ["--as-of", &later.to_string()];
    place
        .verify(&signed, DANA, &later)
        .exit(5)
        .says("TRUST-0801")
        .says("bulla up");
    let list = fs::read(place.list()).unwrap();
    fs::write(place.list(), b"{}").unwrap();
    place.verify(&signed, DANA, &[]).exit(5).says("TRUST-0801");
    fs::remove_file(place.list()).unwrap();
    place.verify(&signed, DANA, &[]).exit(5).says("TRUST-0801");
    fs::write(place.list(), list).unwrap();
    place.verify(&signed, DANA, &[]).success();
}

/// Another machine, which knows the instance by its first root.
fn elsewhere(place: &Place) -> (World, String) {
    let elsewhere = World::new();
    let url = place.instance.url("tuf").to_owned();
    let root = place.instance.path("tuf_root");
    let print = Digest::sha256(&fs::read(&root).unwrap()).hex().to_owned();
    let root = root.display().to_string();
    let init = ["trust", "init", &url, "--root", &root];
    let print = ["--fingerprint", &print];
    elsewhere.bulla([&init[..], &print].concat()).success();
    (elsewhere, url)
}

fn verify_at((world, url): &(World, String), place: &Place, signed: &(String, String)) -> Outcome {
    let who = format!("{}={DANA}", place.instance.url("oidc"));
    let (file, bundle) = (&*signed.0, &*signed.1);
    let args = ["verify-blob", file, "--bundle", bundle, "--identity", &who];
    world.bulla([&args[..], &["--sigstore", url]].concat())
}

#[test]
fn others_learn_of_it_through_the_tuf_repository() {
    let place = Place::new();
    let signed = place.sign("notes", DANA);
    let elsewhere = elsewhere(&place);
    let verify = || verify_at(&elsewhere, &place, &signed);
    verify().success();
    let day = "2020-01-01";
    place
        .revoke(&[
            "identity",
            DANA,
            "--from",
            day,
            "--reason",
            "never was ours",
        ])
        .success();
    // Until it is told, the other place knows no better.
    verify().success();
    let (world, url) = &elsewhere;
    world.bulla(["trust", "update", url]).success();
    verify().exit(1).says("TRUST-0800").says("never was ours");
}

#[test]
fn others_follow_when_the_keys_that_carry_it_are_replaced() {
    let place = Place::new();
    let signed = place.sign("notes", DANA);
    let before = elsewhere(&place);
    let rotated = place.world.bulla(["trust", "rotate", "-o", "json"]);
    let rotated = rotated.success().says("have new keys").json();
    assert_eq!(rotated, serde_json::json!({"version": 1, "root": 2}));
    let day = ["--from", "2020-01-01", "--reason", "never was ours"];
    place
        .revoke(&[&["identity", DANA], &day[..]].concat())
        .success();
    let update = ["trust", "update", &before.1];
    before.0.bulla(update).success();
    // One that knew the former keys, and one that begins at the first root now.
    for elsewhere in [before, elsewhere(&place)] {
        verify_at(&elsewhere, &place, &signed)
            .exit(1)
            .says("TRUST-0800")
            .says("never was ours");
    }
}

#[test]
fn nobody_else_makes_the_list() {
    let place = Place::new();
    let statement = format!(
        r#"{{"version":1,"number":2,"issued":"{0}","nextUpdate":"2030-01-01T00:00:00Z","entries":[]}}"#,
        Timestamp::now()
    );
    let predicate = place.world.write("list.json", statement);
    let root = place.instance.path("tuf_root");
    let subject = place.world.write("root.json", fs::read(root).unwrap());
    let bundle = place.world.dir().join("forged.json");
    let (subject, predicate) = (
        subject.display().to_string(),
        predicate.display().to_string(),
    );
    let bundle_path = bundle.display().to_string();
    place
        .world
        .bulla([
            "attest-blob",
            &subject,
            "--predicate",
            &predicate,
            "--type",
            "https://bulla.dev/revocations/v1",
            "--bundle",
            &bundle_path,
            "--email",
            DANA,
        ])
        .success();
    fs::copy(&bundle, place.list()).unwrap();
    let signed = place.sign("notes", DANA);
    place
        .verify(&signed, DANA, &[])
        .exit(5)
        .says("TRUST-0801")
        .says("not by the instance's revoker");
}
