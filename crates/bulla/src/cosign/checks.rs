//! What a signature must be, as cosign's flags say: whose, under which root,
//! with which proofs, saying what.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Digest, Statement};
use bulla_crypto::PublicKey;
use bulla_trust::{
    IdentityExpectation, KeyProof, Proof, Rejection, Verified,
    cosign::{Layer, SimpleSigning},
    sigstore::{
        Anchoring, Artifact, BundleKind, Claim, Matcher, Requirements, TimeDemand,
        UnverifiedBundle, Verification, sct::DetachedSct,
    },
};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

use super::{current, failure::Failure, given::Given, keys, material, say, trust};

/// Whose signature counts.
pub enum Signer {
    /// The holder of a certificate.
    Certificate(Box<IdentityExpectation>),
    /// The holder of a key.
    Key(Box<PublicKey>),
}

/// What must hold.
pub struct Checks {
    signer: Signer,
    root: trust::Root,
    requirements: Requirements,
    /// The proof of logging that lies beside the certificate.
    sct: Option<DetachedSct>,
    /// Whether a certificate must be valid now: nothing else tells the time.
    must_be_current: bool,
    /// Annotations that must be there.
    pub annotations: BTreeMap<String, String>,
}

/// Who signed, and what proves it.
pub struct Proven {
    /// Whether a log has it.
    pub is_logged: bool,
    /// The certificate's proof, where there is one.
    pub certificate: Option<Proof>,
}

impl From<&Proof> for Proven {
    fn from(proof: &Proof) -> Self {
        Self {
            is_logged: proof.log.is_some(),
            certificate: Some(proof.clone()),
        }
    }
}

impl From<&KeyProof> for Proven {
    fn from(proof: &KeyProof) -> Self {
        Self {
            is_logged: proof.log.is_some(),
            certificate: None,
        }
    }
}

fn told<T: Clone, P>(verified: &Verified<T, P>) -> (T, Proven)
where
    for<'p> Proven: From<&'p P>,
{
    (verified.claim().clone(), Proven::from(verified.proof()))
}

impl Checks {
    /// Reads the flags of a command that verifies `what`.
    ///
    /// # Errors
    /// If they contradict each other, or name something that cannot be read.
    pub fn read(given: &Given, what: &str) -> Result<Self, Failure> {
        let signer = signer(given)?;
        let requirements = trust::requirements(given, &signer, what);
        Ok(Self {
            sct: detached_sct(given)?,
            root: trust::root(given, &signer, &requirements)?,
            annotations: annotations(given)?,
            must_be_current: requirements.time == TimeDemand::NotRequired,
            signer,
            requirements,
        })
    }

    /// Whether a key was named.
    pub fn is_by_key(&self) -> bool {
        matches!(self.signer, Signer::Key(_))
    }

