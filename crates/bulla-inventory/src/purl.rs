//! Package URLs: `pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS#SUBPATH`.
//!
//! Follows the package-url specification (ECMA-427) and, for the types whose
//! packages we meet, its type definitions: which parts are case-insensitive,
//! required or forbidden. A parsed [`Purl`] is always in canonical form, so two
//! of them are equal exactly if they name the same package. Types that we do
//! not know keep their spelling.

use bulla_core::{Code, Diagnose};
use std::{collections::BTreeMap, fmt, str::FromStr};

mod rules;

/// The longest text that is parsed as a purl, in bytes.
pub const MAX_PURL_BYTES: usize = 16 << 10;

/// A package URL in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purl {
    kind: String,
    namespace: Option<String>,
    name: String,
    version: Option<String>,
    qualifiers: BTreeMap<String, String>,
    subpath: Option<String>,
}

impl Purl {
    /// A purl of that type and name.
    ///
    /// # Errors
    /// If type or name are empty or not allowed.
    pub fn new(kind: &str, name: &str) -> Result<Self, PurlError> {
        Parts {
            kind: kind.to_owned(),
            name: name.to_owned(),
            ..Parts::default()
        }
        .build()
    }

    /// Starts a purl whose parts are checked together at the end.
    pub fn builder(kind: &str, name: &str) -> Parts {
        Parts {
            kind: kind.to_owned(),
            name: name.to_owned(),
            ..Parts::default()
        }
    }

    /// Parses `text`.
    ///
    /// # Errors
    /// If it is not a purl, or breaks a rule of its type.
    pub fn parse(text: &str) -> Result<Self, PurlError> {
        text.parse()
    }

    /// The type: `cargo`, `deb` …
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The namespace, decoded: `debian`, `github.com/spf13`.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The name, decoded.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version, decoded.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// One qualifier, decoded.
    pub fn qualifier(&self, key: &str) -> Option<&str> {
        self.qualifiers.get(key).map(String::as_str)
    }

    /// All qualifiers in the order of their keys.
    pub fn qualifiers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.qualifiers
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// The path inside the package.
    pub fn subpath(&self) -> Option<&str> {
        self.subpath.as_deref()
    }

    /// Namespace and name as one text, as its ecosystem writes it: `@babel/core`.
    pub fn full_name(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.clone(),
        }
    }

    /// Whether every part that `self` gives agrees with `other`: a purl without
    /// version covers all versions, one without qualifiers all variants.
    pub fn covers(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.namespace == other.namespace
            && self.name == other.name
            && self
                .version
                .as_ref()
                .is_none_or(|v| other.version.as_ref() == Some(v))
            && self
                .subpath
                .as_ref()
                .is_none_or(|s| other.subpath.as_ref() == Some(s))
            && self
                .qualifiers
                .iter()
                .all(|(k, v)| other.qualifiers.get(k) == Some(v))
    }
}

/// The parts of a purl before they are checked.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    kind: String,
    namespace: Option<String>,
    name: String,
    version: Option<String>,
    qualifiers: BTreeMap<String, String>,
    subpath: Option<String>,
}

impl Parts {
    /// Sets the namespace; an empty one is none.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        let segments: Vec<&str> = namespace.split('/').filter(|s| !s.is_empty()).collect();
        self.namespace = (!segments.is_empty()).then(|| segments.join("/"));
        self
    }

    /// Sets the version; an empty one is none.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.version = (!version.is_empty()).then(|| version.to_owned());
        self
    }

    /// Adds a qualifier; an empty value is none.
    #[must_use]
    pub fn qualifier(mut self, key: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.qualifiers.insert(key.to_owned(), value.to_owned());
        }
        self
    }

    /// Sets the path inside the package.
    #[must_use]
    pub fn subpath(mut self, subpath: &str) -> Self {
        let segments: Vec<&str> = subpath
            .split('/')
            .filter(|s| !s.is_empty() && *s != "." && *s != "..")
            .collect();
        self.subpath = (!segments.is_empty()).then(|| segments.join("/"));
        self
    }

    /// Checks and normalizes the parts.
    ///
    /// # Errors
    /// If a part is missing or not allowed.
    pub fn build(mut self) -> Result<Purl, PurlError> {
        self.kind.make_ascii_lowercase();
        let kind_ok = self.kind.starts_with(|c: char| c.is_ascii_lowercase())
            && self
                .kind
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b));
        if !kind_ok {
            return Err(PurlError::Kind {
                kind: cut(&self.kind),
            });
        }
        if self.name.is_empty() {
            return Err(PurlError::NoName);
        }
        let mut qualifiers = BTreeMap::new();
        for (key, value) in std::mem::take(&mut self.qualifiers) {
            let lower = key.to_ascii_lowercase();
            let key_ok = lower.starts_with(|c: char| c.is_ascii_lowercase())
                && lower
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
            if !key_ok || qualifiers.contains_key(&lower) {
                return Err(PurlError::Qualifier { key: cut(&key) });
            }
            qualifiers.insert(lower, value);
        }
        let mut purl = Purl {
            kind: self.kind,
            namespace: self.namespace,
            name: self.name,
            version: self.version,
            qualifiers,
            subpath: self.subpath,
        };
        rules::apply(&mut purl)?;
        Ok(purl)
    }
}

