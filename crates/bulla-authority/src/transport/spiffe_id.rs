//! SPIFFE IDs: `spiffe://TRUST-DOMAIN/PATH` (SPIFFE-ID §2), strict.

use std::fmt;

use super::TransportError;

/// Longest id, in bytes (§2.3).
const ID_BYTES: usize = 2048;
/// Longest trust domain, in bytes (§2.1).
const DOMAIN_BYTES: usize = 255;

/// The name of a workload, or of a trust domain when its path is empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpiffeId {
    text: String,
    /// Where the path begins, with its slash.
    path: usize,
}

impl SpiffeId {
    /// Puts an id together: `path` without a leading slash, empty for the domain's own.
    ///
    /// # Errors
    /// [`TransportError::Id`] if either part holds what it may not.
    pub fn new(trust_domain: &str, path: &str) -> Result<Self, TransportError> {
        match path {
            "" => Self::parse(&format!("spiffe://{trust_domain}")),
            path => Self::parse(&format!("spiffe://{trust_domain}/{path}")),
        }
    }

    /// Reads an id. Nothing is normalized: what differs is another id.
    ///
    /// # Errors
    /// [`TransportError::Id`] if it is none.
    pub fn parse(text: &str) -> Result<Self, TransportError> {
        let refused = || TransportError::Id(text.chars().take(80).collect());
        if text.len() > ID_BYTES {
            return Err(refused());
        }
        let rest = text.strip_prefix("spiffe://").ok_or_else(refused)?;
        let (domain, path) = match rest.split_once('/') {
            Some((domain, path)) => (domain, Some(path)),
            None => (rest, None),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let in_domain = |c: char| plain(c) && !c.is_ascii_uppercase();
        let segment = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(plain);
        let good_domain =
            !domain.is_empty() && domain.len() <= DOMAIN_BYTES && domain.chars().all(in_domain);
        if !good_domain || !path.is_none_or(|path| path.split('/').all(segment)) {
            return Err(refused());
        }
        Ok(Self {
            path: "spiffe://".len() + domain.len(),
            text: text.into(),
        })
    }

    /// The trust domain.
    pub fn trust_domain(&self) -> &str {
        let (domain, _) = self.text.split_at(self.path);
        domain.trim_start_matches("spiffe://")
    }

    /// The path without its first slash; empty for the trust domain itself.
    pub fn path(&self) -> &str {
        let (_, path) = self.text.split_at(self.path);
        path.strip_prefix('/').unwrap_or_default()
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_the_standard_and_no_others() {
        let id = SpiffeId::parse("spiffe://prod.example.com/authority/replica-1").unwrap();
        assert_eq!(id.trust_domain(), "prod.example.com");
        assert_eq!(id.path(), "authority/replica-1");
        assert_eq!(
            SpiffeId::new("prod.example.com", "authority/replica-1").unwrap(),
            id
        );
        let own = SpiffeId::parse("spiffe://1.2_3-x").unwrap();
        assert_eq!((own.trust_domain(), own.path()), ("1.2_3-x", ""));
        for wrong in [
            "",
            "spiffe://",
            "spiffe:///a",
            "SPIFFE://example.com/a",
            "https://example.com/a",
            "spiffe://Example.com/a",
            "spiffe://example.com/",
            "spiffe://example.com//a",
            "spiffe://example.com/a/",
            "spiffe://example.com/a/../b",
            "spiffe://example.com/.",
            "spiffe://example.com/%61",
            "spiffe://example.com/a?b",
            "spiffe://example.com/a#b",
            "spiffe://user@example.com/a",
            "spiffe://example.com:443/a",
            "spiffe://exämple.com/a",
        ] {
            assert!(SpiffeId::parse(wrong).is_err(), "{wrong}");
        }
        let long = format!("spiffe://example.com/{}", "a".repeat(2048));
        assert!(SpiffeId::parse(&long).is_err());
        let long = format!("spiffe://{}/a", "a".repeat(256));
        assert!(SpiffeId::parse(&long).is_err());
    }

    proptest::proptest! {
        #[test]
        fn whatever_parses_comes_back(text in "spiffe://[a-zA-Z0-9._/%-]{0,40}") {
            if let Ok(id) = SpiffeId::parse(&text) {
                proptest::prop_assert_eq!(id.as_str(), &text);
                proptest::prop_assert_eq!(SpiffeId::new(id.trust_domain(), id.path()).unwrap(), id);
            }
        }
    }
}
