//! ID tokens: reading their claims, and checking them.
//!
//! RFC 7515 compact form and RFC 7519 claims. An [`UnverifiedToken`] is for
//! showing who a token says it is, and for the challenge that a certificate
//! authority wants signed; [`check`] is for issuers of certificates. Accepted
//! are ES256, ES384 and EdDSA; `none`, symmetric algorithms, `crit` headers and
//! keys inside the token are refused. Keys come in; nothing is fetched.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bulla_core::{Code, Diagnose, limits};
use bulla_crypto::{PublicKey, Scheme};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::verified::Verified;

mod keys;

pub use keys::KeySet;

/// What a token says. Times are whole seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// `iss`: who issued it.
    pub issuer: String,
    /// `sub`: whom it is about.
    pub subject: String,
    /// `aud`: for whom it is.
    pub audience: Vec<String>,
    /// `email`, if it has one.
    pub email: Option<String>,
    /// Whether the issuer says that the address was verified.
    pub email_verified: bool,
    /// `exp`.
    pub expires: Timestamp,
    /// `iat`.
    pub issued: Option<Timestamp>,
    /// `nbf`.
    pub not_before: Option<Timestamp>,
}

impl Claims {
    /// What a certificate authority wants signed as proof of possession: the
    /// address if there is one, otherwise the subject.
    pub fn challenge(&self) -> &str {
        self.email.as_deref().unwrap_or(&self.subject)
    }
}

/// A token that was read and not checked.
pub struct UnverifiedToken {
    claims: Claims,
    algorithm: String,
    key_id: Option<String>,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

/// What a token must say.
#[derive(Clone, Copy, Debug)]
pub struct TokenExpectation<'a> {
    /// The issuer, exactly.
    pub issuer: &'a str,
    /// One of its audiences, exactly.
    pub audience: &'a str,
}

/// How a token was proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenProof {
    /// The id of the issuer's key that signed it.
    pub key: Option<String>,
}

impl UnverifiedToken {
    /// Reads a token.
    ///
    /// # Errors
    /// [`JwtError::Size`], [`JwtError::Malformed`] or [`JwtError::Critical`].
    pub fn parse(token: &[u8]) -> Result<Self, JwtError> {
        if token.len() as u64 > limits::TOKEN_BYTES {
            return Err(JwtError::Size);
        }
        let text = std::str::from_utf8(token)
            .map_err(|_| JwtError::Malformed("it is not text"))?
            .trim();
        let (signed, signature) = text
            .rsplit_once('.')
            .ok_or(JwtError::Malformed("it has no three parts"))?;
        let (header, payload) = signed
            .split_once('.')
            .ok_or(JwtError::Malformed("it has no three parts"))?;
        let header: Header = part(header, "its header cannot be read")?;
        if header.crit.is_some() {
            return Err(JwtError::Critical);
        }
        let claims: RawClaims = part(payload, "its claims cannot be read")?;
        Ok(Self {
            claims: claims.into_claims()?,
            algorithm: header.alg,
            key_id: header.kid,
            signed: signed.as_bytes().to_vec(),
            signature: URL_SAFE_NO_PAD
                .decode(signature)
                .map_err(|_| JwtError::Malformed("its signature is not base64url"))?,
        })
    }

    /// What it says, unproven.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    fn is_signed_by(&self, key: &PublicKey) -> bool {
        let signature = match (self.algorithm.as_str(), key.scheme()) {
            ("ES256", Scheme::EcdsaP256) => ecdsa_der(&self.signature, 32),
            ("ES384", Scheme::EcdsaP384) => ecdsa_der(&self.signature, 48),
            ("EdDSA", Scheme::Ed25519) => Some(self.signature.clone()),
            _ => None,
        };
        signature.is_some_and(|signature| key.verify(&self.signed, &signature).is_ok())
    }
}

/// Checks a token: signature by one of the issuer's keys, issuer, audience and
/// times. Whether an address was verified is left to the caller.
///
/// # Errors
/// A [`JwtError`]; never says which part of a wrong signature was wrong.
pub fn check(
    token: &[u8],
    keys: &KeySet,
    expected: TokenExpectation<'_>,
    now: Timestamp,
) -> Result<Verified<Claims, TokenProof>, JwtError> {
    let token = UnverifiedToken::parse(token)?;
    let claims = &token.claims;
    if claims.issuer != expected.issuer {
        return Err(JwtError::Issuer {
            expected: expected.issuer.to_owned(),
            found: claims.issuer.clone(),
        });
    }
    let signer = keys
        .candidates(token.key_id.as_deref())
        .find(|(_, key)| token.is_signed_by(key))
        .ok_or(JwtError::Signature)?;
    if !claims.audience.iter().any(|a| a == expected.audience) {
        return Err(JwtError::Audience {
            expected: expected.audience.to_owned(),
        });
    }
    if claims.expires <= now {
        return Err(JwtError::Expired { at: claims.expires });
    }
    if let Some(at) = claims.not_before.filter(|start| *start > now) {
        return Err(JwtError::Early { at });
    }
    let proof = TokenProof {
        key: signer.0.clone(),
    };
    Ok(Verified::new(token.claims, proof))
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct RawClaims {
    iss: String,
    #[serde(default)]
    sub: String,
    #[serde(default)]
    aud: Audience,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: Flag,
    exp: Seconds,
    #[serde(default)]
    iat: Option<Seconds>,
    #[serde(default)]
    nbf: Option<Seconds>,
}

/// Some issuers write times with fractions.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Seconds {
    Whole(i64),
    Fraction(f64),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

/// Some issuers write truth as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Bool(bool),
    Text(String),
}

