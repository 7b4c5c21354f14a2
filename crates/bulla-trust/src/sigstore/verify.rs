//! Verifying: bytes and a root in, [`Verified`] or [`Rejection`] out.
//!
//! One [`Verification`] holds what does not change from one piece of evidence to
//! the next: the root, the time of judgement and what the caller demands. The
//! checks themselves are in `engine`; here the forms are told apart, and the
//! statement handed out is the one whose subject was compared.
//! Who may sign is the caller's question: see [`IdentityExpectation`].

use bulla_core::{Digest, Statement, Subject, digest::Algorithm};
use bulla_crypto::PublicKey;
use jiff::Timestamp;

use super::{
    Failure,
    bundle::{BundleKind, UnverifiedBundle},
    engine::Judge,
    evidence::Evidence,
    identity::IdentityExpectation,
    requirements::Requirements,
    sct::DetachedSct,
};
use crate::{
    revocation::Revocations,
    root::TrustRoot,
    verified::{Cited, KeyProof, Rejection, Verified},
};

/// The artifact of a signature: its bytes, or its digest where the scheme
/// signs a digest (all but pure Ed25519).
#[derive(Clone, Copy, Debug)]
pub enum Artifact<'a> {
    /// All its bytes.
    Bytes(&'a [u8]),
    /// Its digest.
    Digest(&'a Digest),
}

impl Artifact<'_> {
    /// Its digest: SHA-256 of the bytes, or as given.
    pub(super) fn digest(&self) -> Digest {
        match self {
            Self::Bytes(bytes) => Digest::sha256(bytes),
            Self::Digest(digest) => (*digest).clone(),
        }
    }

    /// Whether the statement names it. Of bytes, every digest that a subject has
    /// of the SHA-2 family must be theirs: a right one excuses no wrong one.
    fn is_named_by(&self, statement: &Statement) -> bool {
        let bytes = match self {
            Self::Digest(digest) => return statement.is_about(digest),
            Self::Bytes(bytes) => bytes,
        };
        let own = KINDS.map(|(algorithm, hash)| {
            let has = |subject: &Subject| subject.digest.contains_key(algorithm.name());
            (
                algorithm.name(),
                statement.subject.iter().any(has).then(|| hash(bytes)),
            )
        });
        statement.subject.iter().any(|subject| {
            let mut named = own
                .iter()
                .filter(|(name, _)| subject.digest.contains_key(*name))
                .peekable();
            let is = |digest: &Option<Digest>| digest.as_ref().is_some_and(|own| subject.is(own));
            named.peek().is_some() && named.all(|(_, digest)| is(digest))
        })
    }
}

/// Makes a digest.
type Maker = fn(&[u8]) -> Digest;

/// The digests by which a subject names a file.
const KINDS: [(Algorithm, Maker); 3] = [
    (Algorithm::Sha256, Digest::sha256),
    (Algorithm::Sha384, Digest::sha384),
    (Algorithm::Sha512, Digest::sha512),
];

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

/// A bundle to verify: its bytes, or what an earlier look at them read, so that
/// nothing is read twice.
pub trait AsBundle {
    /// Judges the bundle; what fails is told with its digest.
    ///
    /// # Errors
    /// A [`Rejection`]: the bundle's form, or what `check` fails with.
    fn judge<T>(
        &self,
        check: impl FnOnce(&UnverifiedBundle) -> Result<T, Failure>,
    ) -> Result<T, Rejection>;
}

impl AsBundle for UnverifiedBundle {
    fn judge<T>(
        &self,
        check: impl FnOnce(&UnverifiedBundle) -> Result<T, Failure>,
    ) -> Result<T, Rejection> {
        check(self).map_err(|failure| Rejection::because(&failure).of(self.digest()))
    }
}

impl AsBundle for [u8] {
    fn judge<T>(
        &self,
        check: impl FnOnce(&UnverifiedBundle) -> Result<T, Failure>,
    ) -> Result<T, Rejection> {
        UnverifiedBundle::read(self)?.judge(check)
    }
}

impl AsBundle for Vec<u8> {
    fn judge<T>(
        &self,
        check: impl FnOnce(&UnverifiedBundle) -> Result<T, Failure>,
    ) -> Result<T, Rejection> {
        self.as_slice().judge(check)
    }
}

