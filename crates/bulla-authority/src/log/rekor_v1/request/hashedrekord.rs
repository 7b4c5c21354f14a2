//! hashedrekord 0.0.1: a signature over the digest of an artifact.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::Hash;
use serde::Deserialize;
use serde_json::json;

use super::{Content, Verifier, decode};
use crate::log::rekor_v2::RequestError;

#[derive(Deserialize)]
pub(super) struct HashedRekord {
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
    public_key: PublicKeyContent,
}

#[derive(Deserialize)]
struct PublicKeyContent {
    content: String,
}

pub(super) fn content(request: HashedRekord) -> Result<Content, RequestError> {
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
    let verifier = Verifier::read(&request.signature.public_key.content)?;
    verifier.verify_digest(hash, &digest, &signature)?;
    Ok(Content::of(json!({
        // One digest has one spelling, or the same entry could be logged twice.
        "data": {"hash": {"algorithm": algorithm, "value": hex::encode(digest)}},
        "signature": {
            "content": STANDARD.encode(signature),
            "publicKey": {"content": STANDARD.encode(verifier.pem())},
        },
    })))
}
