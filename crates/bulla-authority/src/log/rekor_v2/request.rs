//! The body of `POST /api/v2/log/entries`, checked, and the entry it becomes.

use bulla_core::{envelope::pre_authentication_encoding, limits};
use bulla_crypto::{Hash, PublicKey, Scheme, x509};
use serde::Deserialize;
use serde_json::Value;

use super::{
    entry::{self, Entry},
    error::RequestError,
};
use crate::http::base64;

/// Signatures of one DSSE envelope that are looked at.
const MAX_SIGNATURES: usize = 8;

#[derive(Deserialize)]
struct CreateEntry {
    #[serde(
        rename = "hashedRekordRequestV002",
        alias = "hashed_rekord_request_v002"
    )]
    hashed_rekord: Option<HashedRekord>,
    #[serde(rename = "dsseRequestV002", alias = "dsse_request_v002")]
    dsse: Option<Dsse>,
}

#[derive(Deserialize)]
struct HashedRekord {
    digest: String,
    signature: Signature,
}

#[derive(Deserialize)]
struct Signature {
    content: String,
    verifier: Verifier,
}

#[derive(Deserialize)]
struct Verifier {
    #[serde(rename = "publicKey", alias = "public_key")]
    public_key: Option<RawBytes>,
    #[serde(rename = "x509Certificate", alias = "x509_certificate")]
    certificate: Option<RawBytes>,
    #[serde(rename = "keyDetails", alias = "key_details", default)]
    key_details: Option<Value>,
}

#[derive(Deserialize)]
struct RawBytes {
    #[serde(rename = "rawBytes", alias = "raw_bytes")]
    raw_bytes: String,
}

#[derive(Deserialize)]
struct Dsse {
    envelope: DsseEnvelope,
    verifiers: Vec<Verifier>,
}

#[derive(Deserialize)]
struct DsseEnvelope {
    payload: String,
    #[serde(rename = "payloadType", alias = "payload_type")]
    payload_type: String,
    signatures: Vec<DsseSignature>,
}

#[derive(Deserialize)]
struct DsseSignature {
    sig: String,
}

/// Reads a request, verifies its signatures and gives the entry to be logged.
///
/// # Errors
/// [`RequestError`] that says what is wrong with it.
pub fn parse_create_entry(json: &[u8]) -> Result<Entry, RequestError> {
    let request: CreateEntry = limits::parse_json(json, limits::REQUEST_BYTES, "log request")
        .map_err(|_| RequestError::Malformed)?;
    match (request.hashed_rekord, request.dsse) {
        (Some(hashed_rekord), None) => hashed_rekord.entry(),
        (None, Some(dsse)) => dsse.entry(),
        _ => Err(RequestError::Kind),
    }
}

impl HashedRekord {
    fn entry(self) -> Result<Entry, RequestError> {
        let verifier = self.signature.verifier.read()?;
        // Pure Ed25519 signs messages, and only their digest is here.
        if verifier.key.scheme() == Scheme::Ed25519 {
            return Err(RequestError::Verifier);
        }
        let digest = decode(&self.digest)?;
        let signature = decode(&self.signature.content)?;
        if digest.len() != verifier.hash.output_bytes() {
            return Err(RequestError::Digest);
        }
        let verified = verifier
            .key
            .verify_digest(verifier.hash, &digest, &signature);
        verified.map_err(|_| RequestError::Signature)?;
        Entry::hashedrekord(verifier.hash, &digest, verifier.shown(&signature))
    }
}

impl Dsse {
    fn entry(self) -> Result<Entry, RequestError> {
        let payload = decode(&self.envelope.payload)?;
        let message = pre_authentication_encoding(&self.envelope.payload_type, &payload);
        let count = self.envelope.signatures.len();
        if count == 0 || count > MAX_SIGNATURES || self.verifiers.len() > MAX_SIGNATURES {
            return Err(RequestError::Kind);
        }
        let verifiers = self
            .verifiers
            .into_iter()
            .map(Verifier::read)
            .collect::<Result<Vec<_>, _>>()?;
        let signatures = self
            .envelope
            .signatures
            .iter()
            .map(|signature| decode(&signature.sig))
            .collect::<Result<Vec<_>, _>>()?;
        let mut shown = Vec::with_capacity(count);
        for signature in &signatures {
            let by = |verifier: &&ReadVerifier| {
                verifier
                    .key
                    .verify_with(verifier.hash, &message, signature)
                    .is_ok()
            };
            let verifier = verifiers.iter().find(by).ok_or(RequestError::Signature)?;
            shown.push(verifier.shown(signature));
        }
        Entry::dsse(&Hash::Sha256.digest(&payload), shown)
    }
}

struct ReadVerifier {
    key: PublicKey,
    hash: Hash,
    der: Vec<u8>,
    is_certificate: bool,
}

impl ReadVerifier {
    /// A signature that it verifies, as the entry shows it.
    fn shown<'a>(&'a self, signature: &'a [u8]) -> entry::Signature<'a> {
        let verifier = match self.is_certificate {
            true => entry::Verifier::Certificate(&self.der),
            false => entry::Verifier::PublicKey(&self.der),
        };
        entry::Signature::new(signature, verifier, self.key.scheme())
    }
}

impl Verifier {
    fn read(self) -> Result<ReadVerifier, RequestError> {
        let (der, is_certificate) = match (self.public_key, self.certificate) {
            (Some(RawBytes { raw_bytes }), None) => (decode(&raw_bytes)?, false),
            (None, Some(RawBytes { raw_bytes })) => (decode(&raw_bytes)?, true),
            _ => return Err(RequestError::Verifier),
        };
        let spki = match is_certificate {
            true => x509::parse_certificate(&der)
                .and_then(|certificate| certificate.spki_der())
                .map_err(|_| RequestError::Verifier)?,
            false => der.clone(),
        };
        let key = PublicKey::from_spki_der(&spki).map_err(|_| RequestError::Verifier)?;
        let key = match (key.scheme(), self.key_details.as_ref().and_then(scheme)) {
            // Only the request can say that the key is meant for the prehashed kind;
            // the pure one signs envelopes.
            (Scheme::Ed25519, Some(Scheme::Ed25519ph)) => key
                .with_scheme(Scheme::Ed25519ph)
                .map_err(|_| RequestError::Verifier)?,
            (Scheme::Ed25519, Some(Scheme::Ed25519) | None) => key,
            (found, Some(named)) if found == named => key,
            _ if self.key_details.is_none() => key,
            _ => return Err(RequestError::KeyDetails),
        };
        Ok(ReadVerifier {
            hash: key.scheme().hash(),
            key,
            der,
            is_certificate,
        })
    }
}

/// The scheme that a request names, as `PublicKeyDetails`: by name or by number.
fn scheme(details: &Value) -> Option<Scheme> {
    match details {
        Value::String(name) => Scheme::from_sigstore_name(name),
        Value::Number(number) => Some(match number.as_u64()? {
            5 => Scheme::EcdsaP256,
            7 => Scheme::Ed25519,
            8 => Scheme::Ed25519ph,
            9 => Scheme::Rsa2048,
            10 => Scheme::Rsa3072,
            11 => Scheme::Rsa4096,
            12 => Scheme::EcdsaP384,
            13 => Scheme::EcdsaP521,
            _ => return None,
        }),
        _ => None,
    }
}

fn decode(text: &str) -> Result<Vec<u8>, RequestError> {
    base64(text)
        .filter(|bytes| !bytes.is_empty())
        .ok_or(RequestError::Malformed)
}

#[cfg(test)]
mod tests;
