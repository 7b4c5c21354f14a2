//! Tokens that lie somewhere: given as text, or in a file.
//!
//! A Kubernetes projected token is a file that the kubelet renews, so files are
//! read each time they are asked for.

use bulla_core::limits;
use bulla_trust::jwt::UnverifiedToken;
use std::{fs::File, path::Path};

use super::{OidcError, Token};

/// A token as `--identity-token` gives it: the token itself, or the path of a
/// file that holds it.
///
/// # Errors
/// [`OidcError`] if it is neither.
pub fn given(text_or_path: &str) -> Result<Token, OidcError> {
    let text = text_or_path.trim();
    if UnverifiedToken::parse(text.as_bytes()).is_ok() {
        return Ok(Token::new(text));
    }
    let path = Path::new(text);
    // Whatever is no file is shown as a bad token, and not as a path: it may be
    // a token with a slip in it.
    if !path.is_file() {
        UnverifiedToken::parse(text.as_bytes())?;
    }
    from_file(path)
}

/// The token in a file.
///
/// # Errors
/// [`OidcError`] if it cannot be read, or holds something else.
pub fn from_file(path: &Path) -> Result<Token, OidcError> {
    let io = |source| OidcError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(io)?;
    // With room for white space around it.
    let limit = limits::TOKEN_BYTES + 1024;
    let bytes =
        limits::read_bounded(file, limit, "token file").map_err(|source| OidcError::Limit {
            from: "the token file",
            source,
        })?;
    UnverifiedToken::parse(bytes.trim_ascii())?;
    Ok(Token::new(String::from_utf8_lossy(&bytes)))
}
