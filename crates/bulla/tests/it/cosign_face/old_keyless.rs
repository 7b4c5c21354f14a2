//! Certificates in the old ways: service addresses as flags, a log of version 1,
//! loose parts of a trust root in files and variables, the old layout of images.

use super::keyless::{SHARED, both_with, both_with_both, issuer, path, program, sign};
use crate::interop::parts::Parts;
use bulla_testkit::require;
use serde_json::Value;
use std::{fs, path::Path};

const FAY: &str = "fay@example.com";

/// The parts of the instance's root, as PEM files in `folder`.
fn parts(folder: &Path) -> Parts {
    Parts::write(Path::new(&path("trusted_root")), folder)
}

fn addresses() -> [String; 4] {
    let url = |name: &str| SHARED.instance().url(name).to_owned();
    [
        format!("--fulcio-url={}", url("ca")),
        format!("--rekor-url={}", url("log_v1")),
        format!("--oidc-issuer={}", url("oidc")),
        "--use-signing-config=false".to_owned(),
    ]
}

#[test]
fn loose_parts_of_files_are_verified_by_both() {
    let Some(cosign) = require("cosign") else {
        return;
    };
    let folder = SHARED.folder("old-files");
    let parts = parts(&folder);
    let file = |name: &str| folder.join(name).display().to_string();
    let (notes, other) = (file("notes.txt"), file("other.txt"));
    fs::write(&notes, "all there\n").unwrap();
    fs::write(&other, "all gone\n").unwrap();
    let env = [
        ("SIGSTORE_ROOT_FILE", file("fulcio.pem")),
        ("SIGSTORE_REKOR_PUBLIC_KEY", file("rekor.pub")),
        ("SIGSTORE_CT_LOG_PUBLIC_KEY_FILE", file("ctfe.pub")),
    ];
    for ours in [true, false] {
        let at = addresses();
        let mut args = vec!["sign-blob"];
        args.extend(at.iter().map(String::as_str));
        let (old, signature, certificate) =
            (file("old.json"), file("notes.sig"), file("notes.pem"));
        args.extend(["--new-bundle-format=false", "--bundle", &old]);
        args.extend([
            "--output-signature",
            &signature,
            "--output-certificate",
            &certificate,
            &notes,
        ]);
        let root = path("trusted_root");
        args.extend(["--trusted-root", &root]);
        sign(ours, &cosign, &args).success();
        let by = [
            "verify-blob",
            "--certificate-identity",
            FAY,
            "--certificate-oidc-issuer",
            issuer(),
            "--bundle",
            &old,
        ];
        let with = |more: &[&str], code| both_with(&cosign, &[&by[..], more].concat(), &env, code);
        with(&[&notes], 0).says("Verified OK");
        with(&[&other], 1);
        with(&["--certificate", &certificate, &notes], 0);
        // The CA by flags: what the variables name is not asked then.
        let roots = parts.fulcio_root.display().to_string();
        let rest = parts.fulcio_rest.display().to_string();
        let loose = &env[1..];
        let args = [
            &by[..],
            &["--ca-roots", &roots, "--ca-intermediates", &rest, &notes],
        ]
        .concat();
        both_with(&cosign, &args, loose, 0);
        let chain = parts.fulcio.display().to_string();
        let args = [&by[..], &["--certificate-chain", &chain, &notes]].concat();
        both_with(&cosign, &args, loose, 0);
        let args = [
            &by[..],
            &["--certificate-chain", &chain, "--ca-roots", &roots, &notes],
        ]
        .concat();
        both_with(&cosign, &args, loose, 1);
        // Without the log's key there is nothing to believe the log with.
        let tsa = [
            ("SIGSTORE_REKOR_PUBLIC_KEY", file("ctfe.pub")),
            env[0].clone(),
            env[2].clone(),
        ];
        both_with(&cosign, &[&by[..], &[&notes]].concat(), &tsa, 1);
    }
}

