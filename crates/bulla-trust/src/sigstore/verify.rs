//! Verifying a bundle: bytes and a root in, [`Verified`] or [`Rejection`] out.
//!
//! Order: form and limits; certificate, proven times, chain, SCT, log, signature
//! and subject, log entry against signature and key (all by the core); then
//! what the core leaves open: the certificate names exactly one signer, the log
//! that the entry names signed the checkpoint with a key valid at each proven
//! time, no proven time lies ahead of `now`, the statement handed out names the
//! subject.
//! Who may sign is the caller's question: see [`IdentityExpectation`].

use bulla_core::{Digest, Identity, Statement, digest::Algorithm};
use jiff::{SignedDuration, Timestamp};
use sigstore_types::DerPublicKey;
use sigstore_verify::{Policy, PublicKeyVerificationPolicy, VerificationPolicy};

use super::{
    Failure,
    bundle::{BundleKind, UnverifiedBundle},
    diagnosis::{Case, subject_differs, subjects},
    identity::IdentityExpectation,
    log,
};
use crate::{
    root::TrustRoot,
    verified::{Cited, KeyProof, Proof, Rejection, Verified},
};

/// How far a timestamp authority's clock may be ahead of the caller's.
const CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_secs(60);

/// The artifact of a signature: its bytes, or its digest where the scheme
/// signs a digest (all but Ed25519).
#[derive(Clone, Copy, Debug)]
pub enum Artifact<'a> {
    /// All its bytes.
    Bytes(&'a [u8]),
    /// Its digest.
    Digest(&'a Digest),
}

impl<'a> Artifact<'a> {
    /// Its digest: SHA-256 of the bytes, or as given.
    pub(super) fn digest(&self) -> Option<Digest> {
        Some(match self {
            Self::Bytes(bytes) => Digest::sha256(bytes),
            Self::Digest(digest) => (*digest).clone(),
        })
    }

    fn to_core(self) -> Result<sigstore_types::Artifact<'a>, Failure> {
        let digest = match self {
            Self::Bytes(bytes) => return Ok(sigstore_types::Artifact::Blob(bytes)),
            Self::Digest(digest) => digest,
        };
        let algorithm = match digest.algorithm() {
            Algorithm::Sha256 => sigstore_types::HashAlgorithm::Sha2256,
            Algorithm::Sha512 => sigstore_types::HashAlgorithm::Sha2512,
            other => {
                return Err(Failure::ArtifactForm {
                    detail: format!("no signature is checked with {}", other.name()),
                });
            }
        };
        sigstore_types::ArtifactDigest::new(algorithm, digest.bytes())
            .map(sigstore_types::Artifact::Digest)
            .map_err(|error| Failure::ArtifactForm {
                detail: error.to_string(),
            })
    }
}

impl<'a> From<&'a [u8]> for Artifact<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<&'a Digest> for Artifact<'a> {
    fn from(digest: &'a Digest) -> Self {
        Self::Digest(digest)
    }
}

/// A file that somebody signed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Blob {
    /// Its digest.
    pub digest: Digest,
}

/// Verifies an attestation about `subject` that a certificate's holder signed.
/// Whether that signer may say so is left to [`Verified::require_identity`] or
/// a policy.
///
/// # Errors
/// A [`Rejection`] with a code from TRUST-0001 on; see [`Failure`].
pub fn verify_attestation(
    root: &TrustRoot,
    bundle: &[u8],
    subject: &Digest,
    now: Timestamp,
) -> Result<Verified<Statement>, Rejection> {
    with_bundle(bundle, |bundle| {
        let statement = bundle.statement()?;
        let artifact = Artifact::Digest(subject);
        let proof = by_certificate(root, bundle, Some(&statement), artifact, now)?;
        names_subject(&statement, subject)?;
        Ok(Verified::new(statement, proof))
    })
}

