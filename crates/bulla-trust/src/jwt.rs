//! ID tokens: reading their claims, and checking them.
//!
//! RFC 7515 compact form and RFC 7519 claims. An [`UnverifiedToken`] is for
//! showing who a token says it is, and for the challenge that a certificate
//! authority wants signed; [`check`] is for issuers of certificates. Each issuer
//! has a list of [`Algorithm`]s; `none`, symmetric algorithms, `crit` headers and
//! keys inside the token are refused. Keys come in; nothing is fetched.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bulla_core::{Code, Diagnose, limits};
use bulla_crypto::PublicKey;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::verified::Verified;

mod algorithm;
mod claims;
mod keys;

pub use algorithm::Algorithm;
pub use claims::{ClaimSet, Claims};
pub use keys::KeySet;

/// How far an issuer's clock may be ahead of ours where a token says from when
/// it is valid.
const NOT_BEFORE_LEEWAY: SignedDuration = SignedDuration::from_secs(30);
/// The same for when it was issued, which says less.
const ISSUED_LEEWAY: SignedDuration = SignedDuration::from_mins(5);

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
    /// How it may be signed.
    pub algorithms: &'a [Algorithm],
}

impl<'a> TokenExpectation<'a> {
    /// A token of `issuer` for `audience`, signed in any way that is known.
    pub const fn new(issuer: &'a str, audience: &'a str) -> Self {
        Self {
            issuer,
            audience,
            algorithms: &Algorithm::ALL,
        }
    }
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
        Ok(Self {
            claims: Claims::parse(&decode(payload)?)?,
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

    /// The id of the key that it says it is signed with.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The bytes under its signature: what tells one token from another. The
    /// signature does not, since who has one can make a second that is as good.
    pub fn signing_input(&self) -> &[u8] {
        &self.signed
    }

    fn is_signed_by(&self, key: &PublicKey, algorithm: Algorithm) -> bool {
        algorithm.verifies(key, &self.signed, &self.signature)
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
    let algorithm = Algorithm::from_name(&token.algorithm)
        .filter(|algorithm| expected.algorithms.contains(algorithm))
        .ok_or(JwtError::Algorithm)?;
    let signer = keys
        .candidates(token.key_id.as_deref(), algorithm)
        .find(|(_, key)| token.is_signed_by(key, algorithm))
        .ok_or(JwtError::Signature)?;
    if !claims.audience.iter().any(|a| a == expected.audience) {
        return Err(JwtError::Audience {
            expected: expected.audience.to_owned(),
        });
    }
    if claims.expires <= now {
        return Err(JwtError::Expired { at: claims.expires });
    }
    let early = |at: Option<Timestamp>, leeway| at.filter(|at| at.duration_since(now) > leeway);
    if let Some(at) =
        early(claims.not_before, NOT_BEFORE_LEEWAY).or_else(|| early(claims.issued, ISSUED_LEEWAY))
    {
        return Err(JwtError::Early { at });
    }
    let proof = TokenProof {
        key: signer.0.map(str::to_owned),
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

fn part<T: serde::de::DeserializeOwned>(text: &str, what: &'static str) -> Result<T, JwtError> {
    limits::parse_json(&decode(text)?, limits::TOKEN_BYTES, "token")
        .map_err(|_| JwtError::Malformed(what))
}

fn decode(text: &str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| JwtError::Malformed("a part is not base64url"))
}

/// What can be wrong with a token. Never shows the token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// Signed in a way that is not accepted of its issuer.
    #[error("the token is signed in a way that is not accepted of its issuer")]
    Algorithm,
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
            Self::Algorithm => Code("TRUST-0310"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some("get a fresh token: `bulla token --email YOU`".into())
    }
}

#[cfg(test)]
mod tests;
