//! What a token says (RFC 7519 §4): the claims that every check reads, and all
//! others as they stand.
//!
//! A claim that occurs twice makes the token unreadable: readers disagree about
//! which one counts. Numbers keep their exact decimals, since they become names
//! in certificates.

use bulla_core::limits;
use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap, fmt};

use super::JwtError;

/// Claims of one token.
const CLAIMS: usize = 256;
/// Digits of a number, once written out.
const DIGITS: usize = 64;

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
    /// `jti`: the token's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// `nonce`: what a login handed to the issuer.
    #[serde(skip)]
    pub nonce: Option<String>,
    /// Every claim, these ones included.
    #[serde(skip)]
    pub all: ClaimSet,
}

impl Claims {
    /// What a certificate authority wants signed as proof of possession: the
    /// address if there is one, otherwise the subject.
    pub fn challenge(&self) -> &str {
        self.email.as_deref().unwrap_or(&self.subject)
    }

    pub(super) fn parse(json: &[u8]) -> Result<Self, JwtError> {
        let unreadable = |_| JwtError::Malformed("its claims cannot be read");
        let raw: RawClaims =
            limits::parse_json(json, limits::TOKEN_BYTES, "token").map_err(unreadable)?;
        let all: ClaimSet =
            limits::parse_json(json, limits::TOKEN_BYTES, "token").map_err(unreadable)?;
        raw.into_claims(all)
    }
}

/// All claims of a token by name, as their JSON stands in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimSet(BTreeMap<String, String>);

impl ClaimSet {
    /// A claim as text: strings, `true` and `false`, and numbers as exact
    /// decimals. Other kinds, and `null`, are no text.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        let json = self.0.get(name)?.as_str();
        match json.as_bytes().first()? {
            b'"' => serde_json::from_str::<String>(json).ok().map(Cow::Owned),
            b't' | b'f' => Some(Cow::Borrowed(json)),
            b'-' | b'0'..=b'9' => decimal(json),
            _ => None,
        }
    }

    /// A claim of any kind.
    pub fn json(&self, name: &str) -> Option<serde_json::Value> {
        serde_json::from_str(self.0.get(name)?).ok()
    }
}

impl<'de> Deserialize<'de> for ClaimSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = ClaimSet;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of claims")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ClaimSet, A::Error> {
                let mut claims = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    let full = claims.len() >= CLAIMS;
                    if full || claims.insert(name, value.get().to_owned()).is_some() {
                        return Err(serde::de::Error::custom(
                            "a claim occurs twice, or there are too many",
                        ));
                    }
                }
                Ok(ClaimSet(claims))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A JSON number without exponent and without needless zeros.
fn decimal(json: &str) -> Option<Cow<'_, str>> {
    if json.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return (json.len() <= DIGITS).then_some(Cow::Borrowed(json));
    }
    let (sign, number) = match json.strip_prefix('-') {
        Some(number) => ("-", number),
        None => ("", json),
    };
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let limit = DIGITS as i32;
    if digits.len() > DIGITS || !(-limit..=limit).contains(&point) {
        return None;
    }
    let before = point.max(0) as usize;
    let leading = "0".repeat((-point).max(0) as usize);
    let mut padded = format!("{leading}{digits}");
    while padded.len() < before {
        padded.push('0');
    }
    let (whole, fraction) = padded.split_at_checked(before)?;
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    Some(Cow::Owned(match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }))
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
    #[serde(default)]
    jti: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
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
    fn into_claims(self, all: ClaimSet) -> Result<Claims, JwtError> {
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
            token_id: self.jti.filter(|id| !id.is_empty()),
            nonce: self.nonce,
            all,
        })
    }
}
