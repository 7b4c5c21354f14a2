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
    fs::write(dir.join("message"), message).unwrap();
    let key = key(dir, scheme);
    if scheme == Scheme::Ed25519 {
        let raw = [
            "pkeyutl", "-sign", "-rawin", "-inkey", "key.pem", "-in", "message", "-out", "sig",
        ];
        openssl(dir, &raw);
    } else {
        let hash = format!("-{hash}");
        openssl(
            dir,
            &["dgst", &hash, "-sign", "key.pem", "-out", "sig", "message"],
        );
    }
    Some(Signed {
        key,
        signature: fs::read(dir.join("sig")).unwrap(),
    })
}

/// A new key, left in `key.pem` and `pub.pem`.
pub(crate) fn key(dir: &Path, scheme: Scheme) -> PublicKey {
    let kind = match scheme {
        Scheme::EcdsaP256 => vec!["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        Scheme::EcdsaP384 => vec!["EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        Scheme::EcdsaP521 => vec!["EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
        Scheme::Rsa2048 => vec!["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        Scheme::Rsa3072 => vec!["RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
        Scheme::Rsa4096 => vec!["RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
        _ => vec!["ED25519"],
    };
    let generate = ["genpkey", "-out", "key.pem", "-algorithm"];
    openssl(dir, &[&generate, kind.as_slice()].concat());
    openssl(
        dir,
        &["pkey", "-in", "key.pem", "-pubout", "-out", "pub.pem"],
    );
    let pem = fs::read_to_string(dir.join("pub.pem")).unwrap();
    PublicKey::from_pem(&pem).unwrap()
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

/// A root, an intermediate and a leaf for code signing, and what the leaf signed.
pub(crate) struct Authority {
    /// PEM.
    pub(crate) root: Vec<u8>,
    /// PEM.
    pub(crate) between: Vec<u8>,
    /// DER.
    pub(crate) leaf: Vec<u8>,
    /// Over `artifact`.
    pub(crate) signature: Vec<u8>,
}

impl Authority {
    #[track_caller]
    pub(crate) fn new() -> Option<Self> {
        bulla_testkit::require("openssl")?;
        let world = bulla_testkit::World::new();
        let dir = world.root();
        let ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n";
        fs::write(dir.join("ca.ext"), ca).unwrap();
        let leaf = "keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n\
                    subjectAltName=email:someone@example.com\n";
        fs::write(dir.join("leaf.ext"), leaf).unwrap();
        fs::write(dir.join("artifact"), "artifact").unwrap();
        for name in ["root", "between", "leaf"] {
            let (key, request) = (format!("{name}.key"), format!("{name}.csr"));
            let curve = [
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
            ];
            openssl(dir, &[&curve[..], &["-out", &key]].concat());
            let subject = format!("/CN={name}");
            openssl(
                dir,
                &[
                    "req", "-new", "-key", &key, "-subj", &subject, "-out", &request,
                ],
            );
        }
        let certify = |name: &str, extensions: &str, issuer: &[&str]| {
            let (request, out) = (format!("{name}.csr"), format!("{name}.pem"));
            let fixed = [
                "x509", "-req", "-days", "30", "-in", &request, "-extfile", extensions,
            ];
            openssl(dir, &[&fixed[..], &["-out", &out], issuer].concat());
        };
        certify("root", "ca.ext", &["-signkey", "root.key"]);
        let by =
            |ca: &'static str, key: &'static str| ["-CA", ca, "-CAkey", key, "-CAcreateserial"];
        certify("between", "ca.ext", &by("root.pem", "root.key"));
        certify("leaf", "leaf.ext", &by("between.pem", "between.key"));
        openssl(
            dir,
            &[
                "x509", "-in", "leaf.pem", "-outform", "DER", "-out", "leaf.der",
            ],
        );
        openssl(
            dir,
            &[
                "dgst", "-sha256", "-sign", "leaf.key", "-out", "sig", "artifact",
            ],
        );
        let read = |name: &str| fs::read(dir.join(name)).unwrap();
        Some(Self {
            root: read("root.pem"),
            between: read("between.pem"),
            leaf: read("leaf.der"),
            signature: read("sig"),
        })
    }
}
