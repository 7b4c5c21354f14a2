//! cosign opens the keys we write, and we those that it writes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::{
    Scheme, SigningKey,
    key::file::{self, KeyFileError},
};
use bulla_testkit::{Outcome, World, require};
use std::path::PathBuf;

const MESSAGE: &[u8] = b"what is signed";

struct Cosign {
    world: World,
    program: PathBuf,
}

impl Cosign {
    fn new() -> Option<Self> {
        let program = require("cosign")?;
        let world = World::new();
        world.write("message", MESSAGE);
        Some(Self { world, program })
    }

    fn run(&self, password: &str, args: &str) -> Outcome {
        let mut command = self.world.command(&self.program);
        command.env("COSIGN_PASSWORD", password);
        command.args(args.split_whitespace());
        self.world.run(&mut command)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.world.dir().join(name)).unwrap()
    }

    /// The signature that cosign makes with `KEY`.
    fn sign(&self, password: &str, key: &str) -> Vec<u8> {
        self.run(
            password,
            &format!(
                "sign-blob --key {key} --use-signing-config=false --tlog-upload=false \
                 --new-bundle-format=false --output-signature sig --yes message"
            ),
        )
        .success();
        STANDARD.decode(self.read("sig").trim_ascii()).unwrap()
    }

    /// cosign takes SHA-256 for every key, and pure Ed25519, unless it is told.
    fn verify(&self, scheme: Scheme, signature: &[u8]) -> Outcome {
        self.world.write("our.sig", STANDARD.encode(signature));
        let hash = match scheme {
            Scheme::EcdsaP384 => "sha384",
            Scheme::EcdsaP521 => "sha512",
            _ => "sha256",
        };
        self.run(
            "",
            &format!(
                "verify-blob --key our.pub --signature our.sig --insecure-ignore-tlog \
                 --new-bundle-format=false --signature-digest-algorithm {hash} message"
            ),
        )
    }
}

#[test]
fn opens_what_cosign_writes() {
    let Some(cosign) = Cosign::new() else {
        return;
    };
    cosign.run("secret", "generate-key-pair").success();
    let (text, public) = (cosign.read("cosign.key"), cosign.read("cosign.pub"));
    let key = file::read_private(&text, Some(b"secret")).unwrap();
    let public = file::read_public(&public).unwrap();
    assert_eq!(key.public(), &public);
    let wrong = file::read_private(&text, Some(b"secrets"));
    assert!(matches!(wrong, Err(KeyFileError::Password)));
    public
        .verify(MESSAGE, &cosign.sign("secret", "cosign.key"))
        .unwrap();
}

#[test]
fn cosign_opens_what_we_write() {
    let Some(cosign) = Cosign::new() else {
        return;
    };
    for scheme in [
        Scheme::EcdsaP256,
        Scheme::EcdsaP384,
        Scheme::EcdsaP521,
        Scheme::Ed25519,
        Scheme::Rsa2048,
        Scheme::Rsa4096,
    ] {
        let key = SigningKey::generate(scheme).unwrap();
        let text = file::write_cosign(&key, b"secret").unwrap();
        cosign.world.write("our.key", text);
        cosign.world.write("our.pub", key.public().to_pem());
        let shown = cosign.run("secret", "public-key --key our.key");
        assert_eq!(
            shown.success().stdout.trim(),
            key.public().to_pem().trim(),
            "{scheme:?}"
        );
        cosign.run("other", "public-key --key our.key").exit(1);
        let public = key.public();
        let signature = cosign.sign("secret", "our.key");
        assert!(public.verify(MESSAGE, &signature).is_ok(), "{scheme:?}");
        let verify = |message: &[u8]| cosign.verify(scheme, &key.sign(message).unwrap());
        verify(MESSAGE).success();
        verify(b"something else").exit(1);
    }
}
