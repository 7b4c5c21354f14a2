//! OpenVEX 0.2.0: who says that a finding does not affect a product.
//!
//! <https://github.com/openvex/spec>. Only `not_affected` with a justification
//! or an impact statement clears a finding; the newest statement about a finding
//! counts, so a later `affected` takes an earlier clearance back.

use bulla_core::Digest;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What rules read of a document.
#[derive(Clone, Debug, Deserialize)]
pub struct VexDocument {
    /// When it was written.
    #[serde(default)]
    pub timestamp: Option<Timestamp>,
    /// What it says.
    pub statements: Vec<VexStatement>,
}

/// One statement.
#[derive(Clone, Debug, Deserialize)]
pub struct VexStatement {
    /// The finding it is about.
    pub vulnerability: Vulnerability,
    /// When it was made, if not with the document.
    #[serde(default)]
    pub timestamp: Option<Timestamp>,
    /// The products it is about.
    #[serde(default)]
    pub products: Vec<Product>,
    /// `not_affected`, `affected`, `fixed` or `under_investigation`.
    pub status: String,
    /// Why not affected.
    #[serde(default)]
    pub justification: Option<String>,
    /// Why not affected, in words.
    #[serde(default)]
    pub impact_statement: Option<String>,
}

/// The finding.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Vulnerability {
    /// As a link.
    #[serde(default, rename = "@id")]
    pub id: Option<String>,
    /// As a name.
    #[serde(default)]
    pub name: Option<String>,
    /// Under other names.
    #[serde(default)]
    pub aliases: Vec<String>,
}

/// A product or a component of one.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Product {
    /// A purl or other link.
    #[serde(default, rename = "@id")]
    pub id: Option<String>,
    /// `purl`, `cpe23` …
    #[serde(default)]
    pub identifiers: BTreeMap<String, String>,
    /// `sha-256` …
    #[serde(default)]
    pub hashes: BTreeMap<String, String>,
    /// The parts of it that are meant; empty: all.
    #[serde(default)]
    pub subcomponents: Vec<Product>,
}

impl VexDocument {
    /// The newest statement about the finding called one of `names`, in the
    /// package `purl` of the image `digest`, with the time it was made. Of equally
    /// old ones, one that does not clear it.
    pub fn newest(
        &self,
        names: &[&str],
        purl: Option<&str>,
        digest: &Digest,
    ) -> Option<(Option<Timestamp>, &VexStatement)> {
        self.statements
            .iter()
            .filter(|statement| statement.is_about(names, purl, digest))
            .map(|statement| (statement.timestamp.or(self.timestamp), statement))
            .max_by_key(|(time, statement)| (*time, statement.clears().is_none()))
    }
}

impl VexStatement {
    /// The reason, if this says "not affected" and gives one.
    pub fn clears(&self) -> Option<&str> {
        let reason = self
            .justification
            .as_deref()
            .or(self.impact_statement.as_deref())?;
        (self.status == "not_affected" && !reason.trim().is_empty()).then_some(reason)
    }

    fn is_about(&self, names: &[&str], purl: Option<&str>, digest: &Digest) -> bool {
        let vulnerability = &self.vulnerability;
        let named = vulnerability
            .name
            .iter()
            .chain(&vulnerability.id)
            .chain(&vulnerability.aliases)
            .any(|name| names.contains(&name.as_str()));
        named
            && self.products.iter().any(|product| {
                let whole = product.is_image(digest)
                    && (product.subcomponents.is_empty()
                        || product
                            .subcomponents
                            .iter()
                            .any(|part| part.is_package(purl)));
                whole || product.is_package(purl)
            })
    }
}

impl Product {
    fn is_package(&self, purl: Option<&str>) -> bool {
        purl.is_some_and(|purl| {
            self.id.as_deref() == Some(purl)
                || self.identifiers.get("purl").is_some_and(|own| own == purl)
        })
    }

    /// By hash, or as `pkg:oci/NAME@sha256:HEX` (the colon may be `%3A`).
    fn is_image(&self, digest: &Digest) -> bool {
        let hash = match digest.algorithm() {
            bulla_core::digest::Algorithm::Sha384 => "sha-384",
            bulla_core::digest::Algorithm::Sha512 => "sha-512",
            _ => "sha-256",
        };
        if self.hashes.get(hash).is_some_and(|hex| hex == digest.hex()) {
            return true;
        }
        let wanted = digest.to_string();
        self.id
            .iter()
            .chain(self.identifiers.get("purl"))
            .any(|id| {
                let version = id
                    .strip_prefix("pkg:oci/")
                    .and_then(|rest| rest.split(['?', '#']).next())
                    .and_then(|rest| rest.split_once('@'))
                    .map(|(_, version)| version.replace("%3A", ":").replace("%3a", ":"));
                version.as_deref() == Some(wanted.as_str())
            })
    }
}
