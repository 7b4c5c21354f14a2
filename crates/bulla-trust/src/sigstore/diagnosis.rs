//! Turning the core's errors into ours, and finding the nearest miss.
//!
//! The core stops at the first thing that fails, which is not always the thing
//! to say: a bundle of another instance fails first at its timestamp, and an
//! edited log entry looks like a different artifact. What is found out here
//! only chooses among rejections; nothing here can make a bundle acceptable.

use bulla_core::{Digest, Statement};
use jiff::Timestamp;
use sigstore_types::SignatureContent;
use sigstore_verify::{
    CertificateError, Error, TimestampError, TransparencyLogError,
    crypto::{KeyAlgorithm, verify_signature, verify_signature_prehashed},
};

use super::{
    Failure,
    bundle::{UnverifiedBundle, issuer_is_known, other_root},
    verify::Artifact,
};
use crate::root::TrustRoot;

/// What is known about a verification that failed.
pub(super) struct Case<'a> {
    pub(super) root: &'a TrustRoot,
    pub(super) bundle: &'a UnverifiedBundle,
    pub(super) statement: Option<&'a Statement>,
    pub(super) artifact: &'a Artifact<'a>,
    pub(super) now: Timestamp,
}

impl Case<'_> {
    /// Why it failed.
    pub(super) fn explain(&self, error: Error) -> Failure {
        match error {
            Error::Certificate(error) => self.certificate(error),
            Error::TransparencyLog(error) => self.log(error),
            Error::Timestamp(error) => self.timestamp(error),
            Error::SignatureInvalid(detail) => Failure::SignatureInvalid {
                what: match self.statement {
                    Some(_) => "its payload and certificate",
                    None => "the artifact and its certificate",
                },
                detail,
            },
            Error::ArtifactMismatch(detail) => self.mismatch(detail),
            Error::UnsupportedArtifact(detail) => Failure::ArtifactForm { detail },
            Error::Bundle(error) => Failure::Incomplete {
                detail: error.to_string(),
            },
            Error::UnsupportedBundle(detail) => Failure::Unsupported { detail },
            Error::InvalidTrustRoot(detail) => Failure::Sct { detail },
            Error::IdentityMismatch { .. } | Error::IssuerMismatch { .. } => Failure::NoIdentity {
                detail: error.to_string(),
            },
            other => Failure::Malformed {
                detail: other.to_string(),
            },
        }
    }

    fn certificate(&self, error: CertificateError) -> Failure {
        match error {
            CertificateError::Malformed(detail) => Failure::CertificateMalformed { detail },
            CertificateError::Expired { time, .. } | CertificateError::NotYetValid { time, .. } => {
                self.outside_validity(time)
            }
            CertificateError::Sct(detail) => Failure::Sct { detail },
            CertificateError::ChainInvalid(detail) => self
                .unknown_issuer()
                .or_else(|| self.leaf_outside(&detail))
                .unwrap_or(Failure::Chain {
                    root: self.root.id().clone(),
                    detail,
                }),
            CertificateError::NoValidAuthority { .. } => {
                self.unknown_issuer().unwrap_or(Failure::Chain {
                    root: self.root.id().clone(),
                    detail: error.to_string(),
                })
            }
            other => Failure::CertificateMalformed {
                detail: other.to_string(),
            },
        }
    }

    /// The chain check says "expired" for any certificate of the path, and the
    /// time only in its text: the leaf's own dates tell whether it is the leaf.
    fn leaf_outside(&self, detail: &str) -> Option<Failure> {
        let leaf = self.bundle.leaf()?;
        let (_, text) = detail.split_once("time: UnixTime(")?;
        let seconds: i64 = text.split_once(')')?.0.parse().ok()?;
        let time = Timestamp::from_second(seconds).ok()?;
        let outside = time < leaf.not_before || time > leaf.not_after;
        outside.then(|| self.outside_validity(time))
    }

    fn outside_validity(&self, time: Timestamp) -> Failure {
        match self.bundle.leaf() {
            Some(leaf) => Failure::CertificateExpired {
                time,
                not_before: leaf.not_before,
                not_after: leaf.not_after,
            },
            None => Failure::CertificateRequired,
        }
    }

    fn log(&self, error: TransparencyLogError) -> Failure {
        use TransparencyLogError as Log;
        match error {
            Log::InclusionProof(detail) => Failure::InclusionProof { detail },
            Log::EntryMismatch(detail) => Failure::LogEntryReplaced { detail },
            Log::IntegratedTime(detail) => Failure::IntegratedTime { detail },
            Log::MalformedEntry(detail) => Failure::LogEntryMalformed { detail },
            Log::UnknownLog { log_id } => self.unknown_issuer().unwrap_or(Failure::UnknownLog {
                log: log_id,
                root: self.root.id().clone(),
            }),
            Log::Checkpoint(detail) => self
                .unknown_issuer()
                .unwrap_or(Failure::Checkpoint { detail }),
            Log::InclusionPromise(detail) => self
                .unknown_issuer()
                .unwrap_or(Failure::InclusionPromise { detail }),
            other => Failure::LogEntryMalformed {
                detail: other.to_string(),
            },
        }
    }

    fn timestamp(&self, error: TimestampError) -> Failure {
        match error {
            TimestampError::Invalid(detail) => self
                .unknown_issuer()
                .unwrap_or(Failure::Timestamp { detail }),
            TimestampError::OutsideAuthorityValidity { time } => {
                Failure::TimestampAuthorityValidity { time }
            }
            TimestampError::NoVerifiedTimestamp(_) => match self.bundle.leaf() {
                Some(leaf) if leaf.not_after < self.now => Failure::ExpiredWithoutTime {
                    not_after: leaf.not_after,
                    signature_good: self.signature_is_good(),
                },
                _ => Failure::NoTrustedTime,
            },
            other => Failure::Timestamp {
                detail: other.to_string(),
            },
        }
    }

    /// The core says "artifact mismatch" both when the signature is about
    /// something else and when the log entry is.
    fn mismatch(&self, detail: String) -> Failure {
        let (expected, found) = match (self.artifact.digest(), self.about()) {
            (Some(expected), Some(found)) => (expected, found),
            _ => return Failure::LogEntryReplaced { detail },
        };
        if found.iter().any(|digest| *digest == expected.to_string()) {
            return Failure::LogEntryReplaced { detail };
        }
        subject_differs(&expected, &found)
    }

    /// What the signature says it is about, as `algorithm:hex`.
    fn about(&self) -> Option<Vec<String>> {
        if let Some(statement) = self.statement {
            return Some(subjects(statement));
        }
        let SignatureContent::MessageSignature(signature) = &self.bundle.inner().content else {
            return None;
        };
        let digest = signature.message_digest.as_ref()?;
        let algorithm = match digest.algorithm {
            sigstore_types::HashAlgorithm::Sha2256 => "sha256",
            sigstore_types::HashAlgorithm::Sha2512 => "sha512",
            _ => "sha384",
        };
        Some(vec![format!("{algorithm}:{}", digest.digest.to_hex())])
    }

    fn unknown_issuer(&self) -> Option<Failure> {
        if !self.bundle.has_certificate() {
            return None;
        }
        let known = self
            .root
            .document()
            .certificate_authorities
            .iter()
            .flat_map(|ca| &ca.cert_chain.certificates)
            .map(|entry| &entry.raw_bytes);
        let (known, issuer) = issuer_is_known(self.bundle, known);
        (!known).then(|| other_root(issuer, self.root.id()))
    }

    /// Whether the bare signature is by the certificate's key.
    fn signature_is_good(&self) -> bool {
        let check = || -> Option<bool> {
            let der = self.bundle.inner().signing_certificate()?;
            let info = sigstore_verify::crypto::parse_certificate_info(der).ok()?;
            let scheme = info.key_algorithm.default_signing_scheme();
            let good = match &self.bundle.inner().content {
                SignatureContent::DsseEnvelope(envelope) => verify_signature(
                    &info.public_key,
                    &envelope.pae(),
                    &envelope.signature.sig,
                    scheme,
                ),
                SignatureContent::MessageSignature(signature)
                    if info.key_algorithm == KeyAlgorithm::EcdsaP256 =>
                {
                    let digest = self.artifact.digest()?.bytes();
                    verify_signature_prehashed(
                        &info.public_key,
                        &digest,
                        &signature.signature,
                        scheme,
                    )
                }
                _ => return None,
            };
            Some(good.is_ok())
        };
        check().unwrap_or(false)
    }
}

/// The subjects of a statement as `algorithm:hex`.
pub(super) fn subjects(statement: &Statement) -> Vec<String> {
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
