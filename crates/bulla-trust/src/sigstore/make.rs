//! Making bundles, version 0.3, out of what signer and services gave.
//!
//! Nothing is checked here beyond form: whoever makes a bundle verifies it with
//! the functions beside this module before letting it out. Log entries are the
//! logs' own answers; the timestamp is the whole DER `TimeStampResp`, over the
//! signature's raw bytes.

use bulla_core::{
    Code, Diagnose, Envelope,
    limits::{self, LimitError},
};
use bulla_crypto::Hash;
use sigstore_types::{
    Bundle, CertificateContent, DerCertificate, DigestBytes, DsseEnvelope, DsseSignature,
    HashAlgorithm, MediaType, MessageDigest, MessageSignature, PayloadBytes, PublicKeyIdentifier,
    Rfc3161Timestamp, SignatureBytes, SignatureContent, TimestampToken, TimestampVerificationData,
    TransparencyLogEntry, VerificationMaterial, VerificationMaterialContent,
};

/// What proves who signed, and when.
#[derive(Clone, Debug)]
pub struct Material<'a> {
    /// Whose signature it is.
    pub signer: Signer<'a>,
    /// What logs answered: one `TransparencyLogEntry` each, JSON.
    pub log_entries: Vec<&'a [u8]>,
    /// What timestamp authorities answered, DER.
    pub timestamps: Vec<&'a [u8]>,
}

/// How a bundle names its signer.
#[derive(Clone, Copy, Debug)]
pub enum Signer<'a> {
    /// The signing certificate, DER.
    Certificate(&'a [u8]),
    /// A hint which key it was: the base64 SHA-256 of its SubjectPublicKeyInfo.
    Key(&'a str),
}

/// A bundle of a signature over the artifact with that digest, under the hash
/// that goes with the signer's key.
///
/// # Errors
/// [`MakeError`] if a log entry or the digest is not what it must be.
pub fn signature_bundle(
    (hash, digest): (Hash, &[u8]),
    signature: &[u8],
    material: &Material<'_>,
) -> Result<Vec<u8>, MakeError> {
    if digest.len() != hash.output_bytes() {
        return Err(MakeError::Digest);
    }
    bundle(message((hash, digest), signature), material)
}

/// A signature over the message with that digest.
pub(crate) fn message((hash, digest): (Hash, &[u8]), signature: &[u8]) -> SignatureContent {
    let algorithm = match hash {
        Hash::Sha256 => HashAlgorithm::Sha2256,
        Hash::Sha384 => HashAlgorithm::Sha2384,
        Hash::Sha512 => HashAlgorithm::Sha2512,
    };
    let digest = MessageDigest::new(algorithm, DigestBytes::new(digest.to_vec()));
    let content = MessageSignature::new(SignatureBytes::from_bytes(signature));
    SignatureContent::MessageSignature(content.with_message_digest(digest))
}

/// A bundle of a signed envelope.
///
/// # Errors
/// [`MakeError`] if the log entry is not what it must be, or the envelope has
/// not exactly one signature.
pub fn envelope_bundle(envelope: &Envelope, material: &Material<'_>) -> Result<Vec<u8>, MakeError> {
    let signature = crate::dsse::signature(envelope).map_err(|_| MakeError::SignatureCount)?;
    let content = DsseEnvelope::new(
        envelope.payload_type.clone(),
        PayloadBytes::from_bytes(&envelope.payload),
        DsseSignature::new(
            SignatureBytes::from_bytes(&signature.sig),
            signature.keyid.clone().into(),
        ),
    );
    bundle(SignatureContent::DsseEnvelope(content), material)
}

/// Reads a log's answer; for whoever wants its index before the bundle exists.
///
/// # Errors
/// [`MakeError::LogEntry`] if it is none.
pub fn log_index(log_entry: &[u8]) -> Result<u64, MakeError> {
    Ok(read_entry(log_entry)?.log_index.get())
}

fn read_entry(bytes: &[u8]) -> Result<TransparencyLogEntry, MakeError> {
    Ok(limits::parse_json(
        bytes,
        limits::SERVICE_ANSWER_BYTES,
        "log entry",
    )?)
}

fn bundle(content: SignatureContent, material: &Material<'_>) -> Result<Vec<u8>, MakeError> {
    let signer = match material.signer {
        Signer::Certificate(der) => VerificationMaterialContent::Certificate(
            CertificateContent::new(DerCertificate::from_bytes(der)),
        ),
        Signer::Key(hint) => VerificationMaterialContent::PublicKey(PublicKeyIdentifier::new(hint)),
    };
    let timestamps = &material.timestamps;
    if material.log_entries.len().max(timestamps.len()) > limits::LOG_ENTRIES {
        return Err(MakeError::TooMany);
    }
    let entries = material.log_entries.iter();
    let entries = entries.map(|json| read_entry(json));
    let mut verification =
        VerificationMaterial::new(signer).with_tlog_entries(entries.collect::<Result<_, _>>()?);
    if !timestamps.is_empty() {
        let stamp = |der: &&[u8]| Rfc3161Timestamp::new(TimestampToken::from_bytes(der));
        let stamps = timestamps.iter().map(stamp).collect();
        let data = TimestampVerificationData::new(stamps);
        verification = verification.with_timestamp_verification_data(data);
    }
    let bundle = Bundle::new(MediaType::Bundle0_3, verification, content);
    serde_json::to_vec(&bundle).map_err(MakeError::Encode)
}

/// Why no bundle can be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MakeError {
    /// A digest of another length than its hash gives.
    #[error("the digest has not the length of the hash that goes with the key")]
    Digest,
    /// It could not be written.
    #[error("the bundle cannot be written as JSON: {0}")]
    Encode(#[source] serde_json::Error),
    /// The log's answer is no entry.
    #[error("the log's answer is not an entry: {0}")]
    LogEntry(#[from] LimitError),
    /// Not exactly one signature.
    #[error("the envelope must have exactly one signature")]
    SignatureCount,
    /// More witnesses than a bundle may hold.
    #[error(
        "a bundle holds at most {} log entries or timestamps",
        limits::LOG_ENTRIES
    )]
    TooMany,
}

impl Diagnose for MakeError {
    fn code(&self) -> Code {
        match self {
            Self::Digest => Code("TRUST-0501"),
            Self::Encode(_) => Code("TRUST-0502"),
            Self::LogEntry(_) => Code("TRUST-0503"),
            Self::SignatureCount => Code("TRUST-0504"),
            Self::TooMany => Code("TRUST-0505"),
        }
    }
}
