//! What the people who make or ship software say about findings in it.
//!
//! A statement settles a finding if it names the weakness and the product, says
//! `not_affected` or `fixed`, and is the latest that applies. Whether its author
//! is to be believed is not decided here: the document must be verified before.

use bulla_core::Digest;
use bulla_inventory::Purl;
use serde::{Deserialize, Serialize};

use crate::report::{Match, ScanReport};

pub mod openvex;

pub use openvex::{OpenVex, Product, Statement, Status, VexError};

/// The statement that settles a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Suppression {
    /// `not_affected` or `fixed`.
    pub status: Status,
    /// Why, if the statement says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// The document's own id.
    pub document: String,
    /// Its author, as written.
    pub author: String,
    /// SHA-256 of the document's bytes.
    pub digest: Digest,
}

/// Moves the findings that the documents settle to the suppressed ones.
/// `subject` is the digest of the artifact that was scanned.
pub fn apply(report: &mut ScanReport, documents: &[OpenVex], subject: Option<&Digest>) {
    let findings = std::mem::take(&mut report.findings);
    for found in findings {
        match settle(&found, documents, subject) {
            Some(suppression) => report.suppressed.push((found, suppression)),
            None => report.findings.push(found),
        }
    }
}

fn settle(found: &Match, documents: &[OpenVex], subject: Option<&Digest>) -> Option<Suppression> {
    let applying = documents.iter().flat_map(|document| {
        let about = |s: &&Statement| {
            s.is_about(found) && s.products.iter().any(|p| p.holds(found, subject))
        };
        document
            .statements
            .iter()
            .filter(about)
            .map(move |s| (document, s))
    });
    // The latest wins; of two at the same time, the more cautious one.
    let (document, statement) = applying.max_by_key(|(_, s)| (s.time, !s.status.settles()))?;
    statement.status.settles().then(|| Suppression {
        status: statement.status,
        justification: statement.reason.clone(),
        document: document.id.clone(),
        author: document.author.clone(),
        digest: document.digest.clone(),
    })
}

impl Statement {
    fn is_about(&self, found: &Match) -> bool {
        let finding = &found.finding;
        let named = |id: &str| finding.id == id || finding.aliases.iter().any(|a| a == id);
        self.vulnerabilities.iter().any(|id| named(id))
    }
}

impl Product {
    /// Whether the product is this component, or the scanned artifact with this
    /// component (or with all of them, if it names no part).
    fn holds(&self, found: &Match, subject: Option<&Digest>) -> bool {
        let component = found
            .finding
            .purl
            .as_deref()
            .and_then(|p| Purl::parse(p).ok());
        let covers = |purl: &Purl| component.as_ref().is_some_and(|c| purl.covers(c));
        if self.parts.is_empty() && self.purls.iter().any(covers) {
            return true;
        }
        let is_subject = subject.is_some_and(|digest| {
            let by_purl = self.purls.iter().any(|purl| {
                purl.kind() == "oci" && purl.version() == Some(digest.to_string().as_str())
            });
            by_purl || self.digests.contains(digest)
        });
        is_subject && (self.parts.is_empty() || self.parts.iter().any(covers))
    }
}

#[cfg(test)]
mod tests;
