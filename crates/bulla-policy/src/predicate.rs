//! Typed readings of the predicates that rules compare.
//!
//! Only the fields that a rule needs are read, fields of others are ignored as
//! the specifications ask; a field that is there with another type is a failure
//! of the rule (R3), never an absence.

pub mod openvex;
pub mod provenance;
pub mod scan;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::text::clean;

/// Reads a predicate, or says in one line why it cannot be read.
pub(crate) fn read<T: DeserializeOwned>(predicate: &Value) -> Result<T, String> {
    if !predicate.is_object() {
        return Err("it is not a JSON object".into());
    }
    T::deserialize(predicate).map_err(|error| clean(&error.to_string()))
}
