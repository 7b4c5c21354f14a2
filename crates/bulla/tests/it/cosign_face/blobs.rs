//! Files, with a key and no services: bundles and the old loose parts.

use super::Pair;
use bulla_testkit::Outcome;

/// Key pairs of both programs, and a file.
fn pair() -> Option<Pair> {
    let pair = Pair::new()?;
    pair.world.write("notes.txt", "all there\n");
    pair.world.write("other.txt", "all gone\n");
    pair.world.write("predicate.json", r#"{"reviewed": true}"#);
    run(
        &pair,
        true,
        &["generate-key-pair", "--output-key-prefix", "a"],
    )
    .success();
    run(
        &pair,
        false,
        &["generate-key-pair", "--output-key-prefix", "b"],
    )
    .success();
    Some(pair)
}

fn run(pair: &Pair, ours: bool, args: &[&str]) -> Outcome {
    let program = match ours {
        true => pair.world.binary(),
        false => pair.cosign.clone(),
    };
    let mut command = pair.world.command(program);
    command.args(ours.then_some("cosign")).args(args);
    command.env("COSIGN_PASSWORD", "hunter2");
    pair.world.run(&mut command)
}

#[track_caller]
fn both(pair: &Pair, args: &[&str], code: i32) -> Outcome {
    let (ours, theirs) = (run(pair, true, args), run(pair, false, args));
    let told = format!("\n{}\n{}", ours.account(), theirs.account());
    assert_eq!((ours.code, theirs.code), (code, code), "{told}");
    let ok = |outcome: &Outcome| outcome.stderr.lines().any(|line| line == "Verified OK");
    assert_eq!(ok(&ours), code == 0, "{told}");
    ours
}

const UNLOGGED: [&str; 3] = ["-y", "--use-signing-config=false", "--tlog-upload=false"];

#[test]
fn a_file_signed_by_either_is_verified_by_both() {
    let Some(pair) = pair() else {
        return;
    };
    for (ours, key) in [(true, "b"), (false, "a"), (true, "a"), (false, "b")] {
        let private = format!("{key}.key");
        let public = format!("{key}.pub");
        let mut args = vec![
            "sign-blob",
            "--key",
            &private,
            "--bundle",
            "new.json",
            "notes.txt",
        ];
        args.extend(UNLOGGED);
        run(&pair, ours, &args)
            .success()
            .says("Wrote bundle to file new.json");
        let verify = [
            "verify-blob",
            "--insecure-ignore-tlog",
            "--key",
            &public,
            "--bundle",
        ];
        let with = |more: &[&'static str]| [&verify[..], more].concat();
        both(&pair, &with(&["new.json", "notes.txt"]), 0);
        both(&pair, &with(&["new.json", "other.txt"]), 1);
        // Without a word about the log, its entry is missed.
        both(
            &pair,
            &[
                "verify-blob",
                "--key",
                &public,
                "--bundle",
                "new.json",
                "notes.txt",
            ],
            1,
        );

        let mut args = vec![
            "sign-blob",
            "--key",
            &private,
            "--new-bundle-format=false",
            "--bundle",
            "old.json",
            "--output-signature",
            "notes.sig",
            "notes.txt",
        ];
        args.extend(UNLOGGED);
        run(&pair, ours, &args).success();
        both(&pair, &with(&["old.json", "notes.txt"]), 0);
        both(&pair, &with(&["old.json", "other.txt"]), 1);
        let detached = [
            "verify-blob",
            "--insecure-ignore-tlog",
            "--key",
            &public,
            "--signature",
            "notes.sig",
        ];
        both(&pair, &[&detached[..], &["notes.txt"]].concat(), 0);
        both(&pair, &[&detached[..], &["other.txt"]].concat(), 1);
    }
    let wrong = [
        "verify-blob",
        "--insecure-ignore-tlog",
        "--key",
        "a.pub",
        "--bundle",
        "new.json",
        "notes.txt",
    ];
    both(&pair, &wrong, 1);
}

/// The signature alone goes to stdout, as base64, and is the same for both.
#[test]
fn the_old_format_prints_the_signature() {
    let Some(pair) = pair() else {
        return;
    };
    let mut args = vec![
        "sign-blob",
        "--key",
        "a.key",
        "--new-bundle-format=false",
        "notes.txt",
    ];
    args.extend(UNLOGGED);
    for ours in [true, false] {
        let outcome = run(&pair, ours, &args);
        let line = outcome.success().stdout.trim_end();
        assert_eq!(line.lines().count(), 1, "{}", outcome.account());
        let signature = line.to_owned();
        let check = [
            "verify-blob",
            "--insecure-ignore-tlog",
            "--key",
            "a.pub",
            "--signature",
            &signature,
            "notes.txt",
        ];
        both(&pair, &check, 0);
    }
}

#[test]
fn a_statement_about_a_file_is_verified_by_both() {
    let Some(pair) = pair() else {
        return;
    };
    for ours in [true, false] {
        let kind = "https://example.com/review/v1";
        let mut args = vec![
            "attest-blob",
            "--key",
            "a.key",
            "--type",
            kind,
            "--predicate",
            "predicate.json",
            "--bundle",
            "att.json",
            "notes.txt",
        ];
        args.extend(UNLOGGED);
        run(&pair, ours, &args).success();
        let verify = [
            "verify-blob-attestation",
            "--insecure-ignore-tlog",
            "--key",
            "a.pub",
            "--bundle",
            "att.json",
            "--type",
        ];
        let with = |more: &[&'static str]| [&verify[..], more].concat();
        both(
            &pair,
            &with(&["https://example.com/review/v1", "notes.txt"]),
            0,
        );
        both(
            &pair,
            &with(&["https://example.com/review/v1", "other.txt"]),
            1,
        );
        both(&pair, &with(&["slsaprovenance", "notes.txt"]), 1);
        both(&pair, &with(&["https://example.com/review/v1"]), 1);
        both(
            &pair,
            &with(&["https://example.com/review/v1", "--check-claims=false"]),
            0,
        );
        let digest = bulla_core::Digest::sha256(b"all there\n");
        let named = [
            "verify-blob-attestation",
            "--insecure-ignore-tlog",
            "--key",
            "a.pub",
            "--bundle",
            "att.json",
            "--type",
            kind,
            "--digestAlg",
            "sha256",
            "--digest",
            digest.hex(),
        ];
        both(&pair, &named, 0);
    }
}

/// Keys of other tools, imported by either, are read by both.
#[test]
fn key_files_are_common() {
    let Some(pair) = pair() else {
        return;
    };
    for ours in [true, false] {
        let printed = ["a.key", "b.key"].map(|key| run(&pair, ours, &["public-key", "--key", key]));
        for (outcome, file) in printed.iter().zip(["a.pub", "b.pub"]) {
            let kept = std::fs::read_to_string(pair.world.dir().join(file)).unwrap();
            assert_eq!(outcome.success().stdout, kept);
        }
    }
    let mut make = pair.world.command("sh");
    make.args(["-c", "openssl ecparam -name prime256v1 -genkey -noout -out ec.pem && openssl genrsa -out rsa.pem 2048"]);
    pair.world.run(&mut make).success();
    for (key, by_ours) in [("ec", true), ("rsa", true), ("ec", false), ("rsa", false)] {
        let file = format!("{key}.pem");
        let prefix = format!("{key}-{by_ours}");
        run(
            &pair,
            by_ours,
            &[
                "import-key-pair",
                "--key",
                &file,
                "--output-key-prefix",
                &prefix,
            ],
        )
        .success();
        let (private, public) = (format!("{prefix}.key"), format!("{prefix}.pub"));
        let mut args = vec![
            "sign-blob",
            "--key",
            &private,
            "--bundle",
            "imported.json",
            "notes.txt",
        ];
        args.extend(UNLOGGED);
        run(&pair, !by_ours, &args).success();
        let check = [
            "verify-blob",
            "--insecure-ignore-tlog",
            "--key",
            &public,
            "--bundle",
            "imported.json",
            "notes.txt",
        ];
        both(&pair, &check, 0);
    }
    // What is there is not written over unasked.
    for ours in [true, false] {
        run(
            &pair,
            ours,
            &["generate-key-pair", "--output-key-prefix", "a"],
        )
        .exit(1)
        .says("user declined the prompt");
    }
}
