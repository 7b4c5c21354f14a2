//! Choosing statements by type: what is left, or that nothing is.

use bulla_core::{Code, Diagnose, Statement};
use serde::Serialize;

use super::PredicateType;
use crate::verified::Verified;

/// What a filter left.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection<P> {
    /// These are of the type.
    Found(Vec<Verified<Statement, P>>),
    /// None is.
    NoEvidence(NoEvidence),
}

/// Nothing of that type was signed: neither a success nor a failed check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("nothing of type {wanted} is signed{}", others(.found))]
pub struct NoEvidence {
    /// The type that was asked for.
    pub wanted: String,
    /// The types that are signed, each once.
    pub found: Vec<String>,
}

fn others(found: &[String]) -> String {
    match found {
        [] => String::new(),
        found => format!("; what is signed is of type {}", found.join(", ")),
    }
}

impl Diagnose for NoEvidence {
    fn code(&self) -> Code {
        Code("TRUST-0720")
    }

    fn hint(&self) -> Option<String> {
        Some("`bulla tree REF` shows what there is; `bulla attest --type TYPE` adds it".into())
    }
}

/// The statements of that type.
pub fn select<P>(statements: Vec<Verified<Statement, P>>, wanted: &PredicateType) -> Selection<P> {
    let (left, others): (Vec<_>, Vec<_>) = statements
        .into_iter()
        .partition(|statement| wanted.accepts(&statement.claim().predicate_type));
    if !left.is_empty() {
        return Selection::Found(left);
    }
    let mut found: Vec<String> = others
        .into_iter()
        .map(|statement| statement.claim().predicate_type.clone())
        .collect();
    found.sort();
    found.dedup();
    Selection::NoEvidence(NoEvidence {
        wanted: wanted.uri().to_owned(),
        found,
    })
}
