//! A bundle of version 0.3 out of parts that somebody kept one by one.
//!
//! Unlike [`super::make`], which wraps what this program just signed, the parts
//! come from files: PEM or DER, with or without a log entry. Nothing is verified
//! but the form; verify the result.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{
    Code, Diagnose, Digest, Envelope,
    digest::Algorithm,
    limits::{self, LimitError},
};
use bulla_crypto::x509::{parse_certificate, parse_pem_chain};
use serde_json::{Map, Value, json};

use super::{Failure, UnverifiedBundle, upgrade::CURRENT};

/// What a bundle is made of.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// What is signed.
    pub content: Content<'a>,
    /// By whom.
    pub signer: Holder<'a>,
    /// The log's entry, a `TransparencyLogEntry`, JSON.
    pub log_entry: Option<&'a [u8]>,
    /// Timestamps: DER, or cosign's JSON around it.
    pub timestamps: &'a [&'a [u8]],
}

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// An artifact.
    Signature {
        /// Its digest.
        digest: &'a Digest,
        /// The signature's bytes.
        signature: &'a [u8],
    },
    /// A DSSE envelope, JSON.
    Envelope(&'a [u8]),
}

/// By whom.
#[derive(Clone, Copy, Debug)]
pub enum Holder<'a> {
    /// A certificate, PEM or DER; of several only the first stays.
    Certificate(&'a [u8]),
    /// A key, DER SubjectPublicKeyInfo: only its hash stays, as a hint.
    Key(&'a [u8]),
}

/// Makes a bundle.
///
/// # Errors
/// [`CreateError`] if a part is not what it should be.
pub fn create(parts: &Parts<'_>) -> Result<Vec<u8>, CreateError> {
    let mut material = Map::new();
    let signer = match parts.signer {
        Holder::Certificate(bytes) => (
            "certificate",
            json!({"rawBytes": STANDARD.encode(leaf(bytes)?)}),
        ),
        Holder::Key(spki) => {
            let hint = STANDARD.encode(Digest::sha256(spki).bytes());
            ("publicKey", json!({"hint": hint}))
        }
    };
    material.insert(signer.0.into(), signer.1);
    let entry: Option<Value> = parts
        .log_entry
        .map(|entry| limits::parse_json(entry, limits::SERVICE_ANSWER_BYTES, "log entry"))
        .transpose()?;
    material.insert("tlogEntries".into(), entry.into_iter().collect());
    let stamps: Vec<Value> = parts
        .timestamps
        .iter()
        .map(|stamp| Ok(json!({"signedTimestamp": STANDARD.encode(timestamp(stamp)?)})))
        .collect::<Result<_, CreateError>>()?;
    material.insert(
        "timestampVerificationData".into(),
        json!({"rfc3161Timestamps": stamps}),
    );
    let (name, content) = content(parts.content)?;
    let mut bundle = Map::new();
    bundle.insert("mediaType".into(), json!(CURRENT));
    bundle.insert("verificationMaterial".into(), Value::Object(material));
    bundle.insert(name.into(), content);
    let bundle = serde_json::to_vec(&bundle).map_err(CreateError::Encode)?;
    UnverifiedBundle::parse(&bundle).map_err(CreateError::Refused)?;
    Ok(bundle)
}

fn content(content: Content<'_>) -> Result<(&'static str, Value), CreateError> {
    match content {
        Content::Signature { digest, signature } => {
            let algorithm = match digest.algorithm() {
                Algorithm::Sha256 => "SHA2_256",
                Algorithm::Sha384 => "SHA2_384",
                Algorithm::Sha512 => "SHA2_512",
                _ => return Err(CreateError::Digest),
            };
            let digest = STANDARD.encode(digest.bytes());
            let content = json!({
                "messageDigest": {"algorithm": algorithm, "digest": digest},
                "signature": STANDARD.encode(signature),
            });
            Ok(("messageSignature", content))
        }
        Content::Envelope(bytes) => {
            let envelope: Envelope = limits::parse_json(bytes, limits::BUNDLE_BYTES, "envelope")?;
            crate::dsse::signature(&envelope).map_err(|_| CreateError::SignatureCount)?;
            let envelope = serde_json::to_value(&envelope).map_err(CreateError::Encode)?;
            Ok(("dsseEnvelope", envelope))
        }
    }
}

fn leaf(bytes: &[u8]) -> Result<Vec<u8>, CreateError> {
    let certificate = if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
        parse_pem_chain(bytes).map(|chain| chain.into_iter().next())
    } else {
        parse_certificate(bytes).map(Some)
    };
    match certificate {
        Ok(Some(certificate)) => Ok(certificate.der().to_vec()),
        Ok(None) => Err(CreateError::Certificate("there is none".into())),
        Err(error) => Err(CreateError::Certificate(error.to_string())),
    }
}

/// cosign keeps a timestamp as `{"SignedRFC3161Timestamp": base64}`.
fn timestamp(bytes: &[u8]) -> Result<Vec<u8>, CreateError> {
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Ok(bytes.to_vec());
    }
    let json: Value = limits::parse_json(bytes, limits::SERVICE_ANSWER_BYTES, "timestamp")?;
    json.get("SignedRFC3161Timestamp")
        .and_then(Value::as_str)
        .and_then(|text| STANDARD.decode(text).ok())
        .ok_or(CreateError::Timestamp)
}

/// Why no bundle can be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// No certificate.
    #[error("the certificate cannot be read: {0}")]
    Certificate(String),
    /// A digest that nothing is signed with.
    #[error("a signature is made over a SHA-256, SHA-384 or SHA-512 digest")]
    Digest,
    /// It cannot be written.
    #[error("the bundle cannot be written as JSON: {0}")]
    Encode(#[source] serde_json::Error),
    /// A part is no JSON, or too large.
    #[error(transparent)]
    Part(#[from] LimitError),
    /// The bundle would be no good.
    #[error("the bundle would be refused: {0}")]
    Refused(#[source] Failure),
    /// Not exactly one signature.
    #[error("the envelope must have exactly one signature")]
    SignatureCount,
    /// No timestamp.
    #[error("the timestamp is neither DER nor cosign's JSON around it")]
    Timestamp,
}

impl Diagnose for CreateError {
    fn code(&self) -> Code {
        match self {
            Self::Certificate(_) => Code("TRUST-0740"),
            Self::Digest => Code("TRUST-0741"),
            Self::Encode(_) => Code("TRUST-0742"),
            Self::Part(_) => Code("TRUST-0743"),
            Self::Refused(failure) => failure.code(),
            Self::SignatureCount => Code("TRUST-0744"),
            Self::Timestamp => Code("TRUST-0745"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(failure) => failure.hint(),
            Self::SignatureCount => Some("make a bundle for each signature".into()),
            _ => Some("`bulla bundle create --help` says which form each part has".into()),
        }
    }
}

#[cfg(test)]
mod tests;
