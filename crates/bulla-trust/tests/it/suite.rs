//! Where the conformance assets are, and what a case consists of.

use bulla_core::{Digest, RootId};
use bulla_trust::{
    IdentityExpectation, TrustRoot,
    sigstore::{Artifact, verify_attestation, verify_blob},
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The assets, or `None` after saying what was lacking.
#[track_caller]
pub(crate) fn assets() -> Option<PathBuf> {
    bulla_testkit::suites("sigstore-conformance/test/assets/bundle-verify")
}

/// One directory of the assets.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) bundle: Vec<u8>,
    pub(crate) artifact: Vec<u8>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) root: Option<Vec<u8>>,
    pub(crate) identity: String,
    pub(crate) issuer: String,
}

impl Case {
    pub(crate) fn read(assets: &Path, name: &str) -> Self {
        let dir = assets.join(name);
        let optional = |file: &str| fs::read(dir.join(file)).ok();
        let text = |file: &str, default: &str| {
            optional(file).map_or(default.to_owned(), |bytes| {
                String::from_utf8(bytes).unwrap().trim().to_owned()
            })
        };
        Self {
            name: name.to_owned(),
            bundle: fs::read(dir.join("bundle.sigstore.json")).unwrap(),
            artifact: optional("artifact")
                .unwrap_or_else(|| fs::read(assets.join("a.txt")).unwrap()),
            key: optional("key.pub").map(|pem| spki(&pem)),
            root: optional("trusted_root.json"),
            identity: text("identity", IDENTITY),
            issuer: text("issuer", ISSUER),
        }
    }

    pub(crate) fn all(assets: &Path) -> Vec<Self> {
        let mut names: Vec<String> = fs::read_dir(assets)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names.iter().map(|name| Self::read(assets, name)).collect()
    }

    /// The same case with its bundle edited.
    pub(crate) fn with(mut self, edit: impl FnOnce(&mut Value)) -> Self {
        let mut bundle = self.bundle_json();
        edit(&mut bundle);
        self.bundle = serde_json::to_vec(&bundle).unwrap();
        self
    }

    /// The same case with its root edited.
    pub(crate) fn with_root(mut self, edit: impl FnOnce(&mut Value)) -> Self {
        let mut root = serde_json::from_slice(self.root.as_ref().unwrap()).unwrap();
        edit(&mut root);
        self.root = Some(serde_json::to_vec(&root).unwrap());
        self
    }

    pub(crate) fn bundle_json(&self) -> Value {
        serde_json::from_slice(&self.bundle).unwrap()
    }

    /// The rejection of this case: its code and its text.
    pub(crate) fn rejection(&self) -> (&'static str, String) {
        let now = jiff::Timestamp::now();
        let outcome = self.under_root(|root| {
            if self.bundle_json().get("dsseEnvelope").is_some() {
                verify_attestation(root, &self.bundle, &self.digest(), now)?
                    .require_identity(&self.expectation())
            } else {
                let artifact = Artifact::Bytes(&self.artifact);
                verify_blob(root, &self.bundle, artifact, &self.expectation(), now).map(drop)
            }
        });
        let rejection = outcome.unwrap().expect_err(&self.name);
        assert_eq!(rejection.envelope, Some(Digest::sha256(&self.bundle)));
        (rejection.code.0, rejection.text)
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::sha256(&self.artifact)
    }

    pub(crate) fn expectation(&self) -> IdentityExpectation {
        IdentityExpectation::exact(&self.issuer, &self.identity)
    }

    /// The case's own root, under a name of its own.
    pub(crate) fn own_root(&self) -> Option<Result<TrustRoot, bulla_trust::root::RootError>> {
        let bytes = self.root.as_ref()?;
        Some(TrustRoot::parse(bytes, RootId(Digest::sha256(bytes))))
    }

    /// Applies `with` under the case's root, or the embedded one.
    pub(crate) fn under_root<T>(&self, with: impl FnOnce(&TrustRoot) -> T) -> Result<T, String> {
        match self.own_root() {
            Some(root) => root.map(|root| with(&root)).map_err(|e| e.to_string()),
            None => Ok(with(TrustRoot::public_good().unwrap())),
        }
    }
}

/// The key of a PEM file; no bytes where the case gives a damaged file, which no
/// signature can be by.
fn spki(pem: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(pem).unwrap();
    sigstore_types::DerPublicKey::from_pem(text)
        .map(sigstore_types::DerPublicKey::into_bytes)
        .unwrap_or_default()
}
