//! With certificates of the local instance: signed by either program, verified
//! by both, named by address, by expression, by root file and by `initialize`.

use bulla_testkit::{Outcome, Shared, require};
use serde_json::Value;
use std::{path::PathBuf, process::Command, sync::LazyLock};

const FAY: &str = "fay@example.com";
pub static SHARED: LazyLock<Shared> = LazyLock::new(Shared::start);

/// Either program, with the credential and the documents of the instance.
pub fn program(ours: bool, cosign: &PathBuf, args: &[&str]) -> Command {
    let binary = SHARED.world().binary();
    let program = if ours { &binary } else { cosign };
    let mut command = SHARED.instance().client(SHARED.world(), program);
    command.args(ours.then_some("cosign")).args(args);
    command
}

pub fn path(name: &str) -> String {
    SHARED.instance().path(name).display().to_string()
}

/// Signs with a token of Fay's.
pub fn sign(ours: bool, cosign: &PathBuf, args: &[&str]) -> Outcome {
    let mut command = program(ours, cosign, args);
    // In a file: cosign takes a token on the command line for a file's name.
    let token = SHARED.instance().token(SHARED.world(), FAY);
    let file = SHARED
        .world()
        .write(format!("token-{}", token.len()), &token);
    command.args(["-y", "--identity-token"]).arg(file);
    SHARED.world().run(&mut command)
}

/// Both programs with the instance's root file; they end alike.
#[track_caller]
fn both(cosign: &PathBuf, args: &[&str], code: i32) -> Outcome {
    let root = path("trusted_root");
    let args: Vec<&str> = args
        .iter()
        .copied()
        .chain(["--trusted-root", &root])
        .collect();
    both_with(cosign, &args, &[], code)
}

/// Both programs with these variables; they end alike. What ours said.
#[track_caller]
pub fn both_with(cosign: &PathBuf, args: &[&str], env: &[(&str, String)], code: i32) -> Outcome {
    both_with_both(cosign, args, env, code).0
}

/// The same; what both said, ours first.
#[track_caller]
pub fn both_with_both(
    cosign: &PathBuf,
    args: &[&str],
    env: &[(&str, String)],
    code: i32,
) -> (Outcome, Outcome) {
    let run = |ours: bool| {
        let mut command = program(ours, cosign, args);
        command.envs(env.iter().map(|(name, value)| (name, value)));
        SHARED.world().run(&mut command)
    };
    let (ours, theirs) = (run(true), run(false));
    let told = format!("\n{}\n{}", ours.account(), theirs.account());
    assert_eq!((ours.code, theirs.code), (code, code), "{told}");
    (ours, theirs)
}

pub fn issuer() -> &'static str {
    SHARED.instance().url("oidc")
}

#[test]
fn files_signed_by_either_are_verified_by_both() {
    let Some(cosign) = require("cosign") else {
        return;
    };
    let folder = SHARED.folder("keyless-files");
    let file = |name: &str| folder.join(name).display().to_string();
    let (notes, other) = (file("notes.txt"), file("other.txt"));
    std::fs::write(&notes, "all there\n").unwrap();
    std::fs::write(&other, "all gone\n").unwrap();
    for ours in [true, false] {
        let bundle = file(&format!("{ours}.json"));
        let (config, root) = (path("signing_config"), path("trusted_root"));
        let args = [
            "sign-blob",
            "--signing-config",
            &config,
            "--trusted-root",
            &root,
            "--bundle",
            &bundle,
            &notes,
        ];
        sign(ours, &cosign, &args)
            .success()
            .says("Wrote bundle to file");
        let check = |more: &[&str], code| {
            let args = [&["verify-blob", "--bundle", &bundle], more].concat();
            both(&cosign, &args, code)
        };
        let by = [
            "--certificate-identity",
            FAY,
            "--certificate-oidc-issuer",
            issuer(),
        ];
        check(&[&by[..], &[&notes]].concat(), 0).says("Verified OK");
        check(&[&by[..], &[&other]].concat(), 1);
        check(
            &[
                "--certificate-identity",
                "gil@example.com",
                "--certificate-oidc-issuer",
                issuer(),
                &notes,
            ],
            1,
        );
        check(
            &[
                "--certificate-identity",
                FAY,
                "--certificate-oidc-issuer",
                "https://other.example",
                &notes,
            ],
            1,
        );
        for (pattern, code) in [
            ("^fay@example\\.com$", 0),
            ("^.*@example\\.com$", 0),
            ("fay@", 0),
            ("^gil@", 1),
            ("(", 1),
        ] {
            let by = [
                "--certificate-identity-regexp",
                pattern,
                "--certificate-oidc-issuer-regexp",
                "^http://127\\.0\\.0\\.1:[0-9]+/oidc/asserted$",
            ];
            check(&[&by[..], &[&notes]].concat(), code);
        }
        let workflow = ["--certificate-github-workflow-name", "release", &notes];
        check(&[&by[..], &workflow].concat(), 1);
        // What a bundle holds may not be given beside it.
        let root = path("trusted_root");
        for flag in [
            "--certificate",
            "--certificate-chain",
            "--ca-roots",
            "--timestamp-certificate-chain",
            "--signature",
        ] {
            let loose = [flag, root.as_str(), &notes];
            check(&[&by[..], &loose].concat(), 1);
        }
        let key = ["--key", &file("nowhere.pub"), &notes];
        check(&key, 1);
    }
}

