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

/// Why a token was not minted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OidcError {
    /// For nobody.
    #[error("the audience is empty or malformed")]
    Audience,
    /// Not an address that a certificate can carry.
    #[error("this is not an email address")]
    Email,
    /// Not ECDSA P-256.
    #[error("an issuer's key must be ECDSA P-256")]
    Key,
    /// Not a request of the form that is read, or claims that cannot be written.
    #[error("the request or the claims cannot be encoded")]
    Malformed,
    /// No randomness.
    #[error(transparent)]
    Sign(#[from] KeyError),
}

impl Diagnose for OidcError {
    fn code(&self) -> Code {
        match self {
            Self::Audience => Code("AUTH-0101"),
            Self::Email => Code("AUTH-0102"),
            Self::Key => Code("AUTH-0105"),
            Self::Malformed => Code("AUTH-0106"),
            Self::Sign(_) => Code("AUTH-0107"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Email => Some("bulla token --email you@example.com".into()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
