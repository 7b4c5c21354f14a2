//! Key files: made, imported, used, refused.

use super::ALONE;
use crate::tamper::scene::shared;
use bulla_testkit::{World, require};
use std::{os::unix::fs::PermissionsExt as _, process::Command};

const KINDS: [&str; 5] = [
    "ecdsa-p256",
    "ecdsa-p384",
    "ecdsa-p521",
    "ed25519",
    "rsa2048",
];

#[test]
fn every_kind_of_key_signs_files_without_any_service() {
    let scene = shared();
    let file = scene.file("some notes\n");
    let other = scene.file("other notes\n");
    let (_, stranger) = scene.key("ecdsa-p256");
    for kind in KINDS {
        let (private, public) = scene.key(kind);
        let bundle = scene.path(&scene.name("bundle"));
        let args = ["sign-blob", &file, "--key", &private, "--bundle", &bundle];
        scene.bulla(&[&args[..], &ALONE].concat()).success();
        let verify = |file: &str, key: &str, more: &[&str]| {
            let args = ["verify-blob", file, "--bundle", &bundle, "--key", key];
            scene.bulla(&[&args[..], more].concat())
        };
        let waived = ["--insecure-ignore-tlog"];
        let good = verify(&file, &public, &waived);
        assert!(good.success().stdout.starts_with("Verified OK"), "{kind}");
        verify(&other, &public, &waived).exit(1);
        verify(&file, &stranger, &waived).exit(1);
        // What was not logged does not pass for logged.
        verify(&file, &public, &[]).exit(1);
        // A bundle signed with a key says nothing about a person.
        let identity = scene.somebody("dana@example.com");
        let args = ["verify-blob", &file, "--bundle", &bundle];
        scene
            .bulla(&[&args[..], &["--identity", &identity], &waived].concat())
            .exit(1);
    }
}

