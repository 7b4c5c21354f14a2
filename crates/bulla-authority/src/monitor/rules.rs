//! Who is looked at, and who is expected.

use bulla_trust::sigstore::{Matcher, PatternError};
use serde::Deserialize;

use crate::search::Signer;

/// A name and an issuer; stars as in policies: `*` without `/` and `@`, `**` with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityRule {
    /// A name of the certificate.
    pub subject: String,
    /// The OIDC issuer; any, if there is none.
    #[serde(default)]
    pub issuer: Option<String>,
}

/// The rules of a monitor.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    watch: Vec<Rule>,
    allow: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    subject: Matcher,
    issuer: Option<Matcher>,
}

impl Rules {
    /// Reads them.
    ///
    /// # Errors
    /// [`PatternError`] for one that cannot be, or that everybody fits.
    pub fn new(watch: &[IdentityRule], allow: &[IdentityRule]) -> Result<Self, PatternError> {
        let read = |rules: &[IdentityRule]| {
            let rule = |rule: &IdentityRule| {
                Ok::<_, PatternError>(Rule {
                    subject: Matcher::pattern(&rule.subject)?,
                    issuer: rule.issuer.as_deref().map(Matcher::pattern).transpose()?,
                })
            };
            rules.iter().map(rule).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            watch: read(watch)?,
            allow: read(allow)?,
        })
    }

    /// Whether nobody is looked at.
    pub fn are_none(&self) -> bool {
        self.watch.is_empty() && self.allow.is_empty()
    }

    /// Whether this signer is one that nobody expects. A bare key has no name,
    /// and is nobody that a rule could speak of.
    pub fn is_unexpected(&self, signer: &Signer) -> bool {
        if self.are_none() {
            return false;
        }
        // One unexpected name is enough: a certificate may carry several.
        signer.names.iter().any(|name| {
            let issuer = signer.issuer.as_deref();
            let fits = |rules: &[Rule]| rules.iter().any(|rule| rule.fits(name, issuer));
            (self.watch.is_empty() || fits(&self.watch)) && !fits(&self.allow)
        })
    }
}

impl Rule {
    fn fits(&self, name: &str, issuer: Option<&str>) -> bool {
        let issued = match &self.issuer {
            None => true,
            Some(wanted) => issuer.is_some_and(|issuer| wanted.matches(issuer)),
        };
        issued && self.subject.matches(name)
    }
}
