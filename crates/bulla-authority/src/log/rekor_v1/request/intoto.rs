//! intoto 0.0.1 and 0.0.2: what older clients send for attestations.
//!
//! 0.0.1 has the envelope as text and one key; 0.0.2 has the envelope as an
//! object, its payload and signatures in base64 twice, a key at each signature,
//! and the hash of an envelope that only the client has seen.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::envelope::pre_authentication_encoding;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Content, MAX_SIGNATURES, Verifier, decode, dsse::SpelledEnvelope, sha256};
use crate::log::rekor_v2::RequestError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IntotoV001 {
    content: ContentV001,
    public_key: String,
}

#[derive(Deserialize)]
struct ContentV001 {
    envelope: String,
}

pub(super) fn content_v001(request: IntotoV001) -> Result<Content, RequestError> {
    let envelope = SpelledEnvelope::parse(&request.content.envelope)?;
    let verifiers = [Verifier::read(&request.public_key)?];
    let payload = envelope.payload()?;
    envelope.verified(&payload, &verifiers)?;
    let [verifier] = &verifiers;
    let spec = json!({
        "content": {
            "hash": sha256(request.content.envelope.as_bytes()),
            "payloadHash": sha256(&payload),
        },
        "publicKey": STANDARD.encode(verifier.pem()),
    });
    Ok(Content::about(spec, envelope.payload_type(), &payload))
}

#[derive(Deserialize)]
pub(super) struct IntotoV002 {
    content: ContentV002,
}

#[derive(Deserialize)]
struct ContentV002 {
    envelope: EnvelopeV002,
    hash: Sha256Hex,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EnvelopeV002 {
    payload: String,
    payload_type: String,
    signatures: Vec<SignatureV002>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignatureV002 {
    #[serde(default)]
    keyid: Option<String>,
    sig: String,
    public_key: String,
}

#[derive(Deserialize)]
struct Sha256Hex {
    algorithm: String,
    value: String,
}

pub(super) fn content_v002(request: IntotoV002) -> Result<Content, RequestError> {
    let ContentV002 { envelope, hash } = request.content;
    let count = envelope.signatures.len();
    if count == 0 || count > MAX_SIGNATURES {
        return Err(RequestError::Kind);
    }
    let value = hex::decode(&hash.value).map_err(|_| RequestError::Digest)?;
    if hash.algorithm != "sha256" || value.len() != 32 {
        return Err(RequestError::Digest);
    }
    let payload = twice(&envelope.payload)?;
    let message = pre_authentication_encoding(&envelope.payload_type, &payload);
    let mut signatures = Vec::with_capacity(count);
    for signature in &envelope.signatures {
        let public_key = decode(&signature.public_key)?;
        let verifier = Verifier::from_pem(&public_key)?;
        if !verifier.signed(&message, &twice(&signature.sig)?) {
            return Err(RequestError::Signature);
        }
        // As they came, unlike in every other kind: that is what Rekor logs.
        let mut logged = json!({
            "publicKey": STANDARD.encode(public_key),
            "sig": STANDARD.encode(decode(&signature.sig)?),
        });
        let keyid = signature.keyid.as_deref().unwrap_or_default();
        if !keyid.is_empty() {
            set(&mut logged, "keyid", keyid);
        }
        signatures.push(logged);
    }
    let spec = json!({"content": {
        "envelope": {"payloadType": envelope.payload_type, "signatures": signatures},
        "hash": {"algorithm": "sha256", "value": hex::encode(value)},
        "payloadHash": sha256(&payload),
    }});
    Ok(Content::about(spec, &envelope.payload_type, &payload))
}

/// Base64 of base64.
fn twice(text: &str) -> Result<Vec<u8>, RequestError> {
    let inner = String::from_utf8(decode(text)?).map_err(|_| RequestError::Malformed)?;
    decode(&inner)
}

fn set(object: &mut Value, name: &str, value: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.into(), value.into());
    }
}