#[test]
fn signing_with_a_key_alone_makes_nothing_on_this_machine() {
    let world = World::new();
    let run = |args: &[&str]| {
        let mut command = world.command(world.binary());
        command.args(args).env("COSIGN_PASSWORD", "");
        world.run(&mut command)
    };
    run(&["generate-key-pair"])
        .success()
        .says("cosign.key")
        .says("cosign.pub");
    world.write("notes.txt", "notes\n");
    let args = ["sign-blob", "notes.txt", "--key", "cosign.key"];
    let signed = run(&[&args[..], &ALONE].concat());
    world.write("notes.json", &signed.success().stdout);
    let args = ["verify-blob", "notes.txt", "--bundle", "notes.json"];
    let key = ["--key", "cosign.pub"];
    run(&[&args[..], &key].concat()).exit(1).says("log");
    let waived = ["--insecure-ignore-tlog"];
    run(&[&args[..], &key, &waived].concat()).success();
    assert!(!world.data().exists(), "an instance was made");
    let mode = std::fs::metadata(world.dir().join("cosign.key")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    // What is there stays.
    let before = std::fs::read(world.dir().join("cosign.key")).unwrap();
    run(&["generate-key-pair"]).exit(7).says("CLI-0330");
    assert_eq!(
        std::fs::read(world.dir().join("cosign.key")).unwrap(),
        before
    );
}

#[test]
fn passwords_open_and_refuse() {
    let scene = shared();
    let (private, public) = scene.key("ecdsa-p256");
    let file = scene.file("notes\n");
    let sign = |password: Option<&str>| {
        let mut command = scene.world.command(scene.world.binary());
        command.args(["sign-blob", &file, "--key", &private]);
        command.args(ALONE);
        if let Some(password) = password {
            command.env("BULLA_PASSWORD", password);
        }
        scene.world.run(&mut command)
    };
    sign(Some("hunter2")).success();
    let wrong = sign(Some("hunter3"));
    wrong.exit(7).says("password");
    assert!(!wrong.stderr.contains("hunter"), "{}", wrong.account());
    // Nobody is at a terminal to be asked.
    sign(None).exit(7).says("password");
    let shown = scene.bulla(&["public-key", "--key", &private]);
    let pem = std::fs::read_to_string(&public).unwrap();
    assert_eq!(shown.success().stdout, pem);
    let shown = scene.bulla(&["public-key", "--key", &public, "-o", "json"]);
    assert_eq!(shown.success().json()["pem"], pem);
    // Another password for the same key.
    let renewed = scene.path(&scene.name("renewed"));
    let mut command = scene.world.command(scene.world.binary());
    let args = ["import-key-pair", "--key", &private];
    command.args(args).args(["--output-key-prefix", &renewed]);
    command.env("BULLA_OLD_PASSWORD", "hunter2");
    command.env("BULLA_PASSWORD", "correct horse");
    scene.world.run(&mut command).success();
    let again = std::fs::read_to_string(format!("{renewed}.pub")).unwrap();
    assert_eq!(again, pem);
    scene
        .bulla(&["public-key", "--key", &format!("{renewed}.key")])
        .exit(7);
}

#[test]
fn keys_of_openssl_are_imported() {
    let Some(openssl) = require("openssl") else {
        return;
    };
    let scene = shared();
    let file = scene.file("notes\n");
    let make = |args: &str, out: &str| {
        let done = Command::new(&openssl)
            .args(args.replace("OUT", out).split_whitespace())
            .output()
            .expect("openssl");
        assert!(done.status.success(), "openssl {args}");
    };
    let forms = [
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out OUT",
        "genpkey -algorithm ED25519 -out OUT",
        "ecparam -genkey -name secp521r1 -noout -out OUT",
        "genrsa -traditional -out OUT 2048",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -outform DER -out OUT",
    ];
    for form in forms {
        let source = scene.path(&scene.name("openssl"));
        make(form, &source);
        let prefix = scene.path(&scene.name("imported"));
        let args = ["import-key-pair", "--key", &source];
        scene
            .bulla(&[&args[..], &["--output-key-prefix", &prefix]].concat())
            .success();
        let (private, public) = (format!("{prefix}.key"), format!("{prefix}.pub"));
        let bundle = scene.path(&scene.name("bundle"));
        let args = ["sign-blob", &file, "--key", &private, "--bundle", &bundle];
        scene.bulla(&[&args[..], &ALONE].concat()).success();
        let args = ["verify-blob", &file, "--bundle", &bundle, "--key", &public];
        scene
            .bulla(&[&args[..], &["--insecure-ignore-tlog"]].concat())
            .success();
    }
    let source = scene.file("no key at all\n");
    let prefix = scene.path(&scene.name("none"));
    scene
        .bulla(&[
            "import-key-pair",
            "--key",
            &source,
            "--output-key-prefix",
            &prefix,
        ])
        .exit(7)
        .says("cannot be used");
}

#[test]
fn keys_come_from_variables_and_not_from_addresses() {
    let scene = shared();
    let (private, public) = scene.key("ed25519");
    let file = scene.file("notes\n");
    let mut command = scene.world.command(scene.world.binary());
    command.args(["sign-blob", &file, "--key", "env://SIGNER"]);
    command.args(ALONE).env("BULLA_PASSWORD", "hunter2");
    command.env("SIGNER", std::fs::read_to_string(&private).unwrap());
    let signed = scene.world.run(&mut command);
    let bundle = scene.file(&signed.success().stdout);
    let verify = |key: &str| {
        let args = ["verify-blob", &file, "--bundle", &bundle, "--key", key];
        scene.bulla(&[&args[..], &["--insecure-ignore-tlog"]].concat())
    };
    verify(&public).success();
    verify("https://keys.example.com/key.pub")
        .exit(2)
        .says("CLI-0305");
    verify("env://NOT_SET").exit(7);
    verify("/nowhere/key.pub").exit(7);
}

/// A certificate of an authority that no Sigstore knows.
#[test]
fn an_authority_of_ones_own_vouches_for_a_key() {
    let Some(openssl) = require("openssl") else {
        return;
    };
    let scene = shared();
    let folder = scene.world.dir().join(scene.name("authority"));
    std::fs::create_dir_all(&folder).unwrap();
    let run = |args: &str| {
        let done = Command::new(&openssl)
            .args(args.split_whitespace())
            .current_dir(&folder)
            .output()
            .expect("openssl");
        assert!(done.status.success(), "openssl {args}: {done:?}");
    };
    let leaf = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n\
                extendedKeyUsage=codeSigning\nsubjectAltName=email:dana@example.com\n";
    std::fs::write(folder.join("leaf.ext"), leaf).unwrap();
    let curve = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
    run(&format!("genpkey {curve} -out ca.key"));
    run(
        "req -x509 -new -key ca.key -out ca.pem -days 30 -subj /CN=Tests \
         -addext keyUsage=critical,keyCertSign",
    );
    run(&format!("genpkey {curve} -out leaf.key"));
    run("req -new -key leaf.key -out leaf.csr -subj /CN=dana");
    run(
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 7 \
         -extfile leaf.ext",
    );
    let path = |name: &str| folder.join(name).display().to_string();
    let (key, certificate, roots) = (path("leaf.key"), path("leaf.pem"), path("ca.pem"));
    let file = scene.file("notes\n");
    let bundle = scene.path(&scene.name("bundle"));
    let args = ["sign-blob", &file, "--bundle", &bundle, "--key", &key];
    let with = ["--certificate", &certificate, "--certificate-chain", &roots];
    scene.bulla(&[&args[..], &with, &ALONE].concat()).success();
    let verify = |who: &str, more: &[&str]| {
        let args = ["verify-blob", &file, "--bundle", &bundle];
        let issuer = ["--certificate-oidc-issuer", "x509:CN=Tests"];
        let who = ["--certificate-identity", who];
        scene.bulla(&[&args[..], &who, &issuer, more].concat())
    };
    let waived = [
        "--insecure-ignore-tlog",
        "--insecure-ignore-sct",
        "--insecure-ignore-timestamp",
    ];
    let own = ["--ca-roots", &roots];
    verify("dana@example.com", &[&own[..], &waived].concat()).success();
    verify("eve@example.com", &[&own[..], &waived].concat()).exit(1);
    verify("dana@example.com", &own).exit(1);
    verify("dana@example.com", &waived).exit(1);
    // A certificate for another key.
    let (other, _) = scene.key("ecdsa-p256");
    let args = ["sign-blob", &file, "--key", &other];
    scene.bulla(&[&args[..], &with, &ALONE].concat()).exit(2);
}
