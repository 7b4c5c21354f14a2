//! Reads OpenVEX documents, version 0.2.0.
//!
//! A document that breaks a rule of the specification is refused whole:
//! `not_affected` needs a justification or an impact statement, every statement
//! a known status, a weakness, a product and a time.

use bulla_core::{Code, Diagnose, Digest, limits};
use bulla_inventory::Purl;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The largest document, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// A document, parsed and not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenVex {
    /// Its own id.
    pub id: String,
    /// Who says so, as written.
    pub author: String,
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// What is said.
    pub statements: Vec<Statement>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The weakness, under all its names.
    pub vulnerabilities: Vec<String>,
    /// The products.
    pub products: Vec<Product>,
    /// What is said about them.
    pub status: Status,
    /// Justification or impact statement.
    pub reason: Option<String>,
    /// Since when it holds.
    pub time: Timestamp,
}

/// A product, and the parts of it that are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Product {
    /// Package URLs of the product.
    pub purls: Vec<Purl>,
    /// Digests of the product.
    pub digests: Vec<Digest>,
    /// Package URLs of the parts; none means the whole product.
    pub parts: Vec<Purl>,
}

/// What is said about a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It has the weakness.
    Affected,
    /// It had it, and has it no longer.
    Fixed,
    /// It does not have it.
    NotAffected,
    /// Not known yet.
    UnderInvestigation,
}

impl Status {
    /// Whether a finding is settled by it.
    pub fn settles(self) -> bool {
        matches!(self, Self::Fixed | Self::NotAffected)
    }
}

#[derive(Deserialize)]
struct RawDocument {
    #[serde(rename = "@context")]
    context: String,
    #[serde(rename = "@id", default)]
    id: String,
    #[serde(default)]
    author: String,
    timestamp: Option<Timestamp>,
    last_updated: Option<Timestamp>,
    statements: Vec<RawStatement>,
}

#[derive(Deserialize)]
struct RawStatement {
    vulnerability: Value,
    #[serde(default)]
    products: Vec<Value>,
    status: Status,
    justification: Option<String>,
    impact_statement: Option<String>,
    timestamp: Option<Timestamp>,
    last_updated: Option<Timestamp>,
}

impl OpenVex {
    /// Parses a document.
    ///
    /// # Errors
    /// If it is too large, no OpenVEX, or breaks a rule of it.
    pub fn parse(bytes: &[u8]) -> Result<Self, VexError> {
        let raw: RawDocument = limits::parse_json(bytes, MAX_BYTES, "OpenVEX document")?;
        if !raw.context.starts_with("https://openvex.dev/ns") {
            return Err(VexError::Context);
        }
        let document_time = raw.last_updated.or(raw.timestamp);
        let mut statements = Vec::new();
        for (number, statement) in (1..).zip(raw.statements) {
            let broken = |rule| VexError::Rule { number, rule };
            let time = statement
                .last_updated
                .or(statement.timestamp)
                .or(document_time);
            let reason = statement.justification.or(statement.impact_statement);
            if statement.status == Status::NotAffected && reason.is_none() {
                return Err(broken("not_affected without justification or impact"));
            }
            let vulnerabilities = vulnerability_names(&statement.vulnerability);
            if vulnerabilities.is_empty() {
                return Err(broken("no vulnerability is named"));
            }
            let products: Vec<Product> = statement.products.iter().map(product).collect();
            if products.is_empty() {
                return Err(broken("no product is named"));
            }
            statements.push(Statement {
                vulnerabilities,
                products,
                status: statement.status,
                reason,
                time: time.ok_or(broken("no time is stated"))?,
            });
        }
        Ok(Self {
            id: raw.id,
            author: raw.author,
            digest: Digest::sha256(bytes),
            statements,
        })
    }
}

/// A text (old documents), or an object with `name`, `@id` and `aliases`.
fn vulnerability_names(value: &Value) -> Vec<String> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let mut names = Vec::new();
    names.extend(text(Some(value)));
    names.extend(text(value.get("name")));
    // An id is often the address of a page that ends in the name.
    let id = text(value.get("@id"));
    names.extend(id.and_then(|id| id.rsplit('/').next().map(str::to_owned)));
    let aliases = value.get("aliases").and_then(Value::as_array);
    names.extend(
        aliases
            .into_iter()
            .flatten()
            .filter_map(|alias| text(Some(alias))),
    );
    names.retain(|name| !name.is_empty());
    names
}

/// An id (a purl, or any address with a digest), identifiers and hashes.
fn product(value: &Value) -> Product {
    let mut product = Product::default();
    identify(value, &mut product.purls, &mut product.digests);
    let parts = value.get("subcomponents").and_then(Value::as_array);
    for part in parts.into_iter().flatten() {
        let before = product.parts.len();
        identify(part, &mut product.parts, &mut Vec::new());
        if product.parts.len() == before {
            // A part that cannot be told must not widen the statement to all parts.
            product
                .parts
                .extend(Purl::new("generic", "unknown-part").ok());
        }
    }
    product
}

fn identify(value: &Value, purls: &mut Vec<Purl>, digests: &mut Vec<Digest>) {
    let texts = [
        value.as_str(),
        value.get("@id").and_then(Value::as_str),
        value.pointer("/identifiers/purl").and_then(Value::as_str),
    ];
    for text in texts.into_iter().flatten() {
        match Purl::parse(text) {
            Ok(purl) if !purls.contains(&purl) => purls.push(purl),
            Ok(_) => {}
            Err(_) => digests.extend(text.rsplit('@').next().and_then(|d| d.parse().ok())),
        }
    }
    for (name, hex) in value
        .get("hashes")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let name = name.replace('-', "").to_ascii_lowercase();
        let hex = hex.as_str().unwrap_or_default().to_ascii_lowercase();
        digests.extend(format!("{name}:{hex}").parse::<Digest>());
    }
}

/// Why a document is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VexError {
    /// Another kind of document.
    #[error("the document is not OpenVEX: its @context is another")]
    Context,
    /// Too large, too deep, or not the JSON that is expected.
    #[error(transparent)]
    Limit(#[from] limits::LimitError),
    /// A rule of the specification is broken.
    #[error("statement {number} of the OpenVEX document breaks a rule: {rule}")]
    Rule {
        /// Which statement, from 1.
        number: usize,
        /// The rule.
        rule: &'static str,
    },
}

impl Diagnose for VexError {
    fn code(&self) -> Code {
        match self {
            Self::Context => Code("SCAN-0030"),
            Self::Limit(error) => error.code(),
            Self::Rule { .. } => Code("SCAN-0031"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some("correct the document, then `bulla scan REF --vex FILE` again".into())
    }
}
