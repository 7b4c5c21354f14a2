//! Who signed a commit, judged against signers that an operator named.
//!
//! Formats: SSH (PROTOCOL.sshsig, namespace `git`) against an allowed-signers
//! file, and OpenPGP against a keyring file. Both files come from outside the
//! repository. X.509 signatures are recognized and never attributed. A status is
//! a fact for the policy to judge, not a verdict.

pub mod allowed_signers;
pub mod openpgp;
pub mod ssh;

use serde::{Serialize, Serializer};

use crate::CommitHeader;
use allowed_signers::AllowedSigners;
use openpgp::Keyring;

/// The signers that are known: who may sign, with which key, when.
#[derive(Clone, Debug, Default)]
pub struct Signers {
    /// SSH keys.
    pub ssh: AllowedSigners,
    /// OpenPGP certificates.
    pub openpgp: Keyring,
}

/// The format of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureKind {
    /// OpenPGP (RFC 9580).
    Openpgp,
    /// OpenSSH's signature format.
    Ssh,
    /// CMS with an X.509 certificate.
    X509,
}

impl SignatureKind {
    /// As it stands in provenance: `openpgp`, `ssh`, `x509`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Openpgp => "openpgp",
            Self::Ssh => "ssh",
            Self::X509 => "x509",
        }
    }
}

impl Serialize for SignatureKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What can be said about a commit's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SignatureStatus {
    /// It does not hold, or was made in a way that is not accepted.
    Invalid {
        /// The format, if it was recognized.
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<SignatureKind>,
        /// One sentence for people.
        why: String,
    },
    /// There is a signature, by a key that nobody vouches for (at that time).
    UnknownSigner {
        /// The format.
        kind: SignatureKind,
        /// The key: `SHA256:…` or an OpenPGP fingerprint or key id.
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// There is none.
    Unsigned,
    /// It holds, and the signer is known.
    Valid {
        /// The principal or email address that the operator's file names.
        signer: String,
        /// The format.
        kind: SignatureKind,
        /// The key: `SHA256:…` or an OpenPGP fingerprint.
        key: String,
    },
}

impl SignatureStatus {
    /// `valid`, `unknown-signer`, `unsigned` or `invalid`, as in provenance.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid",
            Self::UnknownSigner { .. } => "unknown-signer",
            Self::Unsigned => "unsigned",
            Self::Valid { .. } => "valid",
        }
    }

    pub(crate) fn invalid(kind: SignatureKind, why: impl Into<String>) -> Self {
        Self::Invalid {
            kind: Some(kind),
            why: why.into(),
        }
    }
}

/// Judges the signature in `header` at the committer's time.
pub fn verify(header: &CommitHeader, signers: &Signers) -> SignatureStatus {
    let Some(armour) = &header.signature else {
        return SignatureStatus::Unsigned;
    };
    let starts = |label: &str| armour.starts_with(format!("-----BEGIN {label}-----").as_bytes());
    if starts("SSH SIGNATURE") {
        ssh::verify(header, armour, &signers.ssh)
    } else if starts("PGP SIGNATURE") || starts("PGP MESSAGE") {
        openpgp::verify(header, armour, &signers.openpgp)
    } else if starts("SIGNED MESSAGE") {
        SignatureStatus::UnknownSigner {
            kind: SignatureKind::X509,
            key: None,
        }
    } else {
        SignatureStatus::Invalid {
            kind: None,
            why: "its format is not known".to_owned(),
        }
    }
}
