//! Where packages come from, and what follows from it: purl type, version
//! order, how names are compared.
//!
//! The word is the purl type of the package manager (`cargo`, `golang` …), which
//! is also how scan coverage is reported.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A family of packages with one name space and one version order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Ecosystem {
    /// Alpine packages.
    Apk,
    /// Rust crates.
    Cargo,
    /// Debian packages.
    Deb,
    /// Go modules; the standard library is the module `stdlib`.
    Golang,
    /// Node packages.
    Npm,
    /// Python distributions.
    Pypi,
}

impl Ecosystem {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Apk,
        Self::Cargo,
        Self::Deb,
        Self::Golang,
        Self::Npm,
        Self::Pypi,
    ];

    /// The purl type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Apk => "apk",
            Self::Cargo => "cargo",
            Self::Deb => "deb",
            Self::Golang => "golang",
            Self::Npm => "npm",
            Self::Pypi => "pypi",
        }
    }

    /// The ecosystem of a purl type.
    pub fn of_purl_type(kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.name() == kind)
    }

    /// Whether packages belong to a release of a distribution.
    pub fn is_distribution(self) -> bool {
        matches!(self, Self::Apk | Self::Deb)
    }

    /// The form of a name under which packages are looked up: PEP 503 for
    /// Python; Go and npm without regard to case; crates with `_` as `-`.
    pub fn normalize_name(self, name: &str) -> String {
        match self {
            Self::Apk | Self::Deb => name.to_owned(),
            Self::Cargo => name.to_ascii_lowercase().replace('_', "-"),
            Self::Golang | Self::Npm => name.to_lowercase(),
            Self::Pypi => {
                let mut out = String::with_capacity(name.len());
                for c in name.chars() {
                    if !matches!(c, '-' | '_' | '.') {
                        out.extend(c.to_lowercase());
                    } else if !out.ends_with('-') {
                        out.push('-');
                    }
                }
                out
            }
        }
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_the_ecosystem_does() {
        assert_eq!(
            Ecosystem::Pypi.normalize_name("Zope._.Interface"),
            "zope-interface"
        );
        assert_eq!(Ecosystem::Cargo.normalize_name("serde_json"), "serde-json");
        assert_eq!(
            Ecosystem::Golang.normalize_name("github.com/Masterminds/x"),
            "github.com/masterminds/x"
        );
        assert_eq!(Ecosystem::of_purl_type("deb"), Some(Ecosystem::Deb));
        assert_eq!(Ecosystem::of_purl_type("maven"), None);
    }
}
