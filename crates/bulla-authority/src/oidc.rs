//! The embedded OIDC issuers: ID tokens that the CA turns into certificates.
//!
//! Three, with three URLs and keys of their own, so that none can pass for
//! another: asserted identities and the services' own, minted over the Unix
//! [`socket`] only and never over HTTP, and [`login`] for people and machines that
//! prove who they are. Tokens are ES256 and live ten minutes at most.

pub mod attempts;
pub mod client;
pub mod code;
pub mod connector;
pub mod cookie;
pub mod device;
pub mod expiring;
pub mod form;
pub mod identity;
pub mod jws;
pub mod key_ring;
pub mod login;
pub mod login_error;
pub mod manage;
pub mod oauth_error;
pub mod page;
pub mod password;
pub mod redirect;
pub mod routes;
pub mod session;
pub mod settings;
pub mod single_use;
pub mod socket;
pub mod throttle;
pub mod token;
pub mod totp;
pub mod user;

use bulla_core::{Code, Diagnose};
use bulla_crypto::{KeyError, Scheme, Signer};
use jiff::Timestamp;
use std::sync::Arc;

pub use login::Login;
pub use login_error::LoginError;
pub use settings::OidcSettings;
pub use single_use::{SingleUse, TokenUse};
pub use token::{Claims, Service};

/// How long a token lives, in seconds.
pub const TOKEN_LIFE: i64 = 600;

/// One issuer: a URL and the key that signs for it.
pub struct Issuer {
    url: String,
    key: Arc<dyn Signer>,
    key_id: String,
}

impl Issuer {
    /// An issuer. `key` must be ECDSA P-256, since tokens are ES256.
    ///
    /// # Errors
    /// [`OidcError::Key`] if it is another kind of key.
    pub fn new(url: impl Into<String>, key: impl Signer + 'static) -> Result<Self, OidcError> {
        if key.scheme() != Scheme::EcdsaP256 {
            return Err(OidcError::Key);
        }
        let key_id = key.public().id().short().to_owned();
        Ok(Self {
            url: url.into(),
            key: Arc::new(key),
            key_id,
        })
    }

    /// Its URL, exactly as tokens carry it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The subject of one of the instance's own services: `ISSUER/builder`.
    pub fn service_subject(&self, service: Service) -> String {
        format!("{}/{}", self.url, service.name())
    }

    /// A token that asserts an email address.
    ///
    /// # Errors
    /// [`OidcError::Email`] if it is not an address, [`OidcError::Audience`].
    pub fn mint_person(
        &self,
        email: &str,
        audience: &str,
        now: Timestamp,
    ) -> Result<String, OidcError> {
        if !token::is_email(email) {
            return Err(OidcError::Email);
        }
        self.mint(&Claims::person(&self.url, email, checked(audience)?, now))
    }

    /// A token of one of the instance's own services.
    ///
    /// # Errors
    /// [`OidcError::Sign`] without randomness.
    pub fn mint_service(&self, service: Service, now: Timestamp) -> Result<String, OidcError> {
        self.mint(&Claims::service(
            &self.url,
            self.service_subject(service),
            now,
        ))
    }

    fn mint(&self, claims: &Claims) -> Result<String, OidcError> {
        jws::sign(claims, &self.key, &self.key_id)
    }

    /// Checks a token: by this issuer, for `audience`, valid now.
    ///
    /// # Errors
    /// [`OidcError`] that says which check failed.
    pub fn check(&self, token: &str, audience: &str, now: Timestamp) -> Result<Claims, OidcError> {
        let claims: Claims = jws::verify(token, self.key.public(), &self.key_id)?;
        claims.check(&self.url, audience, now)?;
        Ok(claims)
    }

    pub(crate) fn key(&self) -> &dyn Signer {
        &self.key
    }

    pub(crate) fn key_id(&self) -> &str {
        &self.key_id
    }
}

fn checked(audience: &str) -> Result<&str, OidcError> {
    let fits = !audience.is_empty()
        && audience.len() <= 255
        && audience.bytes().all(|b| b.is_ascii_graphic());
    if fits {
        Ok(audience)
    } else {
        Err(OidcError::Audience)
    }
}

/// Why a token was not minted, or not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OidcError {
    /// For somebody else, or for nobody.
    #[error("the audience is empty, malformed, or not the one that is asked for")]
    Audience,
    /// Not an address that a certificate can carry.
    #[error("this is not an email address")]
    Email,
    /// Too old, or not valid yet.
    #[error("the token is expired or not valid yet")]
    Expired,
    /// By another issuer.
    #[error("the token is by another issuer")]
    Issuer,
    /// Not ECDSA P-256.
    #[error("an issuer's key must be ECDSA P-256")]
    Key,
    /// Not a token of the form that is read.
    #[error("this is not an ES256 ID token")]
    Malformed,
    /// No randomness.
    #[error(transparent)]
    Sign(#[from] KeyError),
    /// Not by the issuer's key.
    #[error("the token's signature is not by the issuer's key")]
    Signature,
    /// The subject does not fit the token.
    #[error("the token's subject and email do not fit together")]
    Subject,
}

impl Diagnose for OidcError {
    fn code(&self) -> Code {
        match self {
            Self::Audience => Code("AUTH-0101"),
            Self::Email => Code("AUTH-0102"),
            Self::Expired => Code("AUTH-0103"),
            Self::Issuer => Code("AUTH-0104"),
            Self::Key => Code("AUTH-0105"),
            Self::Malformed => Code("AUTH-0106"),
            Self::Sign(_) => Code("AUTH-0107"),
            Self::Signature => Code("AUTH-0108"),
            Self::Subject => Code("AUTH-0109"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Email => Some("bulla token --email you@example.com".into()),
            Self::Expired => Some("get a new one: bulla token".into()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