impl Default for Flag {
    fn default() -> Self {
        Self::Bool(false)
    }
}

impl RawClaims {
    fn into_claims(self) -> Result<Claims, JwtError> {
        let time = |seconds: Seconds| {
            let seconds = match seconds {
                Seconds::Whole(seconds) => seconds,
                Seconds::Fraction(seconds) => seconds as i64,
            };
            Timestamp::from_second(seconds)
                .map_err(|_| JwtError::Malformed("one of its times is out of range"))
        };
        if self.sub.is_empty() && self.email.is_none() {
            return Err(JwtError::Malformed("it names nobody"));
        }
        Ok(Claims {
            issuer: self.iss,
            subject: self.sub,
            audience: match self.aud {
                Audience::One(one) => vec![one],
                Audience::Many(many) => many,
            },
            email: self.email.filter(|email| !email.is_empty()),
            email_verified: match self.email_verified {
                Flag::Bool(flag) => flag,
                Flag::Text(text) => text == "true",
            },
            expires: time(self.exp)?,
            issued: self.iat.map(time).transpose()?,
            not_before: self.nbf.map(time).transpose()?,
        })
    }
}

fn part<T: serde::de::DeserializeOwned>(text: &str, what: &'static str) -> Result<T, JwtError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| JwtError::Malformed("a part is not base64url"))?;
    limits::parse_json(&bytes, limits::TOKEN_BYTES, "token").map_err(|_| JwtError::Malformed(what))
}

/// The two numbers of a JWS signature as the DER that X.509 uses.
fn ecdsa_der(raw: &[u8], size: usize) -> Option<Vec<u8>> {
    if raw.len() != 2 * size {
        return None;
    }
    let (r, s) = raw.split_at(size);
    let mut body = integer(r);
    body.extend(integer(s));
    let mut der = vec![0x30, u8::try_from(body.len()).ok().filter(|n| *n < 0x80)?];
    der.extend(body);
    Some(der)
}

fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let mut digits = number.get(zeros..).unwrap_or_default().to_vec();
    if digits.first().is_none_or(|byte| *byte >= 0x80) {
        digits.insert(0, 0);
    }
    let mut der = vec![0x02, digits.len() as u8];
    der.extend(digits);
    der
}

/// What can be wrong with a token. Never shows the token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// Meant for somebody else.
    #[error("the token is not for {expected:?}")]
    Audience {
        /// For whom it should be.
        expected: String,
    },
    /// A header that must be understood and is not.
    #[error("the token demands an extension that is not understood")]
    Critical,
    /// Not yet valid.
    #[error("the token is valid only from {at}")]
    Early {
        /// From when on.
        at: Timestamp,
    },
    /// No longer valid.
    #[error("the token expired at {at}")]
    Expired {
        /// When.
        at: Timestamp,
    },
    /// Issued by somebody else.
    #[error("the token is from {found:?}, expected {expected:?}")]
    Issuer {
        /// From whom it should be.
        expected: String,
        /// From whom it is.
        found: String,
    },
    /// A key set that cannot be read.
    #[error("the issuer's key set cannot be read: {0}")]
    Keys(#[source] limits::LimitError),
    /// Not a token.
    #[error("this is not an ID token: {0}")]
    Malformed(&'static str),
    /// Not signed by the issuer.
    #[error("the token is not signed by one of its issuer's keys")]
    Signature,
    /// Too large.
    #[error("the token is larger than {} bytes", limits::TOKEN_BYTES)]
    Size,
}

impl Diagnose for JwtError {
    fn code(&self) -> Code {
        match self {
            Self::Audience { .. } => Code("TRUST-0301"),
            Self::Critical => Code("TRUST-0302"),
            Self::Early { .. } => Code("TRUST-0303"),
            Self::Expired { .. } => Code("TRUST-0304"),
            Self::Issuer { .. } => Code("TRUST-0305"),
            Self::Keys(_) => Code("TRUST-0306"),
            Self::Malformed(_) => Code("TRUST-0307"),
            Self::Signature => Code("TRUST-0308"),
            Self::Size => Code("TRUST-0309"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some("get a fresh token: `bulla token --email YOU`".into())
    }
}

#[cfg(test)]
mod tests;
