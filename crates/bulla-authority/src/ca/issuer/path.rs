//! Where in a token an issuer is named: JSONPath (RFC 9535) as far as issuer
//! files use it, members of objects from the root, and nothing that searches.

use bulla_trust::jwt::ClaimSet;
use serde_json::Value;

/// Members of one path.
const MEMBERS: usize = 8;

/// `$.member.member`, or `$['member']`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Vec<String>);

impl ClaimPath {
    /// Reads a path.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('$')?;
        let mut members = Vec::new();
        while !rest.is_empty() {
            let (member, after) = if let Some(quoted) = rest.strip_prefix("['") {
                quoted.split_once("']")?
            } else {
                let plain = rest.strip_prefix('.')?;
                plain.split_at_checked(plain.find(['.', '[']).unwrap_or(plain.len()))?
            };
            let searching = member.contains(['*', '?', '@', '\'', '(']);
            if member.is_empty() || searching || members.len() >= MEMBERS {
                return None;
            }
            members.push(member.to_owned());
            rest = after;
        }
        (!members.is_empty()).then_some(Self(members))
    }

    /// The text that stands there.
    pub fn text(&self, claims: &ClaimSet) -> Option<String> {
        let (first, members) = self.0.split_first()?;
        let mut value = claims.json(first)?;
        for member in members {
            value = value.get_mut(member).map(Value::take)?;
        }
        match value {
            Value::String(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_texts() {
        let claims: ClaimSet = serde_json::from_str(
            r#"{"federated_claims": {"connector_id": "https://up.example", "n": 1}, "a.b": {"c": "d"}}"#,
        )
        .unwrap();
        let text = |path: &str| ClaimPath::parse(path).and_then(|path| path.text(&claims));
        let upstream = text("$.federated_claims.connector_id");
        assert_eq!(upstream.as_deref(), Some("https://up.example"));
        assert_eq!(text("$['a.b']['c']").as_deref(), Some("d"));
        assert_eq!(text("$.federated_claims.n"), None);
        assert_eq!(text("$.federated_claims"), None);
        assert_eq!(text("$.nothing.here"), None);
        for bad in [
            "",
            "$",
            "a.b",
            "$..a",
            "$.*",
            "$.a[?(@.b)]",
            "$.a[0]",
            "$.a.",
            "$.1.2.3.4.5.6.7.8.9",
        ] {
            assert_eq!(ClaimPath::parse(bad), None, "{bad}");
        }
    }
}
