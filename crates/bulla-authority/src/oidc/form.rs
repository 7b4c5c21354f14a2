//! Forms and queries as OAuth clients send them: `application/x-www-form-urlencoded`.
//!
//! Strict where leniency would let two parties read one request differently: a
//! wrong escape, text that is not UTF-8, control characters and too many fields
//! are refused, and so is a parameter that stands there twice where RFC 6749
//! §3.1 allows one. A parameter without a value counts as absent, as it says too.

use super::oauth_error::OAuthError;

/// Bytes of one form: two tokens of the largest size fit.
pub const FORM_BYTES: usize = 160 << 10;
/// Fields of one form.
const FIELDS: usize = 64;

/// The fields of a request, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    /// Reads a body or query.
    ///
    /// # Errors
    /// `invalid_request` for anything that is not such a form, or too large.
    pub fn parse(bytes: &[u8]) -> Result<Self, OAuthError> {
        if bytes.len() > FORM_BYTES {
            return Err(OAuthError::request("the request is too large"));
        }
        let mut fields = Vec::new();
        for part in bytes.split(|b| *b == b'&').filter(|part| !part.is_empty()) {
            if fields.len() == FIELDS {
                return Err(OAuthError::request("the request has too many parameters"));
            }
            let mut halves = part.splitn(2, |b| *b == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            fields.push((name, value));
        }
        Ok(Self { fields })
    }

    /// Writes fields as a form.
    pub fn encode<T: AsRef<str>>(fields: &[(T, T)]) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            form.append_pair(name.as_ref(), value.as_ref());
        }
        form.finish()
    }

    /// The value of `name`; `None` if it is absent or empty.
    ///
    /// # Errors
    /// `invalid_request` if it is there twice.
    pub fn one(&self, name: &'static str) -> Result<Option<&str>, OAuthError> {
        let mut found = self.all(name);
        let first = found.next();
        if found.next().is_some() {
            return Err(OAuthError::repeated(name));
        }
        Ok(first)
    }

    /// As [`Self::one`], of at most `limit` bytes.
    ///
    /// # Errors
    /// `invalid_request` if it is there twice, or longer.
    pub fn short(&self, name: &'static str, limit: usize) -> Result<Option<&str>, OAuthError> {
        match self.one(name)? {
            Some(value) if value.len() > limit => Err(OAuthError::long(name)),
            value => Ok(value),
        }
    }

    /// As [`Self::short`], and it must be there.
    ///
    /// # Errors
    /// `invalid_request` if it is absent, there twice, or longer.
    pub fn need(&self, name: &'static str, limit: usize) -> Result<&str, OAuthError> {
        self.short(name, limit)?
            .ok_or_else(|| OAuthError::missing(name))
    }

    /// Every value of `name` that is not empty.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields
            .iter()
            .filter(move |(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }
}

fn decode(text: &[u8]) -> Result<String, OAuthError> {
    let malformed = || OAuthError::request("the request is not a form in UTF-8");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || {
                    let digit = char::from(rest.next()?).to_digit(16)?;
                    u8::try_from(digit).ok()
                };
                let (high, low) = (digit(), digit());
                high.zip(low)
                    .map(|(high, low)| high << 4 | low)
                    .ok_or_else(malformed)?
            }
            _ => byte,
        });
    }
    let text = String::from_utf8(bytes).map_err(|_| malformed())?;
    if text.chars().any(char::is_control) {
        return Err(OAuthError::request(
            "the request has control characters in it",
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
