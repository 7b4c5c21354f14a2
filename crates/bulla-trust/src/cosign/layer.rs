//! One layer of a `.sig` or `.att` manifest: taken apart, and verified.
//!
//! The annotations carry the signature (base64), the certificate and its chain
//! (PEM), the log's promise (`SignedEntryTimestamp` with what it is over) and a
//! timestamp (RFC 3161). What is there is read or the layer fails (rule R3);
//! what must be there, the caller's requirements say.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{
    Digest, Envelope, Statement, canonical_json,
    descriptor::media_type,
    limits::{self, LimitError},
};
use bulla_crypto::{PublicKey, x509::parse_pem_chain};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

use super::SimpleSigning;
use crate::{
    dsse::{self, DsseError},
    sigstore::{
        Artifact, Blob, Failure, Verification,
        bundle::Leaf,
        evidence::{self, Content, Entry, Evidence, Kind},
    },
    verified::{KeyProof, Rejection, Verified},
};

/// Annotation: the signature, base64.
pub const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// Annotation: the signing certificate, PEM.
pub const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
/// Annotation: its issuers, PEM.
pub const CHAIN: &str = "dev.sigstore.cosign/chain";
/// Annotation: the log's promise, JSON.
pub const BUNDLE: &str = "dev.sigstore.cosign/bundle";
/// Annotation: a timestamp, JSON.
pub const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// Certificates in one chain.
const CHAIN_LENGTH: usize = 10;

/// A layer: its bytes and its descriptor's annotations, unverified.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// The bytes of the blob.
    pub payload: &'a [u8],
    /// The annotations of its descriptor in the manifest.
    pub annotations: &'a BTreeMap<String, String>,
}

/// A layer's proofs, read.
pub(super) struct Parts {
    pub(super) cited: Digest,
    pub(super) leaf: Option<Leaf>,
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) entry: Option<Logged>,
    pub(super) timestamp: Option<Vec<u8>>,
}

/// The entry that the log promised.
pub(super) struct Logged {
    pub(super) kind: Kind,
    pub(super) log_id: Vec<u8>,
    pub(super) index: u64,
    pub(super) integrated: Timestamp,
    pub(super) promise: Vec<u8>,
    pub(super) body: Vec<u8>,
}

#[derive(Deserialize)]
struct Promise {
    #[serde(rename = "SignedEntryTimestamp")]
    set: String,
    #[serde(rename = "Payload")]
    payload: Promised,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Promised {
    body: String,
    integrated_time: i64,
    log_index: u64,
    #[serde(rename = "logID")]
    log_id: String,
}

#[derive(Deserialize)]
struct Stamp {
    #[serde(rename = "SignedRFC3161Timestamp")]
    token: String,
}

impl Verification<'_> {
    /// A signature over the image `subject` by a certificate's holder.
    ///
    /// # Errors
    /// A [`Rejection`] with a code from TRUST-0001 on; see [`Failure`].
    pub fn layer_signature(
        &self,
        layer: &Layer<'_>,
        subject: &Digest,
    ) -> Result<Verified<SimpleSigning>, Rejection> {
        layer.with(|parts| {
            let (claim, signature) = layer.signed_image()?;
            let evidence = parts.evidence(message(&signature));
            let artifact = Artifact::Bytes(layer.payload);
            let proof = self
                .judge()
                .about(subject)
                .certificate(&evidence, &artifact)?;
            is_about(&claim, subject)?;
            Ok(Verified::new(claim, proof))
        })
    }

    /// A signature over the image `subject` by `key`. A certificate beside it is
    /// not asked.
    ///
    /// # Errors
    /// As [`Self::layer_signature`].
    pub fn layer_signature_with_key(
        &self,
        layer: &Layer<'_>,
        subject: &Digest,
        key: &PublicKey,
    ) -> Result<Verified<SimpleSigning, KeyProof>, Rejection> {
        layer.with(|parts| {
            let (claim, signature) = layer.signed_image()?;
            let evidence = parts.evidence(message(&signature)).by_key();
            let artifact = Artifact::Bytes(layer.payload);
            let proof = self.judge().about(subject).key(&evidence, &artifact, key)?;
            is_about(&claim, subject)?;
            Ok(Verified::new(claim, proof))
        })
    }

