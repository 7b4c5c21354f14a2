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

pub const UNLOGGED: [&str; 3] = ["-y", "--use-signing-config=false", "--tlog-upload=false"];

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

/// The loose parts of one become a bundle that both verify; and the tools that
/// look into bundles read what either wrote.
#[test]
fn bundles_are_made_shown_and_renewed() {
    let Some(pair) = pair() else {
        return;
    };
    let mut args = vec![
        "sign-blob",
        "--key",
        "b.key",
        "--new-bundle-format=false",
        "--output-signature",
        "notes.sig",
        "notes.txt",
    ];
    args.extend(UNLOGGED);
    run(&pair, false, &args).success();
    let parts = [
        "bundle",
        "create",
        "--artifact",
        "notes.txt",
        "--signature",
        "notes.sig",
        "--key",
        "b.pub",
        "--out",
        "made.json",
    ];
    run(&pair, true, &parts).exit(1).says("--ignore-tlog");
    run(&pair, true, &[&parts[..], &["--ignore-tlog"]].concat()).success();
    let verify = [
        "verify-blob",
        "--insecure-ignore-tlog",
        "--key",
        "b.pub",
        "--bundle",
        "made.json",
    ];
    both(&pair, &[&verify[..], &["notes.txt"]].concat(), 0);
    both(&pair, &[&verify[..], &["other.txt"]].concat(), 1);
    run(&pair, true, &["bundle", "inspect", "made.json"])
        .success()
        .says("does not perform cryptographic verification");
    run(&pair, true, &["bundle", "inspect", "notes.txt"]).exit(1);
    run(
        &pair,
        true,
        &["bundle", "upgrade", "made.json", "--out", "renewed.json"],
    )
    .success();
    let renewed = [
        "verify-blob",
        "--insecure-ignore-tlog",
        "--key",
        "b.pub",
        "--bundle",
        "renewed.json",
        "notes.txt",
    ];
    both(&pair, &renewed, 0);
}

/// What is there is read whole or not at all.
#[test]
fn broken_input_is_refused() {
    let Some(pair) = pair() else {
        return;
    };
    let mut args = vec![
        "sign-blob",
        "--key",
        "a.key",
        "--bundle",
        "good.json",
        "notes.txt",
    ];
    args.extend(UNLOGGED);
    run(&pair, true, &args).success();
    let good = std::fs::read(pair.world.dir().join("good.json")).unwrap();
    let deep = [b"[".repeat(5000), b"]".repeat(5000)].concat();
    let huge = format!("{{\"mediaType\":\"{}\"}}", "x".repeat(17 << 20));
    let cases: [(&str, &[u8]); 6] = [
        ("empty", b""),
        ("half", &good[..good.len() / 2]),
        ("deep", &deep),
        ("huge", huge.as_bytes()),
        ("null", b"null"),
        (
            "other",
            br#"{"mediaType":"application/json","base64Signature":""}"#,
        ),
    ];
    for (name, bytes) in cases {
        let file = format!("{name}.json");
        pair.world.write(&file, bytes);
        for verb in ["verify-blob", "verify-blob-attestation"] {
            let outcome = run(
                &pair,
                true,
                &[
                    verb,
                    "--insecure-ignore-tlog",
                    "--key",
                    "a.pub",
                    "--bundle",
                    &file,
                    "notes.txt",
                ],
            );
            outcome.exit(1);
            assert!(
                !outcome.stderr.contains("Verified OK"),
                "{}",
                outcome.account()
            );
        }
    }
    for key in [
        "notes.txt",
        "a.key",
        "nowhere.pub",
        "https://keys.example/k.pub",
    ] {
        run(
            &pair,
            true,
            &[
                "verify-blob",
                "--insecure-ignore-tlog",
                "--key",
                key,
                "--bundle",
                "good.json",
                "notes.txt",
            ],
        )
        .exit(1);
    }
}