    fn verification(&self) -> Result<Verification<'_>, Failure> {
        let verification = Verification::new(self.root.get()?, Timestamp::now())
            .requiring(self.requirements.clone());
        Ok(match &self.sct {
            Some(sct) => verification.with_sct(sct),
            None => verification,
        })
    }

    /// An attestation in a bundle.
    ///
    /// # Errors
    /// If it is not accepted.
    pub fn attestation<'a>(
        &self,
        bundle: &[u8],
        subject: impl Into<Artifact<'a>>,
    ) -> Result<(Statement, Proven), Failure> {
        self.current_bundle(bundle)?;
        let verification = self.verification()?;
        refused(match &self.signer {
            Signer::Certificate(expected) => {
                verification
                    .attestation(bundle, subject)
                    .and_then(|verified| {
                        verified
                            .require_identity(expected)
                            .map(|()| told(&verified))
                    })
            }
            Signer::Key(key) => verification
                .attestation_with_key(bundle, subject, key)
                .map(|verified| told(&verified)),
        })
    }

    /// A signature over a file, in a bundle; or an attestation about it.
    ///
    /// # Errors
    /// If it is not accepted.
    pub fn file(&self, bundle: &[u8], blob: &material::Blob) -> Result<(), Failure> {
        let kind = UnverifiedBundle::parse(bundle)
            .map_err(|error| Failure::from_error("", &error))?
            .kind();
        if kind == BundleKind::Attestation {
            return self.attestation(bundle, blob.artifact()).map(drop);
        }
        let artifact = blob.artifact();
        self.current_bundle(bundle)?;
        let verification = self.verification()?;
        refused(match &self.signer {
            Signer::Certificate(expected) => verification
                .signature(bundle, artifact)
                .and_then(|verified| verified.require_identity(expected)),
            Signer::Key(key) => verification
                .signature_with_key(bundle, artifact, key)
                .map(drop),
        })
    }

    /// A detached signature over a file, with its proofs as annotations.
    ///
    /// # Errors
    /// If it is not accepted.
    pub fn detached(
        &self,
        annotations: &BTreeMap<String, String>,
        blob: &material::Blob,
    ) -> Result<(), Failure> {
        let artifact = blob.artifact();
        self.current_parts(annotations)?;
        let verification = self.verification()?;
        refused(match &self.signer {
            Signer::Certificate(expected) => verification
                .detached_signature(annotations, artifact)
                .and_then(|verified| verified.require_identity(expected)),
            Signer::Key(key) => verification
                .detached_signature_with_key(annotations, artifact, key)
                .map(drop),
        })
    }

    /// A layer of the old layout's `.sig`.
    ///
    /// # Errors
    /// If it is not accepted.
    pub fn layer(
        &self,
        layer: &Layer<'_>,
        image: &Digest,
    ) -> Result<(SimpleSigning, Proven), Failure> {
        self.current_parts(layer.annotations)?;
        let verification = self.verification()?;
        let (payload, proven) =
            refused(match &self.signer {
                Signer::Certificate(expected) => verification
                    .layer_signature(layer, image)
                    .and_then(|verified| {
                        verified
                            .require_identity(expected)
                            .map(|()| told(&verified))
                    }),
                Signer::Key(key) => verification
                    .layer_signature_with_key(layer, image, key)
                    .map(|verified| told(&verified)),
            })?;
        self.annotated(&payload.optional)?;
        Ok((payload, proven))
    }

    /// A layer of the old layout's `.att`.
    ///
    /// # Errors
    /// If it is not accepted.
    pub fn attestation_layer<'a>(
        &self,
        layer: &Layer<'_>,
        subject: impl Into<Artifact<'a>>,
    ) -> Result<(Statement, Proven), Failure> {
        self.current_parts(layer.annotations)?;
        let verification = self.verification()?;
        refused(match &self.signer {
            Signer::Certificate(expected) => verification
                .layer_attestation(layer, subject)
                .and_then(|verified| {
                    verified
                        .require_identity(expected)
                        .map(|()| told(&verified))
                }),
            Signer::Key(key) => verification
                .layer_attestation_with_key(layer, subject, key)
                .map(|verified| told(&verified)),
        })
    }

    fn current_bundle(&self, bundle: &[u8]) -> Result<(), Failure> {
        match self.must_be_current {
            true => current::of_bundle(bundle, Timestamp::now()),
            false => Ok(()),
        }
    }

    fn current_parts(&self, annotations: &BTreeMap<String, String>) -> Result<(), Failure> {
        let pem = annotations.get(bulla_trust::cosign::CERTIFICATE);
        match self.must_be_current {
            true => current::of_pem(pem, Timestamp::now()),
            false => Ok(()),
        }
    }

    /// Demands the annotations.
    ///
    /// # Errors
    /// If one is missing or differs.
    pub fn annotated(&self, found: &Map<String, Value>) -> Result<(), Failure> {
        for (name, value) in &self.annotations {
            if found.get(name).and_then(Value::as_str) != Some(value) {
                return Err(Failure::coded(
                    "CLI-0450",
                    format!("missing or incorrect annotation: {name}={value}"),
                ));
            }
        }
        Ok(())
    }
}

fn refused<T>(result: Result<T, Rejection>) -> Result<T, Failure> {
    result.map_err(|rejection| Failure::from_error("", &rejection))
}