/// A file that somebody signed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Blob {
    /// Its digest.
    pub digest: Digest,
}

impl Blob {
    pub(crate) fn of(artifact: &Artifact<'_>) -> Self {
        Self {
            digest: artifact.digest(),
        }
    }
}

/// How to verify: under which root, when, and with which demands.
///
/// Making the proof and judging the signer are two things: whatever comes out
/// says who signed, and [`Verified::require_identity`] or a policy says whether
/// that signer counts. Methods with `_with_key` prove a signature by that key;
/// a bundle signed with a certificate never counts for them, nor the reverse.
#[derive(Clone, Debug)]
pub struct Verification<'r> {
    root: &'r TrustRoot,
    now: Timestamp,
    requirements: Requirements,
    revocations: &'r Revocations,
    sct: Option<&'r DetachedSct>,
}

impl<'r> Verification<'r> {
    /// The strict one: see [`Requirements::STRICT`].
    pub fn new(root: &'r TrustRoot, now: Timestamp) -> Self {
        Self {
            root,
            now,
            requirements: Requirements::STRICT,
            revocations: root.revocations(),
            sct: None,
        }
    }

    /// With other demands.
    #[must_use]
    pub fn requiring(mut self, requirements: Requirements) -> Self {
        self.requirements = requirements;
        self
    }

    /// With the proof that the certificate was logged, which lies beside it: for
    /// certificates that carry none. It proves nothing about one that does.
    #[must_use]
    pub fn with_sct(mut self, sct: &'r DetachedSct) -> Self {
        self.sct = Some(sct);
        self
    }

    /// Without regard to revocations: to verify the list of them, or what this
    /// very process made a moment ago.
    #[must_use]
    pub fn without_revocations(mut self) -> Self {
        self.revocations = &Revocations::NotPublished;
        self
    }

    /// An attestation about `subject` that a certificate's holder signed.
    ///
    /// # Errors
    /// A [`Rejection`] with a code from TRUST-0001 on; see [`Failure`].
    pub fn attestation<'a>(
        &self,
        bundle: &(impl AsBundle + ?Sized),
        subject: impl Into<Artifact<'a>>,
    ) -> Result<Verified<Statement>, Rejection> {
        let subject = subject.into();
        bundle.judge(|bundle| {
            let statement = bundle.statement()?;
            let evidence = Evidence::of_bundle(bundle)?;
            self.statement(&evidence, statement, &subject)
        })
    }

    /// An attestation about `subject` signed with `key`.
    ///
    /// # Errors
    /// As [`Self::attestation`].
    pub fn attestation_with_key<'a>(
        &self,
        bundle: &(impl AsBundle + ?Sized),
        subject: impl Into<Artifact<'a>>,
        key: &PublicKey,
    ) -> Result<Verified<Statement, KeyProof>, Rejection> {
        let subject = subject.into();
        bundle.judge(|bundle| {
            let statement = bundle.statement()?;
            let evidence = Evidence::of_bundle(bundle)?;
            self.statement_with_key(&evidence, statement, &subject, key)
        })
    }

    /// A signature over `artifact` by the holder of a certificate.
    ///
    /// # Errors
    /// A [`Rejection`] with a code from TRUST-0001 on; see [`Failure`].
    pub fn signature<'a>(
        &self,
        bundle: &(impl AsBundle + ?Sized),
        artifact: impl Into<Artifact<'a>>,
    ) -> Result<Verified<Blob>, Rejection> {
        let artifact = artifact.into();
        bundle.judge(|bundle| {
            let blob = signed_blob(bundle, &artifact)?;
            let evidence = Evidence::of_bundle(bundle)?;
            let proof = self.judge().certificate(&evidence, &artifact)?;
            Ok(Verified::new(blob, proof))
        })
    }

    /// A signature over `artifact` by `key`.
    ///
    /// # Errors
    /// As [`Self::signature`].
    pub fn signature_with_key<'a>(
        &self,
        bundle: &(impl AsBundle + ?Sized),
        artifact: impl Into<Artifact<'a>>,
        key: &PublicKey,
    ) -> Result<Verified<Blob, KeyProof>, Rejection> {
        let artifact = artifact.into();
        bundle.judge(|bundle| {
            let blob = signed_blob(bundle, &artifact)?;
            let evidence = Evidence::of_bundle(bundle)?;
            let proof = self.judge().key(&evidence, &artifact, key)?;
            Ok(Verified::new(blob, proof))
        })
    }

    pub(crate) fn judge(&self) -> Judge<'_> {
        Judge {
            root: self.root,
            now: self.now,
            requirements: &self.requirements,
            revocations: self.revocations,
            sct: self.sct,
            about: None,
        }
    }

    pub(crate) fn statement(
        &self,
        evidence: &Evidence<'_>,
        statement: Statement,
        subject: &Artifact<'_>,
    ) -> Result<Verified<Statement>, Failure> {
        let proof = self.judge().certificate(evidence, subject)?;
        names_subject(&statement, subject)?;
        Ok(Verified::new(statement, proof))
    }

    pub(crate) fn statement_with_key(
        &self,
        evidence: &Evidence<'_>,
        statement: Statement,
        subject: &Artifact<'_>,
        key: &PublicKey,
    ) -> Result<Verified<Statement, KeyProof>, Failure> {
        let proof = self.judge().key(evidence, subject, key)?;
        names_subject(&statement, subject)?;
        Ok(Verified::new(statement, proof))
    }
}

