//! What the real cosign signs with a key and no instance: bundles of version 3
//! for files and statements, bare signatures of version 2.

use bulla_core::Digest;
use bulla_crypto::{PublicKey, Scheme};
use bulla_testkit::{Distribution, World};
use bulla_trust::{
    Requirements, TrustRoot,
    cosign::{Layer, SIGNATURE},
    sigstore::Verification,
};
use jiff::Timestamp;
use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use crate::openssl;

fn run(program: &PathBuf, world: &World, arguments: &[&str]) {
    let done = Command::new(program)
        .args(arguments)
        .current_dir(world.root())
        .env("COSIGN_PASSWORD", "")
        .env("HOME", world.root())
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// A key that openssl made and this cosign imported, with the file to sign.
fn key(program: &PathBuf, world: &World, scheme: Scheme) -> PublicKey {
    let key = openssl::key(world.root(), scheme);
    run(
        program,
        world,
        &[
            "import-key-pair",
            "--key",
            "key.pem",
            "--output-key-prefix",
            "k",
            "-y",
        ],
    );
    fs::write(world.root().join("artifact"), "artifact").unwrap();
    key
}

fn without_instance(root: &TrustRoot) -> Verification<'_> {
    Verification::new(root, Timestamp::now()).requiring(Requirements::default().without_log())
}

const SCHEMES: [Scheme; 5] = [
    Scheme::EcdsaP256,
    Scheme::EcdsaP384,
    Scheme::EcdsaP521,
    Scheme::Rsa2048,
    Scheme::Ed25519,
];