    /// An attestation about `subject` by a certificate's holder.
    ///
    /// # Errors
    /// As [`Self::layer_signature`].
    pub fn layer_attestation<'a>(
        &self,
        layer: &Layer<'_>,
        subject: impl Into<Artifact<'a>>,
    ) -> Result<Verified<Statement>, Rejection> {
        let subject = subject.into();
        layer.with(|parts| {
            let envelope = layer.envelope()?;
            let statement = statement(&envelope)?;
            let evidence = parts.evidence(layer.enveloped(&envelope)?);
            self.statement(&evidence, statement, &subject)
        })
    }

    /// An attestation about `subject` by `key`.
    ///
    /// # Errors
    /// As [`Self::layer_signature`].
    pub fn layer_attestation_with_key<'a>(
        &self,
        layer: &Layer<'_>,
        subject: impl Into<Artifact<'a>>,
        key: &PublicKey,
    ) -> Result<Verified<Statement, KeyProof>, Rejection> {
        let subject = subject.into();
        layer.with(|parts| {
            let envelope = layer.envelope()?;
            let statement = statement(&envelope)?;
            let evidence = parts.evidence(layer.enveloped(&envelope)?).by_key();
            self.statement_with_key(&evidence, statement, &subject, key)
        })
    }

    /// A detached signature over `artifact` by a certificate's holder, with its
    /// proofs as annotations: what `sign-blob` leaves in separate files.
    ///
    /// # Errors
    /// As [`Self::layer_signature`].
    pub fn detached_signature<'a>(
        &self,
        annotations: &BTreeMap<String, String>,
        artifact: impl Into<Artifact<'a>>,
    ) -> Result<Verified<Blob>, Rejection> {
        let artifact = artifact.into();
        let layer = detached(annotations);
        layer.with(|parts| {
            let signature = layer.signature()?;
            let evidence = parts.evidence(message(&signature));
            let proof = self.judge().certificate(&evidence, &artifact)?;
            Ok(Verified::new(Blob::of(&artifact), proof))
        })
    }

    /// A detached signature over `artifact` by `key`.
    ///
    /// # Errors
    /// As [`Self::layer_signature`].
    pub fn detached_signature_with_key<'a>(
        &self,
        annotations: &BTreeMap<String, String>,
        artifact: impl Into<Artifact<'a>>,
        key: &PublicKey,
    ) -> Result<Verified<Blob, KeyProof>, Rejection> {
        let artifact = artifact.into();
        let layer = detached(annotations);
        layer.with(|parts| {
            let signature = layer.signature()?;
            let evidence = parts.evidence(message(&signature)).by_key();
            let proof = self.judge().key(&evidence, &artifact, key)?;
            Ok(Verified::new(Blob::of(&artifact), proof))
        })
    }
}

/// Compared after the signature: a good one over another image is the near miss
/// that its reader has to know of, with the repository that it was made for.
fn is_about(claim: &SimpleSigning, subject: &Digest) -> Result<(), Failure> {
    if claim.digest == *subject {
        return Ok(());
    }
    let found = match claim.docker_reference.as_str() {
        "" => claim.digest.to_string(),
        repository => format!("{} in {repository}", claim.digest),
    };
    Err(Failure::SubjectDiffers {
        expected: subject.clone(),
        found,
    })
}