#[test]
fn images_signed_by_either_are_verified_by_both() {
    let (Some(cosign), Some(crane)) = (require("cosign"), require("crane")) else {
        return;
    };
    let folder = SHARED.folder("keyless-images");
    std::fs::write(folder.join("words.txt"), "words\n").unwrap();
    let mut tar = SHARED.world().command("tar");
    tar.current_dir(&folder)
        .args(["-cf", "words.tar", "words.txt"]);
    SHARED.world().run(&mut tar).success();
    for ours in [true, false] {
        let reference = format!("{}/keyless-{ours}:v1", SHARED.instance().registry());
        let mut push = SHARED.instance().client(SHARED.world(), &crane);
        push.current_dir(&folder);
        push.args([
            "append",
            "--insecure",
            "--oci-empty-base",
            "-f",
            "words.tar",
            "-t",
            &reference,
        ]);
        let pushed = SHARED.world().run(&mut push);
        let image = pushed.success().stdout.trim().to_owned();
        let (config, root) = (path("signing_config"), path("trusted_root"));
        let with = [
            "--signing-config",
            config.as_str(),
            "--trusted-root",
            root.as_str(),
        ];
        let args = [&["sign"], &with[..], &["-a", "env=prod", &image]].concat();
        sign(ours, &cosign, &args).success();
        let by = [
            "--certificate-identity",
            FAY,
            "--certificate-oidc-issuer",
            issuer(),
        ];
        let outcome = both(&cosign, &[&["verify"], &by[..], &[&image]].concat(), 0);
        outcome.says("Existence of the claims in the transparency log was verified offline");
        let line = outcome
            .stdout
            .lines()
            .find(|line| line.starts_with('['))
            .unwrap();
        let found: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            found[0]["critical"]["type"],
            "https://sigstore.dev/cosign/sign/v1"
        );
        assert_eq!(found[0]["optional"]["env"], "prod");
        both(
            &cosign,
            &[
                "verify",
                "--certificate-identity",
                "gil@example.com",
                "--certificate-oidc-issuer",
                issuer(),
                &image,
            ],
            1,
        );

        let predicate = folder.join("review.json");
        std::fs::write(&predicate, r#"{"reviewed": true}"#).unwrap();
        let predicate = predicate.display().to_string();
        let args = [&["attest"], &with[..], &["--predicate", &predicate, &image]].concat();
        sign(ours, &cosign, &args).success();
        // The default type is `custom`, whose predicate carries the file as text.
        let outcome = both(
            &cosign,
            &[&["verify-attestation"], &by[..], &[&image]].concat(),
            0,
        );
        assert!(outcome.stdout.starts_with('{'), "{}", outcome.account());
        both(
            &cosign,
            &[
                &["verify-attestation", "--type", "vuln"],
                &by[..],
                &[&image],
            ]
            .concat(),
            1,
        );
    }
}

/// The documents of an instance come by TUF, once; after that no flag is needed.
#[test]
fn initialize_makes_an_instance_known() {
    let Some(cosign) = require("cosign") else {
        return;
    };
    let folder = SHARED.folder("initialized");
    let home = folder.join("home").display().to_string();
    let notes = folder.join("notes.txt").display().to_string();
    let bundle = folder.join("notes.json").display().to_string();
    std::fs::write(&notes, "all there\n").unwrap();
    let at = |args: &[&str], token: bool| {
        let mut command = program(true, &cosign, args);
        command.env("XDG_DATA_HOME", &home);
        if token {
            command.env(
                "SIGSTORE_ID_TOKEN",
                SHARED.instance().token(SHARED.world(), FAY),
            );
        }
        SHARED.world().run(&mut command)
    };
    let tuf = SHARED.instance().url("tuf").to_owned();
    at(&["initialize", "--mirror", &tuf], false)
        .exit(1)
        .says("is not known");
    let wrong = "0".repeat(64);
    at(
        &["initialize", "--mirror", &tuf, "--root-checksum", &wrong],
        false,
    )
    .exit(1);
    let root = path("tuf_root");
    at(&["initialize", "--mirror", &tuf, "--root", &root], false).success();
    at(&["sign-blob", "--bundle", &bundle, "-y", &notes], true).success();
    let verify = [
        "verify-blob",
        "--bundle",
        &bundle,
        "--certificate-identity",
        FAY,
        "--certificate-oidc-issuer",
        issuer(),
        &notes,
    ];
    at(&verify, false).success().says("Verified OK");
    // Back to the public-good instance, which knows nothing of it.
    at(&["initialize"], false).success();
    at(&verify, false).exit(1);
}

