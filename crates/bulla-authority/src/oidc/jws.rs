//! Compact JWS with ES256, made (RFC 7515, RFC 7518 §3.4). What reads and checks
//! them is `bulla_trust::jwt`, for our tokens as for anybody's.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use bulla_crypto::Signer;
use der::{Decode as _, Sequence, asn1::Uint};
use serde::Serialize;

use super::OidcError;

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'static str,
}

/// Signs `claims`.
///
/// # Errors
/// [`OidcError::Sign`] without randomness.
pub fn sign(claims: &impl Serialize, key: &dyn Signer, key_id: &str) -> Result<String, OidcError> {
    let header = Header {
        alg: "ES256",
        kid: key_id,
        typ: "JWT",
    };
    let encode = |json: Result<Vec<u8>, _>| {
        json.map(|bytes| BASE64.encode(bytes))
            .map_err(|_: serde_json::Error| OidcError::Malformed)
    };
    let signed = format!(
        "{}.{}",
        encode(serde_json::to_vec(&header))?,
        encode(serde_json::to_vec(claims))?
    );
    let signature = fixed_from_der(&key.sign(signed.as_bytes())?).ok_or(OidcError::Malformed)?;
    Ok(format!("{signed}.{}", BASE64.encode(signature)))
}

#[derive(Sequence)]
struct EcdsaSignature {
    r: Uint,
    s: Uint,
}

/// `r || s`, 32 bytes each, from the DER form.
fn fixed_from_der(signature: &[u8]) -> Option<[u8; 64]> {
    let signature = EcdsaSignature::from_der(signature).ok()?;
    let mut fixed = [0u8; 64];
    for (half, value) in fixed.chunks_exact_mut(32).zip([&signature.r, &signature.s]) {
        let bytes = value.as_bytes();
        half.get_mut(32usize.checked_sub(bytes.len())?..)?
            .copy_from_slice(bytes);
    }
    Some(fixed)
}
