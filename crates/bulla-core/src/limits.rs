//! Bounds on everything that comes from outside (rule R4): sizes in bytes,
//! counts, depths. One place, so that a reviewer can see them together.

use serde::de::DeserializeOwned;
use std::io::{self, Read};

use crate::diagnose::{Code, Diagnose};

/// An OCI manifest or index.
pub const MANIFEST_BYTES: u64 = 4 << 20;
/// A Sigstore bundle, DSSE envelope or statement.
pub const BUNDLE_BYTES: u64 = 16 << 20;
/// A trust root, signing config or policy document.
pub const TRUST_DOCUMENT_BYTES: u64 = 4 << 20;
/// An answer of a certificate authority, log or timestamp authority.
pub const SERVICE_ANSWER_BYTES: u64 = 1 << 20;
/// A request body sent to one of our services, blobs aside.
pub const REQUEST_BYTES: u64 = 4 << 20;
/// An ID token.
pub const TOKEN_BYTES: u64 = 64 << 10;
/// Transparency-log entries, and timestamps, in one bundle.
pub const LOG_ENTRIES: usize = 32;
/// Subjects of one statement.
pub const SUBJECTS: usize = 10_000;
/// A leaf of a transparency log (tlog-tiles: a 16-bit length).
pub const LOG_LEAF_BYTES: usize = 65_535;
/// Referrers that are looked at for one subject.
pub const REFERRERS: usize = 1_000;
/// Nesting of a JSON document.
pub const JSON_DEPTH: usize = 64;
/// Entries of one layer.
pub const LAYER_ENTRIES: usize = 2_000_000;
/// Bytes of one layer after decompression.
pub const LAYER_BYTES: u64 = 64 << 30;
/// A `bulla.toml`.
pub const CONFIG_BYTES: u64 = 1 << 20;

/// Reads at most `limit` bytes; more is an error, never a cut.
///
/// # Errors
/// [`LimitError::Size`] beyond the limit, [`LimitError::Read`] if reading fails.
pub fn read_bounded(
    reader: impl Read,
    limit: u64,
    what: &'static str,
) -> Result<Vec<u8>, LimitError> {
    let mut bytes = Vec::new();
    reader
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|source| LimitError::Read { what, source })?;
    if bytes.len() as u64 > limit {
        return Err(LimitError::Size { what, limit });
    }
    Ok(bytes)
}

/// Parses JSON of bounded size and depth into `T`.
///
/// # Errors
/// [`LimitError::Size`], [`LimitError::Depth`] or [`LimitError::Json`].
pub fn parse_json<T: DeserializeOwned>(
    bytes: &[u8],
    limit: u64,
    what: &'static str,
) -> Result<T, LimitError> {
    if bytes.len() as u64 > limit {
        return Err(LimitError::Size { what, limit });
    }
    if depth_of(bytes) > JSON_DEPTH {
        return Err(LimitError::Depth { what });
    }
    serde_json::from_slice(bytes).map_err(|source| LimitError::Json { what, source })
}

/// The deepest nesting of arrays and objects, strings skipped: most of what a
/// document of ours holds is base64 in strings, which is leapt over.
fn depth_of(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut at) = (0usize, 0usize, 0usize);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => at += string_length(&bytes[at..]),
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The bytes of a string after its first quote, the last quote among them.
///
/// Searched without vector instructions: to ask whether the processor has them takes
/// longer, where it runs virtually, than a bundle does.
fn string_length(bytes: &[u8]) -> usize {
    let either = memchr::arch::all::memchr::Two::new(b'"', b'\\');
    let mut at = 0;
    while let Some(found) = either.find(&bytes[at..]) {
        let escape = bytes[at + found] == b'\\';
        at += found + 1;
        if !escape {
            return at;
        }
        // Whatever is escaped does not end the string.
        at = (at + 1).min(bytes.len());
    }
    bytes.len()
}

/// An input beyond a bound, or not readable at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// More than a bound.
    #[error("{what}: more than {limit}")]
    Count {
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// Nested too deeply.
    #[error("{what} is nested deeper than {JSON_DEPTH} levels")]
    Depth {
        /// The kind of document.
        what: &'static str,
    },
    /// Not the JSON that was expected.
    #[error("{what} is not valid: {source}")]
    Json {
        /// The kind of document.
        what: &'static str,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The source failed.
    #[error("{what} could not be read: {source}")]
    Read {
        /// The kind of document.
        what: &'static str,
        /// The failure.
        source: io::Error,
    },
    /// Too large.
    #[error("{what} is larger than {limit} bytes")]
    Size {
        /// The kind of document.
        what: &'static str,
        /// The bound in bytes.
        limit: u64,
    },
}

impl Diagnose for LimitError {
    fn code(&self) -> Code {
        match self {
            Self::Depth { .. } => Code("CORE-0010"),
            Self::Json { .. } => Code("CORE-0011"),
            Self::Read { .. } => Code("CORE-0012"),
            Self::Size { .. } => Code("CORE-0013"),
            Self::Count { .. } => Code("CORE-0014"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_too_deep_or_too_large() {
        let deep = [vec![b'['; 65], vec![b']'; 65]].concat();
        let parse = |bytes: &[u8], limit| parse_json::<serde_json::Value>(bytes, limit, "test");
        assert!(matches!(parse(&deep, 1000), Err(LimitError::Depth { .. })));
        assert!(matches!(parse(b"[1,2]", 3), Err(LimitError::Size { .. })));
        assert!(parse(br#"{"brackets in a string": "[[[[\"[[["}"#, 100).is_ok());
        // What a string holds does not count; what follows it does, however it ends.
        for string in [r#""[\\""#, r#""\"[""#, r#""[\\\"[""#, r#""""#] {
            let nested = |depth| format!("[{string},{}{}]", "[".repeat(depth), "]".repeat(depth));
            assert!(parse(nested(63).as_bytes(), 1000).is_ok(), "{string}");
            let deep = parse(nested(64).as_bytes(), 1000);
            assert!(matches!(deep, Err(LimitError::Depth { .. })), "{string}");
        }
        for cut in [r#"""#, r#""[["#, r#""\"#, r#""\u"#] {
            assert_eq!(depth_of(cut.as_bytes()), 0);
        }
        assert!(matches!(
            read_bounded(&b"12345"[..], 4, "test"),
            Err(LimitError::Size { .. })
        ));
        assert_eq!(read_bounded(&b"1234"[..], 4, "test").unwrap(), b"1234");
    }
}
