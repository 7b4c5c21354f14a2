//! Keys and signatures made by openssl, for tests that need another's opinion.

use bulla_crypto::{PublicKey, Scheme};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

pub(crate) struct Signed {
    pub(crate) key: PublicKey,
    pub(crate) signature: Vec<u8>,
}

/// A signature over `message` by a new key, or `None` after saying that openssl
/// is not there.
#[track_caller]
pub(crate) fn sign(scheme: Scheme, hash: &str, message: &[u8]) -> Option<Signed> {
    bulla_testkit::require("openssl")?;
    let world = bulla_testkit::World::new();
    let dir = world.root();
    let key = match scheme {
        Scheme::EcdsaP256 => vec!["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        Scheme::EcdsaP384 => vec!["EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        Scheme::EcdsaP521 => vec!["EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
        Scheme::Rsa2048 => vec!["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        Scheme::Rsa3072 => vec!["RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
        Scheme::Rsa4096 => vec!["RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
        _ => vec!["ED25519"],
    };
    fs::write(dir.join("message"), message).unwrap();
    openssl(dir, &[&["genpkey", "-out", "key.pem", "-algorithm"], key.as_slice()].concat());
    openssl(dir, &["pkey", "-in", "key.pem", "-pubout", "-out", "pub.pem"]);
    if scheme == Scheme::Ed25519 {
        let raw = ["pkeyutl", "-sign", "-rawin", "-inkey", "key.pem", "-in", "message", "-out", "sig"];
        openssl(dir, &raw);
    } else {
        let hash = format!("-{hash}");
        openssl(dir, &["dgst", &hash, "-sign", "key.pem", "-out", "sig", "message"]);
    }
    let pem = fs::read_to_string(dir.join("pub.pem")).unwrap();
    Some(Signed {
        key: PublicKey::from_pem(&pem).unwrap(),
        signature: fs::read(dir.join("sig")).unwrap(),
    })
}

fn openssl(dir: &Path, arguments: &[&str]) {
    let done = Command::new("openssl")
        .args(arguments)
        .current_dir(dir)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "openssl {arguments:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}
