//! Signatures made by ssh-keygen and gpg, judged as an operator's files say.

use bulla_source::{
    AllowedSigners, Commit, Keyring, Repository, SignatureKind, SignatureStatus, Signers,
};
use std::fs;
use std::process::Command;

use crate::support::{EMAIL, Repo, has, skip};

/// Whether there is no ssh-keygen; says so.
fn lacks_ssh(name: &str) -> bool {
    let lacks = !has("ssh-keygen");
    if lacks {
        skip(name, "no ssh-keygen");
    }
    lacks
}

/// Makes a key pair and answers the public line.
fn ssh_key(repo: &Repo, name: &str, args: &[&str]) -> String {
    let path = repo.top().join(name);
    let output = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-C", name, "-f"])
        .arg(&path)
        .args(args)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = fs::read_to_string(path.with_extension("pub")).unwrap();
    text.trim().to_owned()
}

fn signed_with_ssh(repo: &Repo, name: &str) -> Commit {
    let key = repo.top().join(name);
    repo.run(["config", "gpg.format", "ssh"]);
    repo.run(["config", "user.signingkey", key.to_str().unwrap()]);
    repo.run([
        "commit",
        "-q",
        "-S",
        "--allow-empty",
        "-m",
        "signed\n\nbody\n gpgsig no\n",
    ]);
    Repository::discover(repo.root()).unwrap().head().unwrap()
}

fn ssh(text: &str) -> Signers {
    Signers {
        ssh: AllowedSigners::parse(text.as_bytes()).unwrap(),
        ..Signers::default()
    }
}

fn why(status: &SignatureStatus) -> &str {
    match status {
        SignatureStatus::Invalid { why, .. } => why,
        other => panic!("{other:?} is not invalid"),
    }
}

#[test]
fn every_ssh_key_type_verifies_where_git_says_so() {
    if lacks_ssh("every_ssh_key_type_verifies_where_git_says_so") {
        return;
    }
    for args in [
        &["-t", "ed25519"][..],
        &["-t", "ecdsa", "-b", "256"],
        &["-t", "ecdsa", "-b", "384"],
        &["-t", "rsa", "-b", "2048"],
    ] {
        let repo = Repo::new();
        let public = ssh_key(&repo, "key", args);
        let commit = signed_with_ssh(&repo, "key");
        let line = format!("{EMAIL} namespaces=\"git\" {public}\n");
        let file = repo.top().join("allowed");
        fs::write(&file, &line).unwrap();
        repo.run([
            "config",
            "gpg.ssh.allowedSignersFile",
            file.to_str().unwrap(),
        ]);
        repo.run(["verify-commit", "HEAD"]);
        let status = commit.verify(&ssh(&line));
        let SignatureStatus::Valid { signer, kind, key } = &status else {
            panic!("{args:?}: {status:?}");
        };
        assert_eq!((signer.as_str(), *kind), (EMAIL, SignatureKind::Ssh));
        assert!(key.starts_with("SHA256:"));
        let unknown = commit.verify(&Signers::default());
        assert_eq!(unknown.name(), "unknown-signer");
        let json = serde_json::to_value(&status).unwrap();
        assert_eq!(json["status"], "valid");
        assert_eq!(json["kind"], "ssh");
    }
}

#[test]
fn validity_namespaces_and_patterns_are_honoured() {
    if lacks_ssh("validity_namespaces_and_patterns_are_honoured") {
        return;
    }
    let repo = Repo::new();
    let public = ssh_key(&repo, "key", &["-t", "ed25519"]);
    let commit = signed_with_ssh(&repo, "key");
    let judge = |prefix: &str| commit.verify(&ssh(&format!("{prefix} {public}\n")));
    let valid = |prefix: &str, name: &str| match judge(prefix) {
        SignatureStatus::Valid { signer, .. } => assert_eq!(signer, name, "{prefix}"),
        other => panic!("{prefix}: {other:?}"),
    };
    valid("ada@example.com", EMAIL);
    valid("*@example.com", EMAIL);
    valid("bob@example.com,*@example.com", EMAIL);
    valid("bob@example.com", "bob@example.com");
    valid("ada@example.com valid-after=\"20260301\"", EMAIL);
    valid(
        "ada@example.com valid-after=\"20260301120000Z\",valid-before=\"20260301120001Z\"",
        EMAIL,
    );
    assert_eq!(judge("*@example.org").name(), "unknown-signer");
    assert_eq!(
        judge("!ada@example.com,*@example.com").name(),
        "unknown-signer"
    );
    assert!(why(&judge("ada@example.com namespaces=\"file\"")).contains("namespaces"));
    let late = judge("ada@example.com valid-after=\"20260302Z\"");
    assert!(why(&late).contains("not yet valid"));
    let early = judge("ada@example.com valid-before=\"20260228Z\"");
    assert!(why(&early).contains("no longer valid"));
}

