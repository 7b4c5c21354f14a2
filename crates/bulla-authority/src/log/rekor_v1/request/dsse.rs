//! dsse 0.0.1: an envelope; its hashes and verified signatures are logged.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Envelope, envelope::pre_authentication_encoding, limits};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Content, MAX_SIGNATURES, Verifier, decode, sha256};
use crate::log::rekor_v2::RequestError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dsse {
    proposed_content: ProposedEnvelope,
    // The log computes these; a request that brings them claims to be logged already.
    envelope_hash: Option<Value>,
    payload_hash: Option<Value>,
    signatures: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct ProposedEnvelope {
    envelope: String,
    verifiers: Vec<String>,
}

/// An envelope whose signatures keep the spelling that they came in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SpelledEnvelope {
    payload: String,
    payload_type: String,
    signatures: Vec<SpelledSignature>,
}

#[derive(Deserialize)]
struct SpelledSignature {
    sig: String,
}

pub(super) fn content(request: Dsse) -> Result<Content, RequestError> {
    let claimed = request.signatures.is_some_and(|list| !list.is_empty());
    if request.envelope_hash.is_some() || request.payload_hash.is_some() || claimed {
        return Err(RequestError::Malformed);
    }
    let ProposedEnvelope {
        envelope,
        verifiers,
    } = request.proposed_content;
    let read = SpelledEnvelope::parse(&envelope)?;
    if verifiers.len() > MAX_SIGNATURES {
        return Err(RequestError::Kind);
    }
    let verifiers = verifiers.iter().map(|text| Verifier::read(text));
    let verifiers = verifiers.collect::<Result<Vec<_>, _>>()?;
    let payload = read.payload()?;
    let mut signatures: Vec<(&str, &str)> = Vec::new();
    for (text, verifier) in read.verified(&payload, &verifiers)? {
        signatures.push((text, verifier.pem()));
    }
    // In one order, and each once.
    signatures.sort_unstable();
    signatures.dedup_by_key(|(text, _)| *text);
    let logged: Vec<Value> = signatures
        .iter()
        .map(|(text, pem)| json!({"signature": text, "verifier": STANDARD.encode(pem)}))
        .collect();
    let spec = json!({
        "envelopeHash": sha256(envelope.as_bytes()),
        "payloadHash": sha256(&payload),
        "signatures": logged,
    });
    Ok(Content::about(spec, &read.payload_type, &payload))
}

impl SpelledEnvelope {
    /// Reads an envelope that our own reader takes as well.
    pub(super) fn parse(json: &str) -> Result<Self, RequestError> {
        let malformed = |_| RequestError::Malformed;
        let bytes = json.as_bytes();
        let strict: Envelope =
            limits::parse_json(bytes, limits::BUNDLE_BYTES, "envelope").map_err(malformed)?;
        if strict.signatures.is_empty() || strict.signatures.len() > MAX_SIGNATURES {
            return Err(RequestError::Kind);
        }
        limits::parse_json(bytes, limits::BUNDLE_BYTES, "envelope").map_err(malformed)
    }

    pub(super) fn payload_type(&self) -> &str {
        &self.payload_type
    }

    pub(super) fn payload(&self) -> Result<Vec<u8>, RequestError> {
        crate::http::base64(&self.payload).ok_or(RequestError::Malformed)
    }

    /// Each signature as it is spelled, with the verifier that it is of: all must have one.
    pub(super) fn verified<'a>(
        &'a self,
        payload: &[u8],
        verifiers: &'a [Verifier],
    ) -> Result<Vec<(&'a str, &'a Verifier)>, RequestError> {
        let message = pre_authentication_encoding(&self.payload_type, payload);
        self.signatures
            .iter()
            .map(|signature| {
                let bytes = decode(&signature.sig)?;
                let verifier = verifiers.iter().find(|one| one.signed(&message, &bytes));
                Ok((
                    signature.sig.as_str(),
                    verifier.ok_or(RequestError::Signature)?,
                ))
            })
            .collect()
    }
}
