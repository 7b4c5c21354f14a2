//! Meta-issuers: one entry for many issuers, with `*` where they differ.
//!
//! As in Fulcio a `*` stands for one or more of `-_a-zA-Z0-9`, so never for a
//! dot, a slash or a port; unlike early Fulcio the whole URL must match
//! (CVE-2026-22772: an unanchored pattern let a token name any host to fetch from).

/// A pattern of issuer URLs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaPattern(String);

impl MetaPattern {
    /// Reads a pattern: an `https` URL with at least one `*`, none of them in the
    /// scheme, and a host that is not all wildcard.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("https://")?;
        let host = rest.split('/').next()?;
        let plain = text.bytes().all(|b| b.is_ascii_graphic()) && !text.contains(['?', '#', '@']);
        // A registrable name at least stands fixed at the end of the host.
        let mut labels = host.rsplit('.');
        let fixed = labels
            .by_ref()
            .take(2)
            .filter(|label| !label.contains('*') && !label.is_empty());
        let fixed = fixed.count() == 2;
        (plain && fixed && rest.contains('*')).then(|| Self(text.to_owned()))
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether all of `url` matches.
    pub fn matches(&self, url: &str) -> bool {
        // One row per byte of the pattern: which prefixes of the URL it can end at.
        let url = url.as_bytes();
        let mut ends = vec![false; url.len() + 1];
        if let Some(start) = ends.first_mut() {
            *start = true;
        }
        for wanted in self.0.bytes() {
            let mut next = vec![false; url.len() + 1];
            for (at, byte) in url.iter().enumerate() {
                let (fits, stays) = match wanted {
                    b'*' => (is_word(*byte), true),
                    literal => (literal == *byte, false),
                };
                let here = ends.get(at) == Some(&true) || stays && next.get(at) == Some(&true);
                if let Some(end) = next.get_mut(at + 1) {
                    *end = fits && here;
                }
            }
            ends = next;
        }
        ends.last() == Some(&true)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> MetaPattern {
        MetaPattern::parse(text).unwrap()
    }

    #[test]
    fn a_star_is_one_part_and_the_whole_url_must_match() {
        let eks = pattern("https://oidc.eks.*.amazonaws.com/id/*");
        assert!(eks.matches("https://oidc.eks.us-west-2.amazonaws.com/id/B02C93B6"));
        for other in [
            "https://oidc.eks.us-west-2.amazonaws.com/id/",
            "https://oidc.eks.us.west.amazonaws.com/id/B02C",
            "https://oidc.eks.x.amazonaws.com/id/B02C/more",
            "https://oidc.eks.x.amazonaws.com/id/B02C?x",
            "https://oidc.eks.x@evil.example/.amazonaws.com/id/B02C",
            "https://evil.example/https://oidc.eks.x.amazonaws.com/id/B02C",
            "https://oidcXeks.x.amazonaws.com/id/B02C",
            "http://oidc.eks.x.amazonaws.com/id/B02C",
            "",
        ] {
            assert!(!eks.matches(other), "{other}");
        }
        assert!(pattern("https://a*b.example.com").matches("https://aabbb.example.com"));
    }

    #[test]
    fn patterns_that_say_too_little_are_refused() {
        for bad in [
            "https://*",
            "https://*.com/x",
            "https://*.*/x",
            "http://a.example/*",
            "https://a.example/x",
            "https://a.example/*?x",
            "https://a@b.example/*",
            "https://a.example:*/x",
        ] {
            assert_eq!(MetaPattern::parse(bad), None, "{bad}");
        }
    }
}
