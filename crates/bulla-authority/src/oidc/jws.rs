//! Compact JWS with ES256 (RFC 7515, RFC 7518 §3.4), one key, no choice of
//! algorithm: what the header says can only match what is expected.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use bulla_core::limits;
use bulla_crypto::{PublicKey, Signer};
use der::{
    Decode, Encode, Sequence,
    asn1::{Uint, UintRef},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::OidcError;

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: String,
    #[serde(default)]
    typ: String,
}

/// Signs `claims`.
///
/// # Errors
/// [`OidcError::Sign`] without randomness.
pub fn sign(claims: &impl Serialize, key: &dyn Signer, key_id: &str) -> Result<String, OidcError> {
    let header = Header {
        alg: "ES256".into(),
        kid: key_id.to_owned(),
        typ: "JWT".into(),
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

/// Verifies a token by `key` and gives its claims.
///
/// # Errors
/// [`OidcError::Malformed`] or [`OidcError::Signature`].
pub fn verify<T: DeserializeOwned>(
    token: &str,
    key: &PublicKey,
    key_id: &str,
) -> Result<T, OidcError> {
    if token.len() as u64 > limits::TOKEN_BYTES {
        return Err(OidcError::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(OidcError::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(OidcError::Malformed)?;
    let decode = |text: &str| BASE64.decode(text).map_err(|_| OidcError::Malformed);
    let header: Header = parse(&decode(header)?)?;
    if header.alg != "ES256" {
        return Err(OidcError::Malformed);
    }
    if header.kid != key_id {
        return Err(OidcError::Signature);
    }
    let signature = der_from_fixed(&decode(signature)?).ok_or(OidcError::Malformed)?;
    key.verify(signed.as_bytes(), &signature)
        .map_err(|_| OidcError::Signature)?;
    parse(&decode(claims)?)
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, OidcError> {
    limits::parse_json(json, limits::TOKEN_BYTES, "ID token").map_err(|_| OidcError::Malformed)
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

/// The DER form from `r || s`.
fn der_from_fixed(fixed: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = fixed.split_at_checked(32).filter(|(_, s)| s.len() == 32)?;
    let uint = |bytes| {
        UintRef::new(bytes)
            .ok()
            .and_then(|uint| Uint::new(uint.as_bytes()).ok())
    };
    EcdsaSignature {
        r: uint(r)?,
        s: uint(s)?,
    }
    .to_der()
    .ok()
}
