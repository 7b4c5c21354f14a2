//! The claims of a token that is minted on the socket.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::TOKEN_LIFE;

/// A service of the instance that signs under a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Signs provenance.
    Builder,
    /// Signs what it received.
    Registry,
    /// Signs revocations.
    Revoker,
    /// Signs inventories and scans.
    Scanner,
}

impl Service {
    /// The last part of its subject.
    pub fn name(self) -> &'static str {
        match self {
            Self::Builder => "builder",
            Self::Registry => "registry",
            Self::Revoker => "revoker",
            Self::Scanner => "scanner",
        }
    }
}

/// What an ID token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// The issuer's URL.
    pub iss: String,
    /// An email address, or a service's URI.
    pub sub: String,
    /// Whom it is for.
    pub aud: String,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// From when it is valid.
    pub nbf: i64,
    /// Until when it is valid.
    pub exp: i64,
    /// The address, in a person's token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Always true where there is an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
}

impl Claims {
    pub(super) fn person(issuer: &str, email: &str, audience: &str, now: Timestamp) -> Self {
        let iat = now.as_second();
        Self {
            iss: issuer.to_owned(),
            sub: email.to_owned(),
            aud: audience.to_owned(),
            iat,
            nbf: iat,
            exp: iat + TOKEN_LIFE,
            email: Some(email.to_owned()),
            email_verified: Some(true),
        }
    }

    pub(super) fn service(issuer: &str, subject: String, now: Timestamp) -> Self {
        let person = Self::person(issuer, "", "sigstore", now);
        Self {
            sub: subject,
            email: None,
            email_verified: None,
            ..person
        }
    }
}

/// Whether `text` is an address that a certificate may carry: ASCII, one `@`,
/// a dot-atom before it and a host name behind it.
pub fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.split_once('@') else {
        return false;
    };
    let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
    let dots = |part: &str| !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
    text.len() <= 254
        && !local.is_empty()
        && local.len() <= 64
        && local.bytes().all(atom)
        && dots(local)
        && !host.is_empty()
        && dots(host)
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}