impl FromStr for Purl {
    type Err = PurlError;

    fn from_str(text: &str) -> Result<Self, PurlError> {
        if text.len() > MAX_PURL_BYTES {
            return Err(PurlError::TooLong);
        }
        let (rest, subpath) = match text.split_once('#') {
            Some((rest, subpath)) => (rest, Some(subpath)),
            None => (text, None),
        };
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (scheme, rest) = rest.split_once(':').ok_or(PurlError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("pkg") {
            return Err(PurlError::Scheme);
        }
        let rest = rest.trim_matches('/');
        let (kind, rest) = rest.split_once('/').ok_or(PurlError::NoName)?;
        // An `@` before the last `/` belongs to a namespace (`@babel/core`).
        let after_slash = rest.rfind('/').map_or(0, |at| at + 1);
        let (path, version) = match rest.get(after_slash..).and_then(|tail| tail.rfind('@')) {
            Some(at) => (
                rest.get(..after_slash + at).unwrap_or(rest),
                rest.get(after_slash + at + 1..),
            ),
            None => (rest, None),
        };
        let (namespace, name) = match path.trim_start_matches('/').rsplit_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, path),
        };
        let mut parts = Self::builder(kind, &decode(name)?);
        if let Some(namespace) = namespace {
            let segments: Result<Vec<String>, _> = namespace
                .split('/')
                .filter(|s| !s.is_empty())
                .map(decode)
                .collect();
            parts = parts.namespace(&segments?.join("/"));
        }
        if let Some(version) = version {
            parts = parts.version(&decode(version)?);
        }
        for pair in query
            .unwrap_or_default()
            .split('&')
            .filter(|p| !p.is_empty())
        {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            parts = parts.qualifier(key, &decode(value)?);
        }
        if let Some(subpath) = subpath {
            let segments: Result<Vec<String>, _> = subpath.split('/').map(decode).collect();
            parts = parts.subpath(&segments?.join("/"));
        }
        parts.build()
    }
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}/", self.kind)?;
        if let Some(namespace) = &self.namespace {
            for segment in namespace.split('/') {
                encode(f, segment, false)?;
                f.write_str("/")?;
            }
        }
        // Only the `git` type has names with a slash in them.
        encode(f, &self.name, self.kind == "git")?;
        if let Some(version) = &self.version {
            f.write_str("@")?;
            encode(f, version, false)?;
        }
        for (at, (key, value)) in self.qualifiers.iter().enumerate() {
            write!(f, "{}{key}=", if at == 0 { '?' } else { '&' })?;
            encode(f, value, false)?;
        }
        for (at, segment) in self.subpath.iter().flat_map(|s| s.split('/')).enumerate() {
            f.write_str(if at == 0 { "#" } else { "/" })?;
            encode(f, segment, false)?;
        }
        Ok(())
    }
}

fn encode(f: &mut fmt::Formatter<'_>, text: &str, keep_slash: bool) -> fmt::Result {
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric()
            || b".-_~:".contains(&byte)
            || (keep_slash && byte == b'/');
        if plain {
            write!(f, "{}", char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

fn decode(text: &str) -> Result<String, PurlError> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        match (digit(bytes.next()), digit(bytes.next())) {
            (Some(high), Some(low)) => out.push((high * 16 + low) as u8),
            _ => return Err(PurlError::Encoding { text: cut(text) }),
        }
    }
    String::from_utf8(out).map_err(|_| PurlError::Encoding { text: cut(text) })
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Why a text is not a purl.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PurlError {
    /// A percent escape that is cut off or not UTF-8.
    #[error("package URL part {text:?} is not valid percent encoding")]
    Encoding {
        /// The part, cut.
        text: String,
    },
    /// The type is not a lower-case word.
    #[error("package URL type {kind:?} is not a type")]
    Kind {
        /// The type, cut.
        kind: String,
    },
    /// There is no name.
    #[error("package URL has no name")]
    NoName,
    /// A qualifier's key is not allowed, or comes twice.
    #[error("package URL qualifier {key:?} is not allowed")]
    Qualifier {
        /// The key, cut.
        key: String,
    },
    /// A rule of the type is broken.
    #[error("package URL of type {kind}: {rule}")]
    Rule {
        /// The type.
        kind: String,
        /// What the type demands.
        rule: &'static str,
    },
    /// It does not begin with `pkg:`.
    #[error("package URL does not begin with pkg:")]
    Scheme,
    /// Beyond [`MAX_PURL_BYTES`].
    #[error("package URL is longer than {MAX_PURL_BYTES} bytes")]
    TooLong,
}

impl Diagnose for PurlError {
    fn code(&self) -> Code {
        match self {
            Self::Encoding { .. } => Code("INVENTORY-0001"),
            Self::Kind { .. } => Code("INVENTORY-0002"),
            Self::NoName => Code("INVENTORY-0003"),
            Self::Qualifier { .. } => Code("INVENTORY-0004"),
            Self::Rule { .. } => Code("INVENTORY-0005"),
            Self::Scheme => Code("INVENTORY-0006"),
            Self::TooLong => Code("INVENTORY-0007"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some("write it as pkg:TYPE/NAME@VERSION, for example pkg:cargo/serde@1.0.200".into())
    }
}

#[cfg(test)]
mod tests;