/// Verifies a signature over `artifact` by the holder of a certificate, who
/// must be whom `expected` names.
///
/// # Errors
/// A [`Rejection`] with a code from TRUST-0001 on; see [`Failure`].
pub fn verify_blob<'a>(
    root: &TrustRoot,
    bundle: &[u8],
    artifact: impl Into<Artifact<'a>>,
    expected: &IdentityExpectation,
    now: Timestamp,
) -> Result<Verified<Blob>, Rejection> {
    let verified = verify_signature(root, bundle, artifact, now)?;
    verified.require_identity(expected)?;
    Ok(verified)
}

/// Verifies a signature over `artifact` by the holder of any certificate.
/// Whether that signer counts is left to [`Verified::require_identity`] or a
/// policy.
///
/// # Errors
/// A [`Rejection`] with a code from TRUST-0001 on; see [`Failure`].
pub fn verify_signature<'a>(
    root: &TrustRoot,
    bundle: &[u8],
    artifact: impl Into<Artifact<'a>>,
    now: Timestamp,
) -> Result<Verified<Blob>, Rejection> {
    let artifact = artifact.into();
    with_bundle(bundle, |bundle| {
        let digest = signed_blob(bundle, &artifact)?;
        let proof = by_certificate(root, bundle, None, artifact, now)?;
        Ok(Verified::new(Blob { digest }, proof))
    })
}

/// Verifies an attestation about `subject` signed with the key `spki` (DER
/// SubjectPublicKeyInfo), logged in a log of `root`.
///
/// # Errors
/// As [`verify_attestation`].
pub fn verify_attestation_with_key(
    root: &TrustRoot,
    bundle: &[u8],
    subject: &Digest,
    spki: &[u8],
    now: Timestamp,
) -> Result<Verified<Statement, KeyProof>, Rejection> {
    with_bundle(bundle, |bundle| {
        let statement = bundle.statement()?;
        let artifact = Artifact::Digest(subject);
        let proof = by_key(root, bundle, Some(&statement), artifact, spki, now)?;
        names_subject(&statement, subject)?;
        Ok(Verified::new(statement, proof))
    })
}

/// Verifies a signature over `artifact` by the key `spki` (DER
/// SubjectPublicKeyInfo), logged in a log of `root`.
///
/// # Errors
/// As [`verify_blob`].
pub fn verify_blob_with_key<'a>(
    root: &TrustRoot,
    bundle: &[u8],
    artifact: impl Into<Artifact<'a>>,
    spki: &[u8],
    now: Timestamp,
) -> Result<Verified<Blob, KeyProof>, Rejection> {
    let artifact = artifact.into();
    with_bundle(bundle, |bundle| {
        let digest = signed_blob(bundle, &artifact)?;
        let proof = by_key(root, bundle, None, artifact, spki, now)?;
        Ok(Verified::new(Blob { digest }, proof))
    })
}

impl<T> Verified<T> {
    /// Demands a signer.
    ///
    /// # Errors
    /// A [`Rejection`] that names the near miss: TRUST-0040 … 0042, 0702.
    pub fn require_identity(&self, expected: &IdentityExpectation) -> Result<(), Rejection> {
        expected
            .check_proof(self.proof())
            .map_err(|failure| Rejection::because(&failure).of(&self.proof().envelope))
    }
}

impl<P: Cited> Verified<Statement, P> {
    /// Demands a predicate type: whoever asked for one kind of claim must not
    /// be answered with another (GHSA-w6c6-c85g-mmv6).
    ///
    /// # Errors
    /// A [`Rejection`], TRUST-0033.
    pub fn require_predicate_type(&self, expected: &str) -> Result<(), Rejection> {
        let found = &self.claim().predicate_type;
        if found == expected {
            return Ok(());
        }
        let failure = Failure::PredicateType {
            expected: expected.to_owned(),
            found: found.clone(),
        };
        Err(Rejection::because(&failure).of(self.proof().envelope()))
    }
}