impl Layer<'_> {
    /// What a verdict cites: the SHA-256 of payload digest and annotations in
    /// canonical JSON. Two signers of one image have the same payload.
    pub fn digest(&self) -> Digest {
        let content = json!({
            "annotations": self.annotations,
            "payload": Digest::sha256(self.payload).to_string(),
        });
        Digest::sha256(&canonical_json::jcs(&content).unwrap_or_default())
    }

    /// The predicate type that an attestation claims, unproven; `None` if it
    /// cannot be read.
    pub fn claimed_type(&self) -> Option<String> {
        let envelope = self.envelope().ok()?;
        let statement = Statement::parse(&envelope.payload).ok()?;
        Some(statement.predicate_type)
    }

    fn with<T>(&self, check: impl FnOnce(&Parts) -> Result<T, Failure>) -> Result<T, Rejection> {
        let rejected = |failure: &Failure| Rejection::because(failure).of(&self.digest());
        let parts = self.parts().map_err(|failure| rejected(&failure))?;
        check(&parts).map_err(|failure| rejected(&failure))
    }

    pub(super) fn parts(&self) -> Result<Parts, Failure> {
        self.check_size()?;
        let (leaf, chain) = match self.annotation(CERTIFICATE) {
            Some(pem) => {
                let mut certificates = certificates(pem)?.into_iter();
                let leaf = certificates
                    .next()
                    .map(|der| Leaf::read(&der))
                    .transpose()?;
                let mut chain: Vec<Vec<u8>> = certificates.collect();
                if let Some(pem) = self.annotation(CHAIN) {
                    chain.extend(certificates_in_chain(pem)?);
                }
                (leaf, chain)
            }
            None => (None, Vec::new()),
        };
        Ok(Parts {
            cited: self.digest(),
            leaf,
            chain,
            entry: self.annotation(BUNDLE).map(logged).transpose()?,
            timestamp: self.annotation(TIMESTAMP).map(stamp).transpose()?,
        })
    }

    fn check_size(&self) -> Result<(), Failure> {
        let annotations = self.annotations.iter();
        let sizes = annotations.map(|(key, value)| key.len() + value.len());
        let all = sizes.sum::<usize>() + self.payload.len();
        if all as u64 > limits::BUNDLE_BYTES {
            return Err(Failure::TooMany {
                what: "bytes",
                count: all,
                limit: limits::BUNDLE_BYTES as usize,
            });
        }
        Ok(())
    }

    /// A non-empty annotation: cosign writes some empty ones.
    fn annotation(&self, key: &str) -> Option<&str> {
        let value = self.annotations.get(key)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// The signature annotation, raw.
    pub(super) fn signature(&self) -> Result<Vec<u8>, Failure> {
        let text = self
            .annotation(SIGNATURE)
            .ok_or_else(|| Failure::Incomplete {
                detail: "no signature annotation".into(),
            })?;
        decode(text, "signature")
    }

    fn signed_image(&self) -> Result<(SimpleSigning, Vec<u8>), Failure> {
        Ok((SimpleSigning::parse(self.payload)?, self.signature()?))
    }

    pub(super) fn envelope(&self) -> Result<Envelope, Failure> {
        dsse::parse(self.payload).map_err(|error| match error {
            DsseError::SignatureCount { count } => Failure::SignatureCount { count },
            DsseError::Malformed(error @ LimitError::Json { .. }) => Failure::Malformed {
                detail: error.to_string(),
            },
            DsseError::Malformed(error) => Failure::Limit(error),
            other => Failure::Malformed {
                detail: other.to_string(),
            },
        })
    }

    fn enveloped<'e>(&'e self, envelope: &'e Envelope) -> Result<Content<'e>, Failure> {
        let signature = dsse::signature(envelope).map_err(|_| Failure::SignatureCount {
            count: envelope.signatures.len(),
        })?;
        Ok(Content::Envelope(evidence::Envelope {
            payload_type: &envelope.payload_type,
            payload: &envelope.payload,
            signature: &signature.sig,
            original: Some(self.payload),
        }))
    }
}

