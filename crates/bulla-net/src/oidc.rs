//! Where ID tokens come from, one source per file. A token is a secret: it is
//! held as [`Token`], which shows nothing of itself.
//!
//! Ambient sources are tried by [`detect`] in a fixed order; a person logs in
//! with [`browser()`] or [`device()`]. What the sources give is read, not verified:
//! whoever issues a certificate for it does that. Expired tokens, and tokens for
//! another audience than was asked for, are refused here, where it can be said
//! whose fault it is.

use bulla_trust::{
    IdentityExpectation,
    jwt::{JwtError, UnverifiedToken},
};
use jiff::Timestamp;

mod ambient;
pub mod browser;
mod buildkite;
mod client_credentials;
mod device;
mod error;
mod file;
mod github;
mod issuer;
#[cfg(unix)]
pub mod socket;
#[cfg(unix)]
mod spiffe;

pub use ambient::{Ambient, Found, Provider, detect};
pub use browser::browser;
pub use client_credentials::client_credentials;
pub use device::device;
pub use error::OidcError;
pub use file::{from_file, given};
pub use issuer::{Login, Notice, Notify, Secret};

/// An ID token. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Wraps a token that was got elsewhere: a file, an environment variable.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().trim().to_owned())
    }

    /// Whom a certificate for this token must name, as far as the token says:
    /// its address, or its subject if that is a name below the issuer's URL.
    /// Authorities make other names out of the tokens of build services.
    /// Nothing is proven by it.
    ///
    /// # Errors
    /// [`JwtError`] if the token cannot be read.
    pub fn promises(&self) -> Result<Option<IdentityExpectation>, JwtError> {
        let token = UnverifiedToken::parse(self.0.as_bytes())?;
        let claims = token.claims();
        let own_name = claims
            .subject
            .strip_prefix(&claims.issuer)
            .is_some_and(|rest| rest.starts_with('/'));
        let named = claims.email.is_some() || own_name;
        Ok(named.then(|| IdentityExpectation::exact(&claims.issuer, claims.challenge())))
    }

    /// Refuses a token that is of no use: one that expired, or one for another
    /// audience than was asked for.
    ///
    /// # Errors
    /// [`OidcError::Expired`], [`OidcError::Audience`] or [`OidcError::Token`].
    pub fn useful(self, audience: Option<&str>, now: Timestamp) -> Result<Self, OidcError> {
        let token = UnverifiedToken::parse(self.0.as_bytes())?;
        let claims = token.claims();
        if claims.expires <= now {
            return Err(OidcError::Expired { at: claims.expires });
        }
        if let Some(wanted) = audience
            && !claims.audience.iter().any(|found| found == wanted)
        {
            return Err(OidcError::Audience {
                expected: wanted.to_owned(),
            });
        }
        Ok(self)
    }

    /// The token itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}