fn with_bundle<T>(
    bytes: &[u8],
    check: impl FnOnce(&UnverifiedBundle) -> Result<T, Failure>,
) -> Result<T, Rejection> {
    let bundle = UnverifiedBundle::parse(bytes)
        .map_err(|failure| Rejection::because(&failure).of(&Digest::sha256(bytes)))?;
    check(&bundle).map_err(|failure| Rejection::because(&failure).of(bundle.digest()))
}

fn signed_blob(bundle: &UnverifiedBundle, artifact: &Artifact<'_>) -> Result<Digest, Failure> {
    if bundle.kind() == BundleKind::Attestation {
        return Err(Failure::NotASignature);
    }
    artifact.digest().ok_or(Failure::NotASignature)
}

/// The core compared the subject in its own reading of the payload; what we
/// hand out is ours, so ours is compared too.
fn names_subject(statement: &Statement, subject: &Digest) -> Result<(), Failure> {
    if statement.is_about(subject) {
        Ok(())
    } else {
        Err(subject_differs(subject, &subjects(statement)))
    }
}

fn by_certificate(
    root: &TrustRoot,
    bundle: &UnverifiedBundle,
    statement: Option<&Statement>,
    artifact: Artifact<'_>,
    now: Timestamp,
) -> Result<Proof, Failure> {
    let leaf = bundle.leaf().ok_or(Failure::CertificateRequired)?;
    let policy = VerificationPolicy::any_identity();
    let result = run(root, bundle, statement, artifact, &policy, now)?;
    let no_issuer = || Failure::NoIdentity {
        detail: "it does not say which issuer authenticated its holder".into(),
    };
    let proven = result.certificate_verified() && result.sct_verified() && result.tlog_verified();
    if !proven {
        return Err(Failure::Incomplete {
            detail: "certificate, SCT and log must all be proven".into(),
        });
    }
    Ok(Proof {
        signer: Identity {
            root: root.id().clone(),
            issuer: result.issuer().ok_or_else(no_issuer)?.to_owned(),
            subject: leaf.subject()?,
        },
        envelope: bundle.digest().clone(),
        certificate: leaf.digest.clone(),
        key: leaf.key()?,
        claims: leaf.claims()?,
        sct: result.sct_verified(),
        log: log::proof(bundle),
        times: result.verified_timestamps().to_vec(),
    })
}

fn by_key(
    root: &TrustRoot,
    bundle: &UnverifiedBundle,
    statement: Option<&Statement>,
    artifact: Artifact<'_>,
    spki: &[u8],
    now: Timestamp,
) -> Result<KeyProof, Failure> {
    if bundle.has_certificate() {
        return Err(Failure::KeyRequired);
    }
    let policy = PublicKeyVerificationPolicy::new(DerPublicKey::new(spki.to_vec()));
    let result = run(root, bundle, statement, artifact, &policy, now)?;
    Ok(KeyProof {
        key: Digest::sha256(spki),
        envelope: bundle.digest().clone(),
        log: log::proof(bundle),
        times: result.verified_timestamps().to_vec(),
    })
}

fn run(
    root: &TrustRoot,
    bundle: &UnverifiedBundle,
    statement: Option<&Statement>,
    artifact: Artifact<'_>,
    policy: &dyn Policy,
    now: Timestamp,
) -> Result<sigstore_verify::VerificationResult, Failure> {
    let result = root
        .verifier()
        .verify(artifact.to_core()?, bundle.inner(), policy)
        .map_err(|error| {
            Case {
                root,
                bundle,
                statement,
                artifact: &artifact,
                now,
            }
            .explain(error)
        })?;
    let times = result.verified_timestamps();
    let latest = now.checked_add(CLOCK_DIFFERENCE).unwrap_or(now);
    if let Some(time) = times.iter().find(|time| **time > latest) {
        return Err(Failure::FutureTime { time: *time, now });
    }
    log::check(root, bundle, times)?;
    Ok(result)
}
