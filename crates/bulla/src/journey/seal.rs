//! What is sealed, and by whom: predicates from files, their types by short
//! names, and the signers that `ship` knows.

use bulla_core::limits;
use bulla_net::token::Service;
use bulla_trust::predicate::PredicateType;
use serde_json::Value;
use std::{fs::File, path::Path};

use crate::failure::{Failure, OnPath, OrFail};

/// Who seals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signer {
    /// A person, by an asserted address.
    Person(String),
    /// One of the instance's own services: builder or scanner.
    Service(Service),
}

/// Reads a predicate.
///
/// # Errors
/// If the file is not JSON within the limits.
pub fn read_predicate(file: &Path) -> Result<Value, Failure> {
    let open = File::open(file).on_path("read", file)?;
    let bytes = limits::read_bounded(open, limits::BUNDLE_BYTES, "predicate").or_could_not_run()?;
    limits::parse_json(&bytes, limits::BUNDLE_BYTES, "predicate")
        .or_could_not_run()
        .map_err(|failure| failure.on(format!("{} is not a predicate", file.display())))
}

/// The predicate types that a name stands for when it filters.
///
/// # Errors
/// If it is neither a known name nor a URI.
pub fn wanted_type(name: &str) -> Result<PredicateType, Failure> {
    PredicateType::native(name).or_usage()
}

/// The predicate type that a short name stands for when it is written; a URI
/// stands for itself.
///
/// # Errors
/// If it is neither.
pub fn predicate_type(name: &str) -> Result<String, Failure> {
    wanted_type(name).map(|kind| kind.uri().to_owned())
}
