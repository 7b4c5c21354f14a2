//! A layer of the old layout, or detached files, as a bundle.
//!
//! Nothing is verified and nothing is lost. The old layout holds a log's promise
//! but no inclusion proof, and version 0.3 demands the proof: with a promise the
//! bundle is of version 0.1, without any log entry of version 0.3.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Code, Diagnose};
use bulla_crypto::{Hash, PublicKey};
use sigstore_types::{
    Bundle, CanonicalizedBody, CertificateContent, DerCertificate, DsseEnvelope, DsseSignature,
    InclusionPromise, KindVersion, LogId, LogIndex, LogKeyId, MediaType, PayloadBytes,
    PublicKeyIdentifier, Rfc3161Timestamp, SignatureBytes, SignatureContent, SignedTimestamp,
    TimestampToken, TimestampVerificationData, TransparencyLogEntry, VerificationMaterial,
    VerificationMaterialContent, X509Certificate,
};

use super::{
    Layer, SIGNATURE,
    layer::{Logged, Parts},
};
use crate::sigstore::{Artifact, Failure, evidence::Kind, key, make};

/// A bundle of the signature in `layer`: of its payload, if there is a signature
/// annotation (`artifact`, if given, instead of the payload: for detached
/// signatures); otherwise of the envelope that the payload is. `key` names the
/// signer where there is no certificate.
///
/// # Errors
/// [`ConvertError`] if a part cannot be read, or the signer is not known.
pub fn to_bundle(
    layer: &Layer<'_>,
    artifact: Option<Artifact<'_>>,
    key: Option<&PublicKey>,
) -> Result<Vec<u8>, ConvertError> {
    let parts = layer.parts()?;
    let has_signature = layer
        .annotations
        .get(SIGNATURE)
        .is_some_and(|text| !text.is_empty());
    let content = if has_signature {
        let artifact = artifact.unwrap_or(Artifact::Bytes(layer.payload));
        let signature = layer.signature()?;
        let (hash, digest) = signed(&artifact, &parts, key, &signature)?;
        make::message((hash, &digest), &signature)
    } else {
        envelope(layer)?
    };
    let entry = parts.entry.as_ref().map(log_entry).transpose()?;
    let version = match entry {
        Some(_) => MediaType::Bundle0_1,
        None => MediaType::Bundle0_3,
    };
    let stamps = parts.timestamp.iter();
    let stamps = stamps.map(|der| Rfc3161Timestamp::new(TimestampToken::from_bytes(der)));
    let material = VerificationMaterial::new(signer(&parts, version, key)?)
        .with_tlog_entries(entry.into_iter().collect())
        .with_timestamp_verification_data(TimestampVerificationData::new(stamps.collect()));
    let bundle = Bundle::new(version, material, content);
    serde_json::to_vec(&bundle).map_err(ConvertError::Encode)
}

/// What the signature is over: of bytes the digest under which it is good, or
/// SHA-256 where it is not: the bundle then fails as the parts did.
fn signed(
    artifact: &Artifact<'_>,
    parts: &Parts,
    key: Option<&PublicKey>,
    signature: &[u8],
) -> Result<(Hash, Vec<u8>), ConvertError> {
    match artifact {
        Artifact::Digest(digest) => {
            let hash = key::hash_of(digest.algorithm()).ok_or(ConvertError::Digest)?;
            Ok((hash, digest.bytes()))
        }
        Artifact::Bytes(bytes) => {
            let certified = parts.leaf.as_ref().map(|leaf| leaf.public_key());
            let certified = certified.transpose()?;
            let hash = certified
                .as_ref()
                .or(key)
                .and_then(|key| key::hash_signed(key, bytes, signature))
                .unwrap_or(Hash::Sha256);
            Ok((hash, hash.digest(bytes)))
        }
    }
}

fn envelope(layer: &Layer<'_>) -> Result<SignatureContent, ConvertError> {
    let envelope = layer.envelope()?;
    let signature = crate::dsse::signature(&envelope).map_err(|_| Failure::SignatureCount {
        count: envelope.signatures.len(),
    })?;
    Ok(SignatureContent::DsseEnvelope(DsseEnvelope::new(
        envelope.payload_type.clone(),
        PayloadBytes::from_bytes(&envelope.payload),
        DsseSignature::new(
            SignatureBytes::from_bytes(&signature.sig),
            signature.keyid.clone().into(),
        ),
    )))
}

fn signer(
    parts: &Parts,
    version: MediaType,
    key: Option<&PublicKey>,
) -> Result<VerificationMaterialContent, ConvertError> {
    let Some(leaf) = &parts.leaf else {
        let key = key.ok_or(ConvertError::Signer)?;
        let hint = STANDARD.encode(key.id().bytes());
        return Ok(VerificationMaterialContent::PublicKey(
            PublicKeyIdentifier::new(hint),
        ));
    };
    let der = |bytes: &[u8]| DerCertificate::from_bytes(bytes);
    Ok(match version {
        MediaType::Bundle0_1 => VerificationMaterialContent::X509CertificateChain {
            certificates: std::iter::once(&leaf.der)
                .chain(&parts.chain)
                .map(|bytes| X509Certificate::new(der(bytes)))
                .collect(),
        },
        _ => VerificationMaterialContent::Certificate(CertificateContent::new(der(&leaf.der))),
    })
}

fn log_entry(logged: &Logged) -> Result<TransparencyLogEntry, ConvertError> {
    let kind = match logged.kind {
        Kind::HashedRekord1 => KindVersion::HashedRekordV001,
        Kind::Dsse1 => KindVersion::DsseV001,
        Kind::Intoto2 => KindVersion::IntotoV002,
        // Its entry is about the envelope's own bytes, which no bundle keeps.
        Kind::Intoto1 | Kind::HashedRekord2 | Kind::Dsse2 => return Err(ConvertError::Kind),
    };
    let index = LogIndex::new(logged.index).map_err(|_| ConvertError::Kind)?;
    Ok(TransparencyLogEntry::new(
        index,
        LogId::new(LogKeyId::from_bytes(&logged.log_id)),
        kind,
        CanonicalizedBody::from_bytes(&logged.body),
    )
    .with_integrated_time(logged.integrated)
    .with_inclusion_promise(InclusionPromise::new(SignedTimestamp::from_bytes(
        &logged.promise,
    ))))
}

/// Why a layer is no bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// No digest that is signed.
    #[error("a signature is converted with a SHA-256, SHA-384 or SHA-512 digest only")]
    Digest,
    /// It could not be written.
    #[error("the bundle cannot be written as JSON: {0}")]
    Encode(#[source] serde_json::Error),
    /// The log entry has no place in a bundle.
    #[error("the log entry is of a kind that no bundle can carry")]
    Kind,
    /// A part cannot be read.
    #[error(transparent)]
    Part(#[from] Failure),
    /// Neither certificate nor key.
    #[error("nothing says who signed: there is no certificate, and no key was given")]
    Signer,
}

impl Diagnose for ConvertError {
    fn code(&self) -> Code {
        match self {
            Self::Digest => Code("TRUST-0630"),
            Self::Encode(_) => Code("TRUST-0631"),
            Self::Kind => Code("TRUST-0632"),
            Self::Part(failure) => failure.code(),
            Self::Signer => Code("TRUST-0633"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Kind => Some("verify it where it is, or sign again with `bulla attest`".into()),
            Self::Part(failure) => failure.hint(),
            Self::Signer => Some("name the signer's key with `--key`".into()),
            _ => None,
        }
    }
}