/// The instance of `TUF_MIRROR`: both programs fetch it, and believe nothing that
/// its first root does not vouch for.
#[test]
fn a_mirror_in_the_environment_is_fetched() {
    let Some(cosign) = require("cosign") else {
        return;
    };
    let folder = SHARED.folder("mirrored");
    let file = |name: &str| folder.join(name).display().to_string();
    let (notes, token) = (file("notes.txt"), file("token"));
    std::fs::write(&notes, "all there\n").unwrap();
    let said = SHARED.instance().token(SHARED.world(), FAY);
    std::fs::write(&token, said).unwrap();
    let tuf = SHARED.instance().url("tuf");
    let root = path("tuf_root");
    let at = |ours: bool, cache: &str, env: &[(&str, &str)], args: &[&str]| {
        let mut command = program(ours, &cosign, args);
        command.env("TUF_ROOT", file(cache));
        command.envs(env.iter().copied());
        SHARED.world().run(&mut command)
    };
    let named = [("TUF_MIRROR", tuf), ("TUF_ROOT_JSON", root.as_str())];
    for signer in [true, false] {
        let bundle = file(&format!("{signer}.json"));
        let sign = [
            "sign-blob",
            "-y",
            "--identity-token",
            &token,
            "--bundle",
            &bundle,
            &notes,
        ];
        let cache = |ours: bool| format!("cache-{ours}");
        at(signer, &cache(signer), &named, &sign).success();
        let by = [
            "--certificate-identity",
            FAY,
            "--certificate-oidc-issuer",
            issuer(),
        ];
        let own = ["verify-blob", "--bundle", &bundle, &notes];
        let verify = [&own[..], &by].concat();
        for ours in [true, false] {
            at(ours, &cache(ours), &named, &verify).success();
            // What was named once is known.
            at(ours, &cache(ours), &named[..1], &verify).success();
            let nobody = [("TUF_MIRROR", "http://127.0.0.1:9/tuf"), named[1]];
            at(ours, "empty", &nobody, &verify).exit(1);
            at(ours, "empty", &named[..1], &verify).exit(1);
        }
        at(true, "empty", &[], &verify).exit(1);
    }
    // Another first root: it vouches for nothing of this mirror.
    let other = file("other.json");
    std::fs::write(&other, std::fs::read(&notes).unwrap()).unwrap();
    let wrong = [named[0], ("TUF_ROOT_JSON", other.as_str())];
    let bundle = file("true.json");
    let own = ["verify-blob", "--bundle", &bundle, &notes];
    let by = [
        "--certificate-identity",
        FAY,
        "--certificate-oidc-issuer",
        issuer(),
    ];
    let verify = [&own[..], &by].concat();
    at(true, "other", &wrong, &verify).exit(1);
    at(true, "other", &named[..1], &verify)
        .exit(1)
        .says("CLI-0482");
    // A bare key without a log needs no root, so nobody is asked.
    let (key, public, signed) = (file("k.key"), file("k.pub"), file("k.json"));
    let prefix = file("k");
    let password = [("COSIGN_PASSWORD", "hunter2")];
    let make = ["generate-key-pair", "--output-key-prefix", &prefix];
    at(true, "none", &password, &make).success();
    let sign = [
        "sign-blob",
        "-y",
        "--key",
        &key,
        "--use-signing-config=false",
        "--tlog-upload=false",
        "--bundle",
        &signed,
        &notes,
    ];
    at(true, "none", &password, &sign).success();
    let nobody = [("TUF_MIRROR", "http://127.0.0.1:9/tuf"), named[1]];
    let verify = [
        "verify-blob",
        "--key",
        &public,
        "--insecure-ignore-tlog",
        "--bundle",
        &signed,
        &notes,
    ];
    at(true, "none", &nobody, &verify).success();
    at(true, "none", &nobody, &["initialize"])
        .success()
        .says("TUF_MIRROR counts for other commands");
}