impl Parts {
    fn evidence<'a>(&'a self, content: Content<'a>) -> Evidence<'a> {
        Evidence {
            cited: &self.cited,
            leaf: self.leaf.as_ref(),
            intermediates: self.chain.iter().map(Vec::as_slice).collect(),
            content,
            entries: self.entry.iter().map(Logged::entry).collect(),
            timestamps: self.timestamp.iter().map(Vec::as_slice).collect(),
        }
    }
}

impl Logged {
    fn entry(&self) -> Entry<'_> {
        Entry {
            log_id: &self.log_id,
            index: self.index,
            kind: self.kind,
            integrated: Some(self.integrated),
            promise: Some(&self.promise),
            proof: None,
            body: &self.body,
        }
    }
}

fn detached(annotations: &BTreeMap<String, String>) -> Layer<'_> {
    Layer {
        payload: &[],
        annotations,
    }
}

fn message(signature: &[u8]) -> Content<'_> {
    Content::Message {
        signature,
        declared: None,
    }
}

fn statement(envelope: &Envelope) -> Result<Statement, Failure> {
    let not = |detail: String| Failure::NotAStatement { detail };
    if envelope.payload_type != media_type::IN_TOTO {
        return Err(not(format!("its type is {:?}", envelope.payload_type)));
    }
    Statement::parse(&envelope.payload).map_err(|error| not(error.to_string()))
}

fn certificates(pem: &str) -> Result<Vec<Vec<u8>>, Failure> {
    let chain = parse_pem_chain(pem.as_bytes()).map_err(|error| Failure::CertificateMalformed {
        detail: error.to_string(),
    })?;
    if chain.len() > CHAIN_LENGTH {
        return Err(Failure::TooMany {
            what: "certificates",
            count: chain.len(),
            limit: CHAIN_LENGTH,
        });
    }
    Ok(chain.iter().map(|one| one.der().to_vec()).collect())
}

/// cosign writes a chain of white space where it has none.
fn certificates_in_chain(pem: &str) -> Result<Vec<Vec<u8>>, Failure> {
    match pem.trim() {
        "" => Ok(Vec::new()),
        pem => certificates(pem),
    }
}

fn logged(json: &str) -> Result<Logged, Failure> {
    let malformed = |detail: String| Failure::LogEntryMalformed { detail };
    let promise: Promise = read(json, "log promise").map_err(malformed)?;
    let body = decode(&promise.payload.body, "log entry")?;
    let head: crate::sigstore::evidence::Head =
        serde_json::from_slice(&body).map_err(|error| malformed(error.to_string()))?;
    Ok(Logged {
        kind: head.kind().ok_or_else(|| Failure::Unsupported {
            detail: "the log entry is of a kind that is not known".into(),
        })?,
        log_id: hex::decode(&promise.payload.log_id)
            .map_err(|_| malformed("its log id is no hex".into()))?,
        index: promise.payload.log_index,
        integrated: Timestamp::from_second(promise.payload.integrated_time)
            .map_err(|error| malformed(error.to_string()))?,
        promise: decode(&promise.set, "promise")?,
        body,
    })
}

fn stamp(json: &str) -> Result<Vec<u8>, Failure> {
    let stamp: Stamp = read(json, "timestamp").map_err(|detail| Failure::Timestamp { detail })?;
    decode(&stamp.token, "timestamp")
}

fn read<T: serde::de::DeserializeOwned>(json: &str, what: &'static str) -> Result<T, String> {
    limits::parse_json(json.as_bytes(), limits::SERVICE_ANSWER_BYTES, what)
        .map_err(|error| error.to_string())
}

fn decode(text: &str, what: &str) -> Result<Vec<u8>, Failure> {
    STANDARD
        .decode(text.trim())
        .map_err(|_| Failure::Malformed {
            detail: format!("the {what} is no base64"),
        })
}

#[cfg(test)]
mod tests;
