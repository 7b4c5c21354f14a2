//! Sealing: signing something and having it witnessed, whoever signs.
//!
//! A [`Sealer`] has one signer: a key of the caller's, that key with a
//! certificate, or a key that lives for this sealer only and that an authority
//! certified for the holder of a token. It seals any number of contents. The
//! order is cosign's: signature, timestamps over it, log entries; a timestamp
//! proves that the signature existed while the certificate was valid, before
//! any log saw it. What comes out is a bundle, and its parts for whoever writes
//! cosign's old layout from the same act of signing.

use bulla_core::{Digest, Envelope, Identity, Statement};
use bulla_trust::LogProof;
use jiff::Timestamp;

mod check;
mod error;
mod keyless;
mod parts;
mod sealer;

pub use error::SealError;
pub use keyless::{seal_blob, seal_statement};
pub use parts::Parts;
pub use sealer::{LogKind, Sealer};

/// What is sealed.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// The bytes themselves are signed: a file, or a simple-signing payload.
    Blob(&'a [u8]),
    /// An envelope around these very bytes is signed.
    Envelope {
        /// Its payload type.
        payload_type: &'a str,
        /// Its payload.
        payload: &'a [u8],
    },
    /// An envelope around the statement's JSON is signed.
    Statement(&'a Statement),
}

impl Content<'_> {
    /// Whether it can be sealed at all, before anybody is asked to.
    ///
    /// # Errors
    /// [`SealError::NoSubject`] if a statement names nothing that a verifier
    /// could look for.
    pub fn check(&self) -> Result<(), SealError> {
        match self {
            Self::Statement(statement) => match check::subject(statement) {
                Some(_) => Ok(()),
                None => Err(SealError::NoSubject),
            },
            Self::Blob(_) | Self::Envelope { .. } => Ok(()),
        }
    }
}

/// A bundle that was made, and what it was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The bundle: JSON, version 0.3.
    pub bundle: Vec<u8>,
    /// SHA-256 of the bundle.
    pub digest: Digest,
    /// Who signed, as the certificate says. Only where the bundle was verified
    /// under a root.
    pub signer: Option<Identity>,
    /// Where it is logged, verified.
    pub log: Option<LogProof>,
    /// The earliest time at which it provably existed.
    pub time: Option<Timestamp>,
    /// What the bundle was made of.
    pub parts: Parts,
}

impl Sealed {
    /// Who signed, for a person: the name that was verified, or else the key.
    pub fn signed_by(&self) -> String {
        match &self.signer {
            Some(identity) => identity.subject.clone(),
            None => format!("key {}", self.parts.key_id.hex()),
        }
    }

    /// The index of its first log entry, as the log told it.
    pub fn log_index(&self) -> Option<u64> {
        self.parts.log_entries.first().map(|entry| entry.index)
    }
}

/// What a signature is made over, on its way to a bundle.
enum Signed {
    Blob(Vec<u8>),
    Envelope(Envelope),
}