/// `--sct FILE`: what a log answered for the certificate.
fn detached_sct(given: &Given) -> Result<Option<DetachedSct>, Failure> {
    let Some(path) = given.text("sct") else {
        return Ok(None);
    };
    let bytes = material::small(path, "certificate timestamp")?;
    DetachedSct::parse(&bytes)
        .map(Some)
        .map_err(|error| Failure::from_error("reading sct from file", &error))
}

fn signer(given: &Given) -> Result<Signer, Failure> {
    let key = given.text("key");
    let subject = given.text("certificate-identity");
    let subject_pattern = given.text("certificate-identity-regexp");
    if [key, subject, subject_pattern].iter().flatten().count() > 1 {
        return Err(Failure::coded("CLI-0410", "exactly one of: key reference (--key) or certificate identity (--certificate-identity or --certificate-identity-regexp), must be provided",)
        .hint("a bundle with `publicKey` is verified with --key, one with a certificate by its identity"));
    }
    if let Some(reference) = key {
        return keys::public(reference).map(|key| Signer::Key(Box::new(key)));
    }
    let issuer = given.text("certificate-oidc-issuer");
    let issuer_pattern = given.text("certificate-oidc-issuer-regexp");
    let subject = matcher("certificate-identity", subject, subject_pattern)?;
    let issuer = matcher("certificate-oidc-issuer", issuer, issuer_pattern)?;
    let mut expected = IdentityExpectation::new(issuer, subject);
    for (flag, claim) in [
        ("certificate-github-workflow-name", Claim::WorkflowName),
        ("certificate-github-workflow-ref", Claim::WorkflowRef),
        (
            "certificate-github-workflow-repository",
            Claim::WorkflowRepository,
        ),
        ("certificate-github-workflow-sha", Claim::WorkflowSha),
        (
            "certificate-github-workflow-trigger",
            Claim::WorkflowTrigger,
        ),
    ] {
        if let Some(value) = given.text(flag) {
            expected = expected.claim(claim, Matcher::Exact(value.to_owned()));
        }
    }
    Ok(Signer::Certificate(Box::new(expected)))
}

/// The exact value and the pattern may both be given: then both must hold, which
/// a pattern that matches the value alone already is.
fn matcher(flag: &str, exact: Option<&str>, pattern: Option<&str>) -> Result<Matcher, Failure> {
    let Some(pattern) = pattern else {
        let Some(exact) = exact else {
            return Err(Failure::coded(
                "CLI-0411",
                format!("--{flag} or --{flag}-regexp is required for verification in keyless mode"),
            ));
        };
        return Ok(Matcher::Exact(exact.to_owned()));
    };
    let matcher = Matcher::regex(pattern, Anchoring::AsWritten)
        .map_err(|error| Failure::from_error(&format!("--{flag}-regexp"), &error))?;
    if let Some(exact) = exact {
        return if matcher.matches(exact) {
            Ok(Matcher::Exact(exact.to_owned()))
        } else {
            Err(Failure::coded(
                "CLI-0411",
                format!("--{flag} does not match --{flag}-regexp: nobody could"),
            ))
        };
    }
    if !matcher.is_anchored() {
        say::warn(&format!(
            "--{flag}-regexp matches anywhere in the value; write ^…$ to cover it all"
        ));
    }
    Ok(matcher)
}

/// `-a key=value`, each.
///
/// # Errors
/// If one is not.
pub fn annotations(given: &Given) -> Result<BTreeMap<String, String>, Failure> {
    match given.command.flag("annotations") {
        None => Ok(BTreeMap::new()),
        Some(flag) => pairs(given, flag.name),
    }
}

/// The `key=value` pairs of a flag.
///
/// # Errors
/// If one is none.
pub fn pairs(given: &Given, flag: &str) -> Result<BTreeMap<String, String>, Failure> {
    let pair = |text: &str| {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            Failure::coded("CLI-0452", format!("unable to parse annotation: {text}"))
        })?;
        Ok((name.to_owned(), value.to_owned()))
    };
    given.all(flag).into_iter().map(pair).collect()
}

/// Base64, or the bytes as they are.
pub fn plain(bytes: Vec<u8>) -> Vec<u8> {
    STANDARD.decode(bytes.trim_ascii()).unwrap_or(bytes)
}
