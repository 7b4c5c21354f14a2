//! SHA-384 and SHA-512: keys that sign them, statements that name a file by nothing
//! else, and digests in place of files.

use super::Pair;
use bulla_core::Digest;
use bulla_testkit::{Outcome, require};

const TEXT: &str = "all there\n";
const KIND: &str = "https://example.com/review/v1";
const UNLOGGED: [&str; 3] = ["-y", "--use-signing-config=false", "--tlog-upload=false"];

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
fn both(pair: &Pair, args: &[&str], code: i32) {
    let (ours, theirs) = (run(pair, true, args), run(pair, false, args));
    let told = format!("{args:?}\n{}\n{}", ours.account(), theirs.account());
    assert_eq!((ours.code, theirs.code), (code, code), "{told}");
}

/// A file, another, and key pairs on all three curves.
fn pair() -> Option<Pair> {
    let pair = Pair::new()?;
    require("openssl")?;
    pair.world.write("notes.txt", TEXT);
    pair.world.write("other.txt", "all gone\n");
    pair.world.write("predicate.json", "{}");
    for curve in ["P-256", "P-384", "P-521"] {
        let pem = format!("{curve}.pem");
        let mut make = pair.world.command("openssl");
        make.args(["genpkey", "-algorithm", "EC", "-pkeyopt"]);
        make.args([&format!("ec_paramgen_curve:{curve}"), "-out", &pem]);
        pair.world.run(&mut make).success();
        let args = [
            "import-key-pair",
            "-y",
            "--key",
            &pem,
            "--output-key-prefix",
            curve,
        ];
        run(&pair, true, &args).success();
    }
    Some(pair)
}

fn digests() -> [(&'static str, Digest, Digest); 3] {
    let (text, other) = (TEXT.as_bytes(), b"all gone\n");
    [
        ("sha256", Digest::sha256(text), Digest::sha256(other)),
        ("sha384", Digest::sha384(text), Digest::sha384(other)),
        ("sha512", Digest::sha512(text), Digest::sha512(other)),
    ]
}

/// The real program verifies what larger keys signed once it is told their hash.
#[test]
fn a_file_signed_with_a_larger_key_is_verified_by_both() {
    let Some(pair) = pair() else {
        return;
    };
    for (curve, (name, digest, other)) in ["P-256", "P-384", "P-521"].into_iter().zip(digests()) {
        let (private, public) = (format!("{curve}.key"), format!("{curve}.pub"));
        for signer in [true, false] {
            let mut args = vec!["sign-blob", "--key", &private, "--bundle", "b.json"];
            args.extend(UNLOGGED);
            args.push("notes.txt");
            run(&pair, signer, &args).success();
            let mut check = vec!["verify-blob", "--insecure-ignore-tlog", "--key", &public];
            check.extend(["--bundle", "b.json", "--signature-digest-algorithm", name]);
            let with = |what: &str| {
                let args: Vec<&str> = check.iter().copied().chain([what]).collect();
                args.into_iter().map(str::to_owned).collect::<Vec<_>>()
            };
            for (what, code) in [
                ("notes.txt", 0),
                ("other.txt", 1),
                (digest.to_string().as_str(), 0),
                (other.to_string().as_str(), 1),
            ] {
                let args = with(what);
                let args: Vec<&str> = args.iter().map(String::as_str).collect();
                both(&pair, &args, code);
            }
        }
    }
}

#[test]
fn a_statement_may_name_a_file_by_any_of_them() {
    let Some(pair) = pair() else {
        return;
    };
    let verify = |more: &[&str], code: i32| {
        let args = ["verify-blob-attestation", "--insecure-ignore-tlog"];
        let args = [&args[..], &["--key", "P-256.pub", "--bundle", "s.json"]].concat();
        both(&pair, &[&args[..], &["--type", KIND], more].concat(), code);
    };
    for (name, digest, other) in digests() {
        let statement = serde_json::json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "notes", "digest": {name: digest.hex()}}],
            "predicateType": KIND,
            "predicate": {},
        });
        pair.world.write("statement.json", statement.to_string());
        let mut args = vec!["attest-blob", "--key", "P-256.key", "--bundle", "s.json"];
        args.extend(["--statement", "statement.json"]);
        args.extend(UNLOGGED);
        run(&pair, false, &args).success();
        verify(&["notes.txt"], 0);
        verify(&["other.txt"], 1);
        verify(&["--digestAlg", name, "notes.txt"], 0);
        verify(&["--digestAlg", "md5", "notes.txt"], 1);
        verify(&["--check-claims=false", "other.txt"], 0);
        verify(&["--digestAlg", name, "--digest", digest.hex()], 0);
        verify(&["--digestAlg", name, "--digest", other.hex()], 1);
    }
    // A right digest excuses no wrong one beside it.
    let [(_, good, _), _, (_, _, wrong)] = digests();
    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "notes", "digest": {"sha256": good.hex(), "sha512": wrong.hex()}}],
        "predicateType": KIND,
        "predicate": {},
    });
    pair.world.write("statement.json", statement.to_string());
    let mut args = vec!["attest-blob", "--key", "P-256.key", "--bundle", "s.json"];
    args.extend(["--statement", "statement.json"]);
    args.extend(UNLOGGED);
    run(&pair, false, &args).success();
    verify(&["notes.txt"], 1);
}

/// Loose parts of a larger key become a bundle that verifies.
#[test]
fn a_bundle_is_made_with_the_hash_that_was_signed() {
    let Some(pair) = pair() else {
        return;
    };
    for curve in ["P-384", "P-521"] {
        let (private, public) = (format!("{curve}.key"), format!("{curve}.pub"));
        let mut args = vec!["sign-blob", "--key", &private, "--new-bundle-format=false"];
        args.extend(["--output-signature", "sig"]);
        args.extend(UNLOGGED);
        args.push("notes.txt");
        run(&pair, false, &args).success();
        let args = [
            "bundle",
            "create",
            "--ignore-tlog",
            "--key",
            &public,
            "--signature",
            "sig",
        ];
        let args = [
            &args[..],
            &["--artifact", "notes.txt", "--out", "made.json"],
        ]
        .concat();
        run(&pair, true, &args).success();
        let check = ["verify-blob", "--insecure-ignore-tlog", "--key", &public];
        let check = [&check[..], &["--bundle", "made.json"]].concat();
        run(&pair, true, &[&check[..], &["notes.txt"]].concat()).success();
        run(&pair, true, &[&check[..], &["other.txt"]].concat()).exit(1);
    }
}