#[test]
fn cosign_3_signs_files_and_statements_with_every_kind_of_key() {
    let Some(cosign) = bulla_testkit::require("cosign") else {
        return;
    };
    let Some(_) = bulla_testkit::require("openssl") else {
        return;
    };
    let root = TrustRoot::nothing().unwrap();
    let verification = without_instance(&root);
    for scheme in SCHEMES {
        let world = World::new();
        let key = key(&cosign, &world, scheme);
        let other = PublicKey::from_spki_der(
            bulla_crypto::SigningKey::generate(scheme)
                .unwrap()
                .public()
                .spki_der(),
        )
        .unwrap();
        let alone = [
            "--use-signing-config=false",
            "--tlog-upload=false",
            "--key",
            "k.key",
            "-y",
        ];
        let sign = [
            &["sign-blob", "--bundle", "blob.json", "artifact"],
            &alone[..],
        ]
        .concat();
        run(&cosign, &world, &sign);
        let bundle = fs::read(world.root().join("blob.json")).unwrap();
        let verify = |artifact: &[u8], key| verification.signature_with_key(&bundle, artifact, key);
        verify(b"artifact", &key).unwrap_or_else(|error| panic!("{scheme:?}: {error}"));
        assert!(verify(b"artefact", &key).is_err(), "{scheme:?}");
        assert!(verify(b"artifact", &other).is_err(), "{scheme:?}");

        fs::write(world.root().join("predicate.json"), r#"{"a":1}"#).unwrap();
        let attest = [
            "attest-blob",
            "--type",
            "custom",
            "--predicate",
            "predicate.json",
            "--bundle",
            "att.json",
            "artifact",
        ];
        run(&cosign, &world, &[&attest, &alone[..]].concat());
        let bundle = fs::read(world.root().join("att.json")).unwrap();
        let (subject, elsewhere) = (Digest::sha256(b"artifact"), Digest::sha256(b"artefact"));
        let verify = |subject, key| verification.attestation_with_key(&bundle, subject, key);
        verify(&subject, &key).unwrap_or_else(|error| panic!("{scheme:?}: {error}"));
        assert!(verify(&elsewhere, &key).is_err(), "{scheme:?}");
        assert!(verify(&subject, &other).is_err(), "{scheme:?}");
    }
}

/// Version 2 hashes with SHA-256 whatever the key, and cannot sign with Ed25519.
#[test]
fn cosign_2_signs_files() {
    let Some(cosign) = bulla_testkit::require("cosign2") else {
        return;
    };
    let Some(_) = bulla_testkit::require("openssl") else {
        return;
    };
    let root = TrustRoot::nothing().unwrap();
    let verification = without_instance(&root);
    for scheme in SCHEMES
        .into_iter()
        .filter(|scheme| *scheme != Scheme::Ed25519)
    {
        let world = World::new();
        let key = key(&cosign, &world, scheme);
        let sign = [
            "sign-blob",
            "-y",
            "--key",
            "k.key",
            "--tlog-upload=false",
            "--output-signature",
            "sig",
            "artifact",
        ];
        run(&cosign, &world, &sign);
        let signature = fs::read_to_string(world.root().join("sig")).unwrap();
        let annotations = BTreeMap::from([(SIGNATURE.to_owned(), signature)]);
        let verify = |artifact: &[u8]| {
            verification.detached_signature_with_key(&annotations, artifact, &key)
        };
        verify(b"artifact").unwrap_or_else(|error| panic!("{scheme:?}: {error}"));
        assert!(verify(b"artefact").is_err(), "{scheme:?}");
    }
}

/// Layers of the old layout as cosign leaves them in a registry.
struct Image {
    world: World,
    crane: PathBuf,
    reference: String,
    digest: Digest,
}

impl Image {
    fn push(registry: &Distribution) -> Option<Self> {
        let crane = bulla_testkit::require("crane")?;
        let world = World::new();
        fs::write(world.root().join("file"), "content").unwrap();
        let tar = Command::new("tar")
            .args(["cf", "layer.tar", "file"])
            .current_dir(world.root())
            .status()
            .unwrap();
        assert!(tar.success());
        let reference = format!("{}/team/app", registry.host());
        let tag = format!("{reference}:1");
        run(
            &crane,
            &world,
            &["append", "--oci-empty-base", "-f", "layer.tar", "-t", &tag],
        );
        let digest = output(&crane, &world, &["digest", &tag]);
        Some(Self {
            digest: String::from_utf8(digest).unwrap().trim().parse().unwrap(),
            world,
            crane,
            reference,
        })
    }

    fn pinned(&self) -> String {
        format!("{}@{}", self.reference, self.digest)
    }

    /// Payload and annotations of each layer under the tag of that suffix.
    fn layers(&self, suffix: &str) -> Vec<(Vec<u8>, BTreeMap<String, String>)> {
        let tag = format!("{}:sha256-{}.{suffix}", self.reference, self.digest.hex());
        let manifest = output(&self.crane, &self.world, &["manifest", &tag]);
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        let layers = manifest["layers"].as_array().unwrap().iter();
        layers
            .map(|layer| {
                let blob = format!("{}@{}", self.reference, layer["digest"].as_str().unwrap());
                let payload = output(&self.crane, &self.world, &["blob", &blob]);
                let annotations = layer["annotations"].clone();
                (payload, serde_json::from_value(annotations).unwrap())
            })
            .collect()
    }
}

fn output(program: &PathBuf, world: &World, arguments: &[&str]) -> Vec<u8> {
    let done = Command::new(program)
        .args(arguments)
        .current_dir(world.root())
        .env("HOME", world.root())
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    done.stdout
}

#[test]
fn the_layers_that_cosign_2_and_3_leave_in_a_registry() {
    let Some(registry) = Distribution::start() else {
        return;
    };
    let Some(_) = bulla_testkit::require("openssl") else {
        return;
    };
    for (program, old) in [
        ("cosign2", &[][..]),
        (
            "cosign",
            &["--use-signing-config=false", "--new-bundle-format=false"][..],
        ),
    ] {
        let Some(cosign) = bulla_testkit::require(program) else {
            return;
        };
        let Some(image) = Image::push(&registry) else {
            return;
        };
        let key = key(&cosign, &image.world, Scheme::EcdsaP256);
        let pinned = image.pinned();
        let alone = [&["-y", "--key", "k.key", "--tlog-upload=false"], old].concat();
        let sign = [
            &["sign", "-a", "team=a"],
            alone.as_slice(),
            &[pinned.as_str()],
        ]
        .concat();
        run(&cosign, &image.world, &sign);
        fs::write(image.world.root().join("predicate.json"), r#"{"a":1}"#).unwrap();
        let attest = [
            "attest",
            "--type",
            "custom",
            "--predicate",
            "predicate.json",
        ];
        run(
            &cosign,
            &image.world,
            &[&attest, alone.as_slice(), &[pinned.as_str()]].concat(),
        );

        let root = TrustRoot::nothing().unwrap();
        let verification = without_instance(&root);
        let elsewhere = Digest::sha256(b"another image");
        for (payload, annotations) in image.layers("sig") {
            let layer = Layer {
                payload: &payload,
                annotations: &annotations,
            };
            let verify = |digest| verification.layer_signature_with_key(&layer, digest, &key);
            let good = verify(&image.digest).unwrap_or_else(|error| panic!("{program}: {error}"));
            assert_eq!(good.claim().optional["team"], "a");
            assert_eq!(verify(&elsewhere).unwrap_err().code.0, "TRUST-0031");
        }
        for (payload, annotations) in image.layers("att") {
            let layer = Layer {
                payload: &payload,
                annotations: &annotations,
            };
            let verify = |digest| verification.layer_attestation_with_key(&layer, digest, &key);
            verify(&image.digest).unwrap_or_else(|error| panic!("{program}: {error}"));
            assert_eq!(verify(&elsewhere).unwrap_err().code.0, "TRUST-0031");
        }
    }
}