#[test]
fn the_old_layout_of_images_is_verified_by_both() {
    let (Some(cosign), Some(crane)) = (require("cosign"), require("crane")) else {
        return;
    };
    let folder = SHARED.folder("old-images");
    parts(&folder);
    let file = |name: &str| folder.join(name).display().to_string();
    fs::write(folder.join("words.txt"), "words\n").unwrap();
    let mut tar = SHARED.world().command("tar");
    tar.current_dir(&folder)
        .args(["-cf", "words.tar", "words.txt"]);
    SHARED.world().run(&mut tar).success();
    let env = [
        ("SIGSTORE_ROOT_FILE", file("fulcio.pem")),
        ("SIGSTORE_REKOR_PUBLIC_KEY", file("rekor.pub")),
        ("SIGSTORE_CT_LOG_PUBLIC_KEY_FILE", file("ctfe.pub")),
    ];
    for ours in [true, false] {
        let reference = format!("{}/old-keyless-{ours}:v1", SHARED.instance().registry());
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
        let at = addresses();
        let root = path("trusted_root");
        let mut args = vec!["sign"];
        args.extend(at.iter().map(String::as_str));
        args.extend([
            "--new-bundle-format=false",
            "--trusted-root",
            &root,
            "-a",
            "env=prod",
            &image,
        ]);
        sign(ours, &cosign, &args).success();
        let by = [
            "verify",
            "--certificate-identity",
            FAY,
            "--certificate-oidc-issuer",
            issuer(),
        ];
        let (ours, theirs) = both_with_both(
            &cosign,
            &[&by[..], &["-a", "env=prod", &image]].concat(),
            &env,
            0,
        );
        let array = |text: &str| -> Value {
            serde_json::from_str(text.lines().find(|line| line.starts_with('[')).unwrap()).unwrap()
        };
        assert_eq!(array(&ours.stdout), array(&theirs.stdout));
        assert_eq!(array(&ours.stdout)[0]["optional"]["Subject"], FAY);
        // A certificate that is named must be the signer's.
        let line: Value = {
            let found = both_with(&cosign, &["download", "signature", &image], &[], 0);
            serde_json::from_str(found.stdout.trim()).unwrap()
        };
        let raw = line["Cert"]["Raw"].as_str().unwrap();
        let lines: Vec<&str> = raw
            .as_bytes()
            .chunks(64)
            .map(|c| std::str::from_utf8(c).unwrap())
            .collect();
        let own = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            lines.join("\n")
        );
        fs::write(folder.join("own.pem"), own).unwrap();
        for (name, code) in [("own.pem", 0), ("fulcio-root.pem", 12)] {
            let certificate = file(name);
            let mut command = program(
                true,
                &cosign,
                &[&by[..], &["--certificate", &certificate, &image]].concat(),
            );
            command.envs(env.iter().map(|(name, value)| (name, value)));
            SHARED.world().run(&mut command).exit(code);
        }
        let (ours, theirs) = both_with_both(&cosign, &["download", "signature", &image], &[], 0);
        let line = |text: &str| serde_json::from_str::<Value>(text.trim()).unwrap();
        for field in ["Base64Signature", "Payload", "Bundle"] {
            assert_eq!(
                line(&ours.stdout)[field],
                line(&theirs.stdout)[field],
                "{field}"
            );
        }
        assert_eq!(
            line(&ours.stdout)["Cert"]["Raw"],
            line(&theirs.stdout)["Cert"]["Raw"]
        );
        let somebody = [
            "verify",
            "--certificate-identity",
            "gil@example.com",
            "--certificate-oidc-issuer",
            issuer(),
            &image,
        ];
        both_with(&cosign, &somebody, &env, 12);
    }
}

/// 13 is documented for a signature without a certificate; the real program ends
/// with 12, because it joins the reasons into one text.
#[test]
fn a_signature_without_a_certificate_has_an_exit_code_of_its_own() {
    let (Some(cosign), Some(crane)) = (require("cosign"), require("crane")) else {
        return;
    };
    let folder = SHARED.folder("no-certificate");
    parts(&folder);
    let file = |name: &str| folder.join(name).display().to_string();
    fs::write(folder.join("words.txt"), "words\n").unwrap();
    let mut tar = SHARED.world().command("tar");
    tar.current_dir(&folder)
        .args(["-cf", "words.tar", "words.txt"]);
    SHARED.world().run(&mut tar).success();
    let reference = format!("{}/no-certificate:v1", SHARED.instance().registry());
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
    let image = SHARED
        .world()
        .run(&mut push)
        .success()
        .stdout
        .trim()
        .to_owned();
    let prefix = file("k");
    let key = file("k.key");
    for args in [
        vec!["generate-key-pair", "--output-key-prefix", &prefix],
        vec![
            "sign",
            "--key",
            &key,
            "-y",
            "--use-signing-config=false",
            "--tlog-upload=false",
            "--new-bundle-format=false",
            &image,
        ],
    ] {
        let mut command = program(true, &cosign, &args);
        command.env("COSIGN_PASSWORD", "");
        SHARED.world().run(&mut command).success();
    }
    let env = [
        ("SIGSTORE_ROOT_FILE", file("fulcio.pem")),
        ("SIGSTORE_REKOR_PUBLIC_KEY", file("rekor.pub")),
        ("SIGSTORE_CT_LOG_PUBLIC_KEY_FILE", file("ctfe.pub")),
    ];
    let by = [
        "verify",
        "--insecure-ignore-tlog",
        "--certificate-identity",
        FAY,
        "--certificate-oidc-issuer",
        issuer(),
        &image,
    ];
    for (ours, code) in [(true, 13), (false, 12)] {
        let mut command = program(ours, &cosign, &by);
        command.envs(env.iter().map(|(name, value)| (name, value)));
        let outcome = SHARED.world().run(&mut command);
        outcome.exit(code).says("no certificate found on signature");
    }
}
