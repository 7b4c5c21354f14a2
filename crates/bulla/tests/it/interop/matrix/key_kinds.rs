//! Keys of other kinds than the one that the programs make: RSA, Ed25519 and P-384,
//! made by openssl and imported by each program, in both layouts of images.
//!
//! cosign signs with all of them, with Ed25519 over a hash and with P-384 over
//! SHA-384. By key it verifies SHA-256 unless it is told another hash, and pure
//! Ed25519 alone: what it has signed itself with that, only bulla verifies here.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    Place,
    Program::{self, Bulla, Cosign2, Cosign3},
    refused,
    site::Site,
};
use crate::interop::stage;

/// What `openssl genpkey` is told.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Rsa,
    Ed25519,
    P384,
}

impl Kind {
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Rsa => &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            Self::Ed25519 => &["ED25519"],
            Self::P384 => &["EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        }
    }
}

/// A key pair in the program's own form.
struct Pair {
    private: PathBuf,
    public: PathBuf,
}

#[track_caller]
fn import(signer: Program, kind: Kind, folder: &Path) -> Pair {
    let pem = folder.join("key.pem");
    let mut command = stage::client("openssl").expect("openssl, which this test already had");
    command.args(["genpkey", "-algorithm"]).args(kind.options());
    command.arg("-out").arg(&pem);
    stage::run(command).success();
    let mut command = signer.start().expect("the signer");
    command.arg("import-key-pair").arg("--key").arg(&pem);
    command.args(["--output-key-prefix", "imported"]);
    command.current_dir(folder);
    stage::run(command).success();
    Pair {
        private: folder.join("imported.key"),
        public: folder.join("imported.pub"),
    }
}

/// The command of `signer` for an image in the old layout, outside of every log.
fn sign(signer: Program, key: &Path, image: &str) -> Command {
    let mut command = signer.start().expect("the signer");
    command.arg("sign").arg("--key").arg(key);
    match signer {
        Bulla => command.args(["--layout", "tags", "--no-log", "--no-timestamp"]),
        Cosign2 => command.args(["-y", "--tlog-upload=false"]),
        Cosign3 => command.args([
            "-y",
            "--use-signing-config=false",
            "--tlog-upload=false",
            "--new-bundle-format=false",
        ]),
    };
    command.arg(image);
    command
}

fn verify(verifier: Program, kind: Kind, key: &Path, image: &str) -> Command {
    let mut command = verifier.start().expect("the verifier");
    command.args(["verify", "--insecure-ignore-tlog", "--key"]);
    command.arg(key);
    if matches!(kind, Kind::P384) && verifier != Bulla {
        command.args(["--signature-digest-algorithm", "sha384"]);
    }
    if verifier == Cosign3 {
        command.arg("--new-bundle-format=false");
    }
    command.arg(image);
    command
}

#[track_caller]
fn cell(signer: Program, kind: Kind, verifiers: &[Program]) {
    let programs = [&[signer], verifiers].concat();
    if stage::client("openssl").is_none() || programs.iter().any(|one| one.start().is_none()) {
        return;
    }
    let Some(site) = Site::of(Place::Bulla) else {
        return;
    };
    let name = format!("kinds-{signer:?}-{kind:?}").to_lowercase();
    let folder = stage::shared().folder(&name);
    let pair = import(signer, kind, &folder);
    let (image, other) = (
        site.image(&name, &name),
        site.image(&format!("{name}/other"), "another"),
    );
    stage::run(sign(signer, &pair.private, &image.pinned())).success();
    let stranger = &signer.keys().expect("keys").public;
    for verifier in verifiers {
        let check = |key: &Path, image: &str| stage::run(verify(*verifier, kind, key, image));
        check(&pair.public, &image.pinned()).success();
        refused(&check(stranger, &image.pinned()));
        refused(&check(&pair.public, &other.pinned()));
    }
}

macro_rules! cells {
    ($($name:ident $signer:ident $kind:ident [$($verifier:ident)*];)*) => {$(
        #[test]
        fn $name() {
            cell($signer, Kind::$kind, &[$($verifier),*]);
        }
    )*};
}

cells! {
    bulla_with_rsa Bulla Rsa [Bulla Cosign2 Cosign3];
    bulla_with_ed25519 Bulla Ed25519 [Bulla Cosign2 Cosign3];
    bulla_with_p384 Bulla P384 [Bulla Cosign2 Cosign3];
    cosign2_with_rsa Cosign2 Rsa [Bulla Cosign2 Cosign3];
    cosign2_with_ed25519 Cosign2 Ed25519 [Bulla];
    cosign2_with_p384 Cosign2 P384 [Bulla Cosign2 Cosign3];
    cosign3_with_rsa Cosign3 Rsa [Bulla Cosign2 Cosign3];
    cosign3_with_ed25519 Cosign3 Ed25519 [Bulla];
    cosign3_with_p384 Cosign3 P384 [Bulla Cosign2 Cosign3];
}