#[test]
fn an_edited_commit_is_invalid() {
    if lacks_ssh("an_edited_commit_is_invalid") {
        return;
    }
    let repo = Repo::new();
    let public = ssh_key(&repo, "key", &["-t", "ed25519"]);
    signed_with_ssh(&repo, "key");
    let raw = repo.run(["cat-file", "commit", "HEAD"]) + "\n";
    let signers = ssh(&format!("{EMAIL} {public}\n"));
    let judge = |raw: &str| {
        let file = repo.top().join("raw");
        fs::write(&file, raw).unwrap();
        let id = repo.run(["hash-object", "-t", "commit", "-w", file.to_str().unwrap()]);
        let repository = Repository::discover(repo.root()).unwrap();
        repository.resolve(&id).unwrap().verify(&signers)
    };
    let last = |status: SignatureStatus| why(&status).to_owned();
    assert!(last(judge(&raw.replace("body", "Body"))).contains("does not match"));
    assert!(last(judge(&raw.replace("author Ada", "author Eve"))).contains("does not match"));
    let cut: String = raw
        .lines()
        .filter(|l| !l.contains("END SSH"))
        .map(|l| format!("{l}\n"))
        .collect();
    assert!(last(judge(&cut)).contains("cannot be read"));
    let kind = raw.replace("SSH SIGNATURE", "ODD SIGNATURE");
    assert!(last(judge(&kind)).contains("format"));
    let x509 = raw.replace("SSH SIGNATURE", "SIGNED MESSAGE");
    assert_eq!(judge(&x509).name(), "unknown-signer");

    // a signature that was made for something else than a commit
    let message = repo.top().join("message");
    let unsigned: String = {
        let mut inside = false;
        let keep = |line: &&str| {
            inside = line.starts_with("gpgsig ") || (inside && line.starts_with(' '));
            !inside
        };
        raw.lines().filter(keep).map(|l| format!("{l}\n")).collect()
    };
    fs::write(&message, &unsigned).unwrap();
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "file", "-f"])
        .arg(repo.top().join("key"))
        .arg(&message)
        .status();
    assert!(signed.unwrap().success());
    let armour = fs::read_to_string(repo.top().join("message.sig")).unwrap();
    let header = armour.trim_end().replace('\n', "\n ");
    let other = unsigned.replacen("\n\n", &format!("\ngpgsig {header}\n\n"), 1);
    assert!(last(judge(&other)).contains("\"file\""), "wrong namespace");
}

#[test]
fn a_certificate_is_refused_by_name() {
    if lacks_ssh("a_certificate_is_refused_by_name") {
        return;
    }
    let repo = Repo::new();
    ssh_key(&repo, "ca", &["-t", "ed25519"]);
    let public = ssh_key(&repo, "key", &["-t", "ed25519"]);
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-s", "ca", "-I", "ada", "-n", EMAIL, "key.pub"])
        .current_dir(repo.top())
        .status();
    assert!(signed.unwrap().success());
    let commit = signed_with_ssh(&repo, "key-cert.pub");
    let status = commit.verify(&ssh(&format!("{EMAIL} {public}\n")));
    assert!(why(&status).contains("certificate"), "{status:?}");
}

#[test]
fn unsigned_is_unsigned() {
    let repo = Repo::new();
    repo.commit("plain\n\ngpgsig -----BEGIN SSH SIGNATURE-----");
    let head = Repository::discover(repo.root()).unwrap().head().unwrap();
    assert_eq!(head.verify(&Signers::default()), SignatureStatus::Unsigned);
}

struct Gpg<'a>(&'a Repo);

