//! Signing and verifying as people and scripts do it: keys and key files, both
//! registry layouts, who counts, bundles, other trust roots, moving images.
//!
//! All tests share one instance; each pushes tiny images of its own.

mod admission;
mod bundles;
mod indexes;
mod keyless;
mod keys;
mod layouts;
mod moving;
mod pkcs11;
mod signers;
mod trust;

use bulla_core::Digest;
use bulla_testkit::Outcome;
use serde_json::{Value, json};

use crate::tamper::scene::{Image, MANIFEST, Scene};

pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const EVE: &str = "eve@example.com";
pub const REVIEW: &str = "https://example.com/review/v1";
/// Key, log and timestamp waived: no connection is made.
pub const ALONE: [&str; 2] = ["--no-log", "--no-timestamp"];

impl Scene {
    /// `bulla` with the password that all keys of these tests have.
    pub fn bulla(&self, args: &[&str]) -> Outcome {
        let mut command = self.world.command(self.world.binary());
        command.args(args).env("BULLA_PASSWORD", "hunter2");
        self.world.run(&mut command)
    }

    /// A new key pair: the names of its files.
    pub fn key(&self, kind: &str) -> (String, String) {
        let prefix = self.path(&self.name("key"));
        let args = ["generate-key-pair", "--key-type", kind];
        self.bulla(&[&args[..], &["--output-key-prefix", &prefix]].concat())
            .success();
        (format!("{prefix}.key"), format!("{prefix}.pub"))
    }

    /// Something in the working folder.
    pub fn path(&self, name: &str) -> String {
        self.world.dir().join(name).display().to_string()
    }

    /// A file of its own with that text.
    pub fn file(&self, text: &str) -> String {
        let name = self.name("file");
        self.world.write(name, text).display().to_string()
    }

    /// A tiny image that nobody signed, in a repository of its own.
    pub fn bare(&self) -> Image {
        let repository = self.name("bare");
        let digest = self.push_tiny(&repository, "v1", &repository);
        self.named(&repository, digest)
    }

    /// An index over two tiny images.
    pub fn index(&self) -> (Image, Vec<Image>) {
        let repository = self.name("many");
        let architectures = ["amd64", "arm64"];
        let children: Vec<(&str, String)> = architectures
            .iter()
            .map(|arch| (*arch, self.push_tiny(&repository, arch, arch)))
            .collect();
        let entry = |(arch, digest): &(&str, String)| {
            let size = self.size(&repository, digest);
            json!({"mediaType": MANIFEST, "digest": digest, "size": size,
                   "platform": {"os": "linux", "architecture": arch}})
        };
        let entries: Vec<Value> = children.iter().map(entry).collect();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        let bytes = serde_json::to_vec(&index).expect("JSON");
        let path = format!("/v2/{repository}/manifests/v1");
        let answer = self.http("PUT", &path, INDEX, &bytes);
        assert_eq!(answer.status, 201, "PUT {path}");
        let digest = Digest::sha256(&bytes).to_string();
        let children = children.into_iter();
        (
            self.named(&repository, digest),
            children
                .map(|(_, digest)| self.by_digest(&repository, digest))
                .collect(),
        )
    }

    fn size(&self, repository: &str, digest: &str) -> usize {
        let path = format!("/v2/{repository}/manifests/{digest}");
        self.http("GET", &path, MANIFEST, b"").body.len()
    }

    fn named(&self, repository: &str, digest: String) -> Image {
        Image {
            reference: format!("{}/{repository}:v1", self.instance.registry()),
            repository: repository.into(),
            digest,
        }
    }

    fn by_digest(&self, repository: &str, digest: String) -> Image {
        Image {
            reference: format!("{}/{repository}@{digest}", self.instance.registry()),
            repository: repository.into(),
            digest,
        }
    }

    fn push_tiny(&self, repository: &str, tag: &str, text: &str) -> String {
        let config = json!({"architecture": "amd64", "os": "linux", "config": {"Labels": {"text": text}},
                            "rootfs": {"type": "layers", "diff_ids": []}});
        let config = serde_json::to_vec(&config).expect("JSON");
        let digest = self.push_blob(repository, &config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                       "digest": digest, "size": config.len()},
        });
        let manifest = serde_json::to_vec(&manifest).expect("JSON");
        let answer = self.put_manifest(repository, tag, &manifest);
        assert_eq!(answer.status, 201, "{repository}:{tag}");
        Digest::sha256(&manifest).to_string()
    }

    /// `ISSUER=SUBJECT` of somebody on the local instance.
    pub fn somebody(&self, email: &str) -> String {
        format!("{}={email}", self.instance.url("oidc"))
    }

    /// Signs as somebody on the local instance.
    pub fn sign_as(&self, email: &str, image: &Image, more: &[&str]) -> Outcome {
        let args = ["sign", &image.reference, "--email", email];
        self.bulla(&[&args[..], more].concat())
    }

    /// Says something about an image, as somebody on the local instance.
    pub fn attest_as(&self, email: &str, image: &Image, kind: &str) -> Outcome {
        let predicate = self.file(r#"{"ok":true}"#);
        let args = ["attest", &image.reference, "--email", email];
        self.bulla(&[&args[..], &["--type", kind, "--predicate", &predicate]].concat())
    }
}