/// [`Verification::attestation`] with the strict requirements.
///
/// # Errors
/// A [`Rejection`] with a code from TRUST-0001 on; see [`Failure`].
pub fn verify_attestation(
    root: &TrustRoot,
    bundle: &[u8],
    subject: &Digest,
    now: Timestamp,
) -> Result<Verified<Statement>, Rejection> {
    Verification::new(root, now).attestation(bundle, subject)
}

/// [`Verification::signature`] with the strict requirements, by the signer whom
/// `expected` names.
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

/// [`Verification::signature`] with the strict requirements.
///
/// # Errors
/// A [`Rejection`] with a code from TRUST-0001 on; see [`Failure`].
pub fn verify_signature<'a>(
    root: &TrustRoot,
    bundle: &[u8],
    artifact: impl Into<Artifact<'a>>,
    now: Timestamp,
) -> Result<Verified<Blob>, Rejection> {
    Verification::new(root, now).signature(bundle, artifact)
}

/// [`Verification::attestation_with_key`] with the strict requirements and a key
/// in DER (SubjectPublicKeyInfo).
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
    let key = read_key(spki, bundle)?;
    Verification::new(root, now).attestation_with_key(bundle, subject, &key)
}

/// [`Verification::signature_with_key`] with the strict requirements and a key in
/// DER (SubjectPublicKeyInfo).
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
    let key = read_key(spki, bundle)?;
    Verification::new(root, now).signature_with_key(bundle, artifact, &key)
}

fn read_key(spki: &[u8], bundle: &[u8]) -> Result<PublicKey, Rejection> {
    PublicKey::from_spki_der(spki).map_err(|error| {
        let failure = Failure::SignatureInvalid {
            what: "the key",
            detail: error.to_string(),
        };
        Rejection::because(&failure).of(&Digest::sha256(bundle))
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

fn signed_blob(bundle: &UnverifiedBundle, artifact: &Artifact<'_>) -> Result<Blob, Failure> {
    match bundle.kind() {
        BundleKind::Attestation => Err(Failure::NotASignature),
        BundleKind::Signature => Ok(Blob::of(artifact)),
    }
}

/// An envelope is about what its payload says.
fn names_subject(statement: &Statement, subject: &Artifact<'_>) -> Result<(), Failure> {
    if subject.is_named_by(statement) {
        Ok(())
    } else {
        Err(subject_differs(&subject.digest(), &subjects(statement)))
    }
}

/// The subjects of a statement as `algorithm:hex`.
fn subjects(statement: &Statement) -> Vec<String> {
    statement
        .subject
        .iter()
        .flat_map(|subject| &subject.digest)
        .map(|(algorithm, hex)| format!("{algorithm}:{hex}"))
        .collect()
}

/// A good signature about something else: names what it is about.
pub(super) fn subject_differs(expected: &Digest, found: &[String]) -> Failure {
    let shown: Vec<&str> = found.iter().take(3).map(String::as_str).collect();
    let more = match found.len().saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Failure::SubjectDiffers {
        expected: expected.clone(),
        found: if shown.is_empty() {
            "no digest at all".into()
        } else {
            format!("{}{more}", shown.join(", "))
        },
    }
}