impl Gpg<'_> {
    fn run(&self, args: &[&str]) -> Vec<u8> {
        let home = self.0.top().join("gnupg");
        fs::create_dir_all(&home).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(&home, mode).unwrap();
        let output = Command::new("gpg")
            .args([
                "--batch",
                "--yes",
                "--no-tty",
                "--pinentry-mode",
                "loopback",
            ])
            .args(["--passphrase", ""])
            .args(args)
            .env("GNUPGHOME", &home)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    fn generate(&self, email: &str, algorithm: &str, expire: &str, at: &str) -> String {
        let user = format!("Ada <{email}>");
        self.run(&[
            "--faked-system-time",
            at,
            "--quick-generate-key",
            &user,
            algorithm,
            "sign",
            expire,
        ]);
        let listed = self.run(&["--list-keys", "--with-colons", email]);
        let listed = String::from_utf8(listed).unwrap();
        let line = listed.lines().find(|l| l.starts_with("fpr:")).unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    fn sign(&self, key: &str) -> Commit {
        self.0.run(["config", "gpg.format", "openpgp"]);
        self.0.run(["config", "user.signingkey", key]);
        self.0
            .run(["commit", "-q", "-S", "--allow-empty", "-m", "signed"]);
        Repository::discover(self.0.root()).unwrap().head().unwrap()
    }

    fn ring(&self, args: &[&str]) -> Signers {
        Signers {
            openpgp: Keyring::parse(&self.run(args)).unwrap(),
            ..Signers::default()
        }
    }
}

impl Drop for Gpg<'_> {
    fn drop(&mut self) {
        let home = self.0.top().join("gnupg");
        let _ = Command::new("gpgconf")
            .args(["--kill", "all"])
            .env("GNUPGHOME", home)
            .status();
    }
}

#[test]
fn openpgp_signatures_verify_against_a_keyring() {
    if !has("gpg") {
        return skip("openpgp_signatures_verify_against_a_keyring", "no gpg");
    }
    let repo = Repo::new();
    let gpg = Gpg(&repo);
    for (index, algorithm) in ["ed25519", "rsa2048", "nistp256"].iter().enumerate() {
        let email = if index == 0 {
            EMAIL.to_owned()
        } else {
            format!("key{index}@example.com")
        };
        let key = gpg.generate(&email, algorithm, "never", "20260101T000000");
        let commit = gpg.sign(&key);
        for export in [&["--export", &key][..], &["--armor", "--export"]] {
            let status = commit.verify(&gpg.ring(export));
            let valid = SignatureStatus::Valid {
                signer: email.clone(),
                kind: SignatureKind::Openpgp,
                key: key.clone(),
            };
            assert_eq!(status, valid, "{algorithm}");
        }
        let unknown = commit.verify(&Signers::default());
        let SignatureStatus::UnknownSigner {
            key: Some(found), ..
        } = unknown
        else {
            panic!("{unknown:?}");
        };
        assert_eq!(found, key);
    }
}

#[test]
fn openpgp_subkeys_expiry_and_revocation() {
    if !has("gpg") {
        return skip("openpgp_subkeys_expiry_and_revocation", "no gpg");
    }
    let repo = Repo::new();
    let gpg = Gpg(&repo);
    let key = gpg.generate(EMAIL, "ed25519", "never", "20260101T000000");
    gpg.run(&["--quick-add-key", &key, "ed25519", "sign", "never"]);
    let listed = String::from_utf8(gpg.run(&["--list-keys", "--with-colons", EMAIL])).unwrap();
    let prints: Vec<&str> = listed.lines().filter(|l| l.starts_with("fpr:")).collect();
    let subkey = prints.last().unwrap().split(':').nth(9).unwrap().to_owned();
    let commit = gpg.sign(&format!("{subkey}!"));
    let before = gpg.ring(&["--export", &key]);
    assert_eq!(commit.verify(&before).name(), "valid");

    // edited after signing
    let raw = repo.run(["cat-file", "commit", "HEAD"]) + "\n";
    fs::write(repo.top().join("raw"), raw.replace("signed", "Signed")).unwrap();
    let id = repo.run(["hash-object", "-t", "commit", "-w", "../raw"]);
    let edited = Repository::discover(repo.root())
        .unwrap()
        .resolve(&id)
        .unwrap();
    assert!(why(&edited.verify(&before)).contains("does not match"));

    // expired: the key's life ends before the signature's own time
    gpg.run(&[
        "--faked-system-time",
        "20260101T000001",
        "--quick-set-expire",
        &key,
        "20260102T000000",
    ]);
    let expired = gpg.ring(&["--export", &key]);
    assert!(why(&commit.verify(&expired)).contains("expired"));

    // revoked
    let revocation = repo
        .top()
        .join("gnupg/openpgp-revocs.d")
        .join(format!("{key}.rev"));
    let text = fs::read_to_string(revocation)
        .unwrap()
        .replace(":-----BEGIN", "-----BEGIN");
    fs::write(repo.top().join("rev"), text).unwrap();
    gpg.run(&["--import", repo.top().join("rev").to_str().unwrap()]);
    let revoked = gpg.ring(&["--export", &key]);
    assert!(why(&commit.verify(&revoked)).contains("revoked"));
}
