//! Proposed entries: read, verified, and brought into the form that is logged.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Envelope, limits};
use bulla_crypto::{Hash, KeyError, PublicKey, Scheme, SigningKey, x509};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    http::base64,
    log::rekor_v2::{RequestError, canonical},
};

const MAX_SIGNATURES: usize = 8;

/// An entry whose signatures have been verified, as its canonical bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryV1 {
    body: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proposed {
    kind: String,
    api_version: String,
    spec: Value,
}

#[derive(Deserialize)]
struct HashedRekord {
    data: Data,
    signature: Signature,
}

#[derive(Deserialize)]
struct Data {
    hash: DataHash,
}

#[derive(Deserialize)]
struct DataHash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signature {
    content: String,
    public_key: Content,
}

#[derive(Deserialize)]
struct Content {
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse {
    proposed_content: ProposedEnvelope,
}

#[derive(Deserialize)]
struct ProposedEnvelope {
    envelope: String,
    verifiers: Vec<String>,
}

/// Reads a proposed entry, verifies its signatures and gives the entry to be logged.
///
/// # Errors
/// [`RequestError`] that says what is wrong with it.
pub fn parse_proposed_entry(json: &[u8]) -> Result<EntryV1, RequestError> {
    let proposed: Proposed = limits::parse_json(json, limits::REQUEST_BYTES, "log request")
        .map_err(|_| RequestError::Malformed)?;
    if proposed.api_version != "0.0.1" {
        return Err(RequestError::Kind);
    }
    let spec = match proposed.kind.as_str() {
        "hashedrekord" => hashedrekord(read(proposed.spec)?)?,
        "dsse" => dsse(&read::<Dsse>(proposed.spec)?.proposed_content)?,
        _ => return Err(RequestError::Kind),
    };
    EntryV1::new(&proposed.kind, &spec)
}

impl EntryV1 {
    /// RFC 8785 JSON: the leaf.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    fn new(kind: &str, spec: &Value) -> Result<Self, RequestError> {
        let body = canonical(&json!({"apiVersion": "0.0.1", "kind": kind, "spec": spec}))?;
        Ok(Self { body })
    }

    /// The first entry of a new log, by a key that is thrown away.
    pub(super) fn genesis(tree_id: u64) -> Result<Self, crate::error::AuthorityError> {
        let text = format!("genesis entry of the transparency log tree {tree_id}\n");
        let throwaway = SigningKey::generate(Scheme::EcdsaP256)?;
        let request = json!({
            "kind": "hashedrekord", "apiVersion": "0.0.1", "spec": {
                "data": {"hash": {
                    "algorithm": "sha256",
                    "value": hex::encode(Hash::Sha256.digest(text.as_bytes())),
                }},
                "signature": {
                    "content": STANDARD.encode(throwaway.sign(text.as_bytes())?),
                    "publicKey": {"content": STANDARD.encode(throwaway.public().to_pem())},
                },
            },
        });
        Ok(parse_proposed_entry(request.to_string().as_bytes())?)
    }
}

fn read<T: serde::de::DeserializeOwned>(spec: Value) -> Result<T, RequestError> {
    serde_json::from_value(spec).map_err(|_| RequestError::Malformed)
}

fn decode(text: &str) -> Result<Vec<u8>, RequestError> {
    base64(text)
        .filter(|bytes| !bytes.is_empty())
        .ok_or(RequestError::Malformed)
}

fn hashedrekord(request: HashedRekord) -> Result<Value, RequestError> {
    let DataHash { algorithm, value } = request.data.hash;
    let hash = match algorithm.as_str() {
        "sha256" => Hash::Sha256,
        "sha384" => Hash::Sha384,
        "sha512" => Hash::Sha512,
        _ => return Err(RequestError::Digest),
    };
    let digest = hex::decode(&value).map_err(|_| RequestError::Digest)?;
    if digest.len() != hash.output_bytes() {
        return Err(RequestError::Digest);
    }
    let signature = decode(&request.signature.content)?;
    let (key, pem) = verifier(&request.signature.public_key.content)?;
    let verified = key.verify_digest(hash, &digest, &signature);
    verified.map_err(|_: KeyError| RequestError::Signature)?;
    Ok(json!({
        "data": {"hash": {"algorithm": algorithm, "value": hex::encode(digest)}},
        "signature": {
            "content": STANDARD.encode(signature),
            "publicKey": {"content": STANDARD.encode(pem)},
        },
    }))
}

fn dsse(request: &ProposedEnvelope) -> Result<Value, RequestError> {
    let envelope: Envelope = limits::parse_json(
        request.envelope.as_bytes(),
        limits::BUNDLE_BYTES,
        "envelope",
    )
    .map_err(|_| RequestError::Malformed)?;
    let count = envelope.signatures.len();
    if count == 0 || count > MAX_SIGNATURES || request.verifiers.len() > MAX_SIGNATURES {
        return Err(RequestError::Kind);
    }
    let verifiers = request
        .verifiers
        .iter()
        .map(|text| verifier(text))
        .collect::<Result<Vec<_>, _>>()?;
    let message = envelope.pre_authentication_encoding();
    let mut signatures = Vec::with_capacity(count);
    for signature in &envelope.signatures {
        let by = |(key, _): &&(PublicKey, String)| key.verify(&message, &signature.sig).is_ok();
        let (_, pem) = verifiers.iter().find(by).ok_or(RequestError::Signature)?;
        signatures.push(json!({
            "signature": STANDARD.encode(&signature.sig),
            "verifier": STANDARD.encode(pem),
        }));
    }
    let sha256 = |bytes: &[u8]| json!({"algorithm": "sha256", "value": hex::encode(Hash::Sha256.digest(bytes))});
    Ok(json!({
        "envelopeHash": sha256(request.envelope.as_bytes()),
        "payloadHash": sha256(&envelope.payload),
        "signatures": signatures,
    }))
}

/// Base64 of a PEM certificate or key, as key and as PEM in its one spelling.
fn verifier(text: &str) -> Result<(PublicKey, String), RequestError> {
    let refused = |_| RequestError::Verifier;
    let pem = decode(text)?;
    let pem = std::str::from_utf8(&pem).map_err(|_| RequestError::Verifier)?;
    if pem.contains("-----BEGIN CERTIFICATE-----") {
        let chain = x509::parse_pem_chain(pem.as_bytes()).map_err(|_| RequestError::Verifier)?;
        let certificate = chain.first().ok_or(RequestError::Verifier)?;
        let spki = certificate.spki_der().map_err(|_| RequestError::Verifier)?;
        return Ok((
            PublicKey::from_spki_der(&spki).map_err(refused)?,
            certificate.to_pem(),
        ));
    }
    let key = PublicKey::from_pem(pem).map_err(refused)?;
    let pem = der::pem::encode_string("PUBLIC KEY", der::pem::LineEnding::LF, key.spki_der());
    Ok((key, pem.map_err(|_| RequestError::Verifier)?))
}
