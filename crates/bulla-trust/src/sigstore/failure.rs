//! Every way in which a bundle fails, each with its own stable code.
//!
//! TRUST-0001…0009 the bundle's form · 0010…0019 certificate and time ·
//! 0020…0029 log · 0030…0039 what is signed · 0040…0049 who signed ·
//! 0050…0059 key or certificate · 0600…0609 further demands ·
//! 0800…0801 revocation. The texts name both sides of a comparison; a
//! near miss is said, because it is what the reader has to find.

use bulla_core::{Code, Diagnose, Digest, RootId, limits::LimitError};
use jiff::Timestamp;

use super::identity::Claim;

/// Why a bundle proves nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The artifact was given in a form the signature cannot be checked with.
    #[error("the signature cannot be checked against the artifact in this form: {detail}")]
    ArtifactForm {
        /// Which form would do.
        detail: String,
    },
    /// A proven time lies outside the certificate's validity.
    #[error(
        "the signature was made at {time}, but its certificate is valid from {not_before} to {not_after}"
    )]
    CertificateExpired {
        /// The proven time.
        time: Timestamp,
        /// The certificate's start.
        not_before: Timestamp,
        /// The certificate's end.
        not_after: Timestamp,
    },
    /// Not a certificate that can be read.
    #[error("the signing certificate cannot be used: {detail}")]
    CertificateMalformed {
        /// What is wrong.
        detail: String,
    },
    /// The bundle is signed with a bare key, but an identity was asked for.
    #[error("the bundle is signed with a key and names no identity")]
    CertificateRequired,
    /// The certificate is of an authority this root knows, but does not chain.
    #[error("the signing certificate does not hold under root {root}: {detail}")]
    Chain {
        /// The root in use.
        root: RootId,
        /// What broke.
        detail: String,
    },
    /// The log's signed tree head does not hold.
    #[error("the log's checkpoint does not hold: {detail}")]
    Checkpoint {
        /// What broke.
        detail: String,
    },
    /// The certificate has expired and nothing proves an earlier signature.
    #[error(
        "{} certificate had expired at {not_after} and no trusted timestamp proves that the signature is older",
        whose_certificate(.signature_good)
    )]
    ExpiredWithoutTime {
        /// The certificate's end.
        not_after: Timestamp,
        /// Whether the signature itself is good.
        signature_good: bool,
    },
    /// A proven time lies ahead of the time of judgement.
    #[error("the signature's proven time {time} lies after {now}, the time of judgement")]
    FutureTime {
        /// The proven time.
        time: Timestamp,
        /// The time of judgement.
        now: Timestamp,
    },
    /// A part that this version of the format demands is missing.
    #[error("the bundle is incomplete: {detail}")]
    Incomplete {
        /// What is missing.
        detail: String,
    },
    /// The log's promise (signed entry timestamp) does not hold.
    #[error("the log's promise of inclusion does not hold: {detail}")]
    InclusionPromise {
        /// What broke.
        detail: String,
    },
    /// The inclusion proof does not hold.
    #[error("the log's inclusion proof does not hold: {detail}")]
    InclusionProof {
        /// What broke.
        detail: String,
    },
    /// The log's time does not fit.
    #[error("the log's time does not fit: {detail}")]
    IntegratedTime {
        /// With what.
        detail: String,
    },
    /// A key was given, but the bundle is signed with a certificate.
    #[error("the bundle is signed with a certificate, not with a key")]
    KeyRequired,
    /// Too large or too deep.
    #[error(transparent)]
    Limit(LimitError),
    /// The log entry cannot be read.
    #[error("the log entry cannot be read: {detail}")]
    LogEntryMalformed {
        /// What is wrong.
        detail: String,
    },
    /// The log entry is about another signature, key or artifact.
    #[error("the log entry belongs to another signature: {detail}")]
    LogEntryReplaced {
        /// What differs.
        detail: String,
    },
    /// The log's key was not valid at the proven time.
    #[error("the key of log {log} was not valid at {time}")]
    LogKeyValidity {
        /// The log.
        log: String,
        /// The proven time.
        time: Timestamp,
    },
    /// Not a bundle.
    #[error("this is not a Sigstore bundle that can be read: {detail}")]
    Malformed {
        /// What is wrong.
        detail: String,
    },
    /// The certificate names nobody, or several.
    #[error("the signing certificate does not name exactly one identity: {detail}")]
    NoIdentity {
        /// What it names.
        detail: String,
    },
    /// Whether something is revoked cannot be said: undecidable, not a denial.
    #[error("whether the signer is revoked cannot be said: {detail}")]
    RevocationUnknown {
        /// Why.
        detail: String,
    },
    /// The signature is good, and what it rests on was revoked before.
    #[error(
        "{what} is revoked from {from} on ({reason}), and nothing proves that this signature is older"
    )]
    Revoked {
        /// What.
        what: String,
        /// The cut-off.
        from: Timestamp,
        /// Why, as the instance's people say.
        reason: String,
    },
    /// A signed timestamp was demanded.
    #[error("no timestamp authority signed the time of this signature, and one is demanded")]
    NoTimestamp,
    /// Nothing proves when the signature was made.
    #[error("nothing proves when the signature was made: no trusted timestamp and no log time")]
    NoTrustedTime,
    /// A DSSE bundle where a signature over the artifact itself was asked for.
    #[error("the bundle is an attestation, not a signature over the artifact")]
    NotASignature,
    /// The payload is no in-toto statement.
    #[error("the signed payload is not an in-toto statement: {detail}")]
    NotAStatement {
        /// What it is.
        detail: String,
    },
    /// The payload of a signature in the old layout is something else.
    #[error("the signed payload does not say which image was signed: {detail}")]
    NotSimpleSigning {
        /// What it is.
        detail: String,
    },
    /// A plain signature where an attestation was asked for.
    #[error("the bundle is a signature over the artifact, not an attestation")]
    NotAnAttestation,
    /// The certificate is of an authority that this root does not know.
    #[error("the signing certificate was issued by {issuer}, which root {root} does not know")]
    OtherRoot {
        /// The name of the authority that issued it.
        issuer: String,
        /// The root in use.
        root: RootId,
    },
    /// The statement says something else than asked for.
    #[error("the predicate is {found}, expected {expected}")]
    PredicateType {
        /// What was asked for.
        expected: String,
        /// What is signed.
        found: String,
    },
    /// The proof that the certificate was logged does not hold.
    #[error("the certificate's proof of being logged (SCT) does not hold: {detail}")]
    Sct {
        /// What broke.
        detail: String,
    },
    /// Not exactly one signature in the envelope.
    #[error("the envelope has {count} signatures, and must have exactly one")]
    SignatureCount {
        /// How many it has.
        count: usize,
    },
    /// The signature does not fit.
    #[error("the signature does not fit {what}: {detail}")]
    SignatureInvalid {
        /// The payload or the artifact.
        what: &'static str,
        /// What the check said.
        detail: String,
    },
    /// A good signature over something else.
    #[error("signed for another artifact: expected {expected}, found {found}")]
    SubjectDiffers {
        /// The artifact at hand.
        expected: Digest,
        /// What the signature is about.
        found: String,
    },
    /// A timestamp does not hold.
    #[error("the timestamp does not hold: {detail}")]
    Timestamp {
        /// What broke.
        detail: String,
    },
    /// A timestamp from outside its authority's time in the root.
    #[error("the timestamp {time} lies outside the time in which its authority is trusted")]
    TimestampAuthorityValidity {
        /// The timestamp.
        time: Timestamp,
    },
    /// More parts than any real bundle has.
    #[error("the bundle has {count} {what}, and may have {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many it has.
        count: usize,
        /// The bound.
        limit: usize,
    },
    /// A log that this root does not know.
    #[error("root {root} does not know the log {log}")]
    UnknownLog {
        /// The log's id, hex.
        log: String,
        /// The root in use.
        root: RootId,
    },
    /// Well formed, but of a kind that is not verified here.
    #[error("the bundle uses something that is not supported: {detail}")]
    Unsupported {
        /// What.
        detail: String,
    },
    /// Signed by somebody else.
    #[error("signed by {found}, expected {expected}{}", near_miss(.near))]
    WrongIdentity {
        /// Who was expected.
        expected: String,
        /// Who signed.
        found: String,
        /// In what the two differ, if it is little.
        near: Option<String>,
    },
    /// The right signer, but the certificate claims something else beside.
    #[error("{subject} signed, but the certificate's {} is {}, expected {expected}", claim.name(), .found.as_deref().unwrap_or("not there"))]
    ClaimDiffers {
        /// Who signed.
        subject: String,
        /// Which claim differs.
        claim: Claim,
        /// What was expected of it.
        expected: String,
        /// What the certificate says, if anything.
        found: Option<String>,
    },
    /// Another OIDC issuer.
    #[error("{subject} was authenticated by {found}, expected {expected}{}", near_miss(.near))]
    WrongIssuer {
        /// Who signed.
        subject: String,
        /// Which issuer was expected.
        expected: String,
        /// Which issuer it was.
        found: String,
        /// In what the two differ, if it is little.
        near: Option<String>,
    },
    /// Too few of the demanded witnesses signed the log's checkpoint.
    #[error("{found} of the named witnesses signed the log's checkpoint, and {demanded} must")]
    Witnesses {
        /// How many did.
        found: usize,
        /// How many must.
        demanded: usize,
    },
    /// The right name under the wrong root.
    #[error("{subject} signed under root {found}, expected root {expected}")]
    WrongRoot {
        /// Who signed.
        subject: String,
        /// The root that was expected.
        expected: RootId,
        /// The root that vouches.
        found: RootId,
    },
}

