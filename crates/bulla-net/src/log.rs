//! Clients of transparency logs, Rekor version 1 and version 2.
//!
//! Whichever API a log speaks, the answer becomes the `TransparencyLogEntry`
//! that a bundle holds. Nothing in it is checked here beyond form: proofs and
//! promises are `bulla-trust`'s affair. An entry of version 1 also gives the
//! log's [`Promise`], which signatures in cosign's old layout carry.

use bulla_core::Envelope;
use bulla_crypto::{Hash, PublicKey};
use bulla_trust::root::{LogApi, LogService};
use serde::Serialize;
use std::time::Duration;

use crate::{http::HttpClient, service::ServiceError};

mod v1;
mod v2;

pub use v1::parse_answer as parse_v1_answer;

/// A log answers when a published checkpoint covers the entry.
const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const SERVICE: &str = "transparency log";

/// What is to be logged: one signature over some bytes, and who made it.
#[derive(Clone, Copy, Debug)]
pub struct Submission<'a> {
    /// What was signed.
    pub signed: Signed<'a>,
    /// The signature, as it is in the bundle.
    pub signature: &'a [u8],
    /// Who made it.
    pub verifier: Verifier<'a>,
}

/// What a logged signature was made over.
#[derive(Clone, Copy, Debug)]
pub enum Signed<'a> {
    /// Bytes with this digest.
    Digest {
        /// The hash that goes with the key.
        hash: Hash,
        /// The digest.
        digest: &'a [u8],
    },
    /// An envelope with this one signature. Version 2 logs the digest of its
    /// pre-authentication encoding.
    Envelope {
        /// The hash that goes with the key.
        hash: Hash,
        /// The envelope.
        envelope: &'a Envelope,
    },
}

/// How a log is told who signed.
#[derive(Clone, Copy, Debug)]
pub enum Verifier<'a> {
    /// By the signing certificate (DER), whose key is the second.
    Certificate(&'a [u8], &'a PublicKey),
    /// By the key alone.
    Key(&'a PublicKey),
}

impl Verifier<'_> {
    fn key(&self) -> &PublicKey {
        match self {
            Self::Certificate(_, key) | Self::Key(key) => key,
        }
    }

    fn pem(&self) -> String {
        match self {
            Self::Certificate(der, _) => crate::pem::certificate(der),
            Self::Key(key) => key.to_pem(),
        }
    }
}

/// An entry as a bundle holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Where it is.
    pub log: LogService,
    /// One `TransparencyLogEntry`, JSON.
    pub json: Vec<u8>,
    /// Its index in the log.
    pub index: u64,
    /// What a log of version 1 promises beside it.
    pub promise: Option<Promise>,
}

/// A log's signed promise that an entry will be in the tree (SET), as cosign's
/// old layout writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Promise {
    /// The signature over the other part, base64.
    #[serde(rename = "SignedEntryTimestamp")]
    pub signed_entry_timestamp: String,
    /// What it is over.
    #[serde(rename = "Payload")]
    pub payload: PromisePayload,
}

/// What a log's promise is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PromisePayload {
    /// The entry, base64 of canonical JSON.
    pub body: String,
    /// When the log took it: seconds since 1970.
    pub integrated_time: i64,
    /// Its index over all trees of the log.
    pub log_index: u64,
    /// SHA-256 of the log's key, hex.
    #[serde(rename = "logID")]
    pub log_id: String,
}

/// Logs a signature.
///
/// # Errors
/// [`ServiceError`] if the log refuses, or answers something else than an entry.
pub async fn submit(
    http: &HttpClient,
    log: &LogService,
    submission: &Submission<'_>,
) -> Result<LogEntry, ServiceError> {
    match log.api {
        LogApi::V1 => v1::submit(http, log, submission).await,
        LogApi::V2 => v2::submit(http, log, submission).await,
    }
}

/// An answer that is not what was agreed.
fn bad(log: &LogService, detail: impl std::fmt::Display) -> ServiceError {
    ServiceError::Answer {
        service: SERVICE,
        url: log.url.clone(),
        detail: detail.to_string(),
    }
}
