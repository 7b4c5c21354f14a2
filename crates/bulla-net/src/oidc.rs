//! Where ID tokens come from, one source per file. A token is a secret: it is
//! held as [`Token`], which shows nothing of itself.

use bulla_trust::{
    IdentityExpectation,
    jwt::{JwtError, UnverifiedToken},
};

#[cfg(unix)]
pub mod socket;
mod shim;
pub use shim::*;

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