fn whose_certificate(signature_good: &bool) -> &'static str {
    if *signature_good {
        "the signature is good, but its"
    } else {
        "the"
    }
}

fn near_miss(near: &Option<String>) -> String {
    near.as_ref()
        .map(|near| format!(" ({near})"))
        .unwrap_or_default()
}

impl Diagnose for Failure {
    fn code(&self) -> Code {
        Code(match self {
            Self::Malformed { .. } => "TRUST-0001",
            Self::Limit(_) => "TRUST-0002",
            Self::SignatureCount { .. } => "TRUST-0003",
            Self::Unsupported { .. } => "TRUST-0004",
            Self::NotAStatement { .. } => "TRUST-0005",
            Self::NotASignature => "TRUST-0006",
            Self::NotAnAttestation => "TRUST-0007",
            Self::Incomplete { .. } => "TRUST-0008",
            Self::TooMany { .. } => "TRUST-0009",
            Self::OtherRoot { .. } => "TRUST-0010",
            Self::Chain { .. } => "TRUST-0011",
            Self::CertificateExpired { .. } => "TRUST-0012",
            Self::ExpiredWithoutTime { .. } => "TRUST-0013",
            Self::NoTrustedTime => "TRUST-0014",
            Self::Sct { .. } => "TRUST-0015",
            Self::CertificateMalformed { .. } => "TRUST-0016",
            Self::Timestamp { .. } => "TRUST-0017",
            Self::TimestampAuthorityValidity { .. } => "TRUST-0018",
            Self::FutureTime { .. } => "TRUST-0019",
            Self::UnknownLog { .. } => "TRUST-0020",
            Self::InclusionProof { .. } => "TRUST-0021",
            Self::Checkpoint { .. } => "TRUST-0022",
            Self::InclusionPromise { .. } => "TRUST-0023",
            Self::LogEntryReplaced { .. } => "TRUST-0024",
            Self::IntegratedTime { .. } => "TRUST-0025",
            Self::LogEntryMalformed { .. } => "TRUST-0026",
            Self::LogKeyValidity { .. } => "TRUST-0027",
            Self::SignatureInvalid { .. } => "TRUST-0030",
            Self::SubjectDiffers { .. } => "TRUST-0031",
            Self::ArtifactForm { .. } => "TRUST-0032",
            Self::PredicateType { .. } => "TRUST-0033",
            Self::WrongIdentity { .. } => "TRUST-0040",
            Self::WrongIssuer { .. } => "TRUST-0041",
            Self::WrongRoot { .. } => "TRUST-0042",
            Self::NoIdentity { .. } => "TRUST-0043",
            Self::ClaimDiffers { .. } => "TRUST-0702",
            Self::CertificateRequired => "TRUST-0050",
            Self::KeyRequired => "TRUST-0051",
            Self::NoTimestamp => "TRUST-0600",
            Self::Witnesses { .. } => "TRUST-0601",
            Self::Revoked { .. } => "TRUST-0800",
            Self::RevocationUnknown { .. } => "TRUST-0801",
            Self::NotSimpleSigning { .. } => "TRUST-0602",
        })
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Incomplete { .. } => {
                "get it again from where it was published; a log entry that was never made can be \
                 waived: `--insecure-ignore-tlog`"
            }
            Self::Malformed { .. } | Self::Limit(_) => {
                "get the bundle again from where it was published"
            }
            Self::OtherRoot { .. } | Self::UnknownLog { .. } | Self::WrongRoot { .. } => {
                "see `bulla trust show`; verify with `--trusted-root FILE` of the instance that signed"
            }
            Self::ExpiredWithoutTime { .. } | Self::NoTrustedTime | Self::NoTimestamp => {
                "sign again with a timestamp authority: `bulla sign`"
            }
            Self::SignatureInvalid { .. } | Self::LogEntryReplaced { .. } => {
                "the bundle was altered after signing; sign again with `bulla sign` or `bulla attest`"
            }
            Self::SubjectDiffers { .. } => {
                "check the digest with `bulla explain REF`; sign this artifact with `bulla sign`"
            }
            Self::WrongIdentity { .. } | Self::WrongIssuer { .. } => {
                "if this signer is right, name it in the policy or with `--certificate-identity` and `--certificate-oidc-issuer`"
            }
            Self::ClaimDiffers { .. } => {
                "this run is not the one that was asked for: `bulla bundle inspect` shows every claim"
            }
            Self::NotASignature => "verify attestations with `bulla verify --type TYPE`",
            Self::NotAnAttestation => "verify plain signatures with `bulla verify-blob`",
            Self::CertificateRequired => {
                "this one was signed with a key: ask its owner for a bundle with a certificate"
            }
            Self::KeyRequired => {
                "this one was signed with a certificate: name the signer with `--certificate-identity` and `--certificate-oidc-issuer`"
            }
            Self::PredicateType { .. } => "name the predicate with `--type`",
            Self::Revoked { .. } => "sign again as somebody, or with a key, that is not revoked",
            Self::RevocationUnknown { .. } => {
                "fetch the list: `bulla trust update`; of the local instance: `bulla up`"
            }
            Self::Witnesses { .. } => "ask for a bundle made after the witnesses signed",
            _ => return None,
        };
        Some(hint.into())
    }
}
