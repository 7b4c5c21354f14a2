//! What a statement says, typed where the type is known.
//!
//! in-toto attestation framework: consumers ignore fields that they do not know,
//! so only what a decision needs is read here and the rest stays in
//! [`Statement::predicate`]. A known type that cannot be read is an error, never
//! "raw" (rule R3). Size and depth were bounded when the statement was parsed.
//! [`PredicateType`] is what `--type` takes; a filter that leaves nothing is *no
//! evidence*, a result of its own.

use bulla_core::{Code, Diagnose, Statement};
use serde::Deserialize;
use serde_json::Value;

mod kind;
mod named;
mod provenance;
mod reports;

pub use kind::PredicateType;
pub use named::{NoEvidence, Selection, select};
pub use provenance::{
    ConfigSource, Link, Material, SlsaProvenanceV1, SlsaProvenanceV02, VerificationResult, Vsa,
};
pub use reports::{CosignCustom, CycloneDx, OpenVex, Spdx, Vuln, VulnDatabase};

/// Predicate types beside those of [`bulla_core::statement::predicate_type`].
pub mod uri {
    pub use bulla_core::statement::predicate_type::*;

    /// SLSA provenance, version 0.2.
    pub const SLSA_PROVENANCE_V02: &str = "https://slsa.dev/provenance/v0.2";
    /// A link of in-toto's first version, as cosign names it.
    pub const LINK_V1: &str = "https://in-toto.io/Link/v1";
    /// The same under its later name.
    pub const LINK_V03: &str = "https://in-toto.io/attestation/link/v0.3";
    /// Whatever `cosign attest` was given without a type.
    pub const COSIGN_CUSTOM: &str = "https://cosign.sigstore.dev/attestation/v1";
    /// The same, as cosign wrote it before it wrote addresses.
    pub const COSIGN_CUSTOM_OLD: &str = "cosign.sigstore.dev/attestation/v1";
    /// A vulnerability scan in cosign's own form.
    pub const COSIGN_VULN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";
    /// The same, as cosign wrote it before it wrote addresses.
    pub const COSIGN_VULN_OLD: &str = "cosign.sigstore.dev/attestation/vuln/v1";
    /// OpenVEX without a version, as cosign names it.
    pub const OPENVEX_UNVERSIONED: &str = "https://openvex.dev/ns";
}

/// A predicate.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Predicate {
    /// SLSA provenance 0.2.
    SlsaProvenanceV02(SlsaProvenanceV02),
    /// SLSA provenance 1.
    SlsaProvenanceV1(SlsaProvenanceV1),
    /// A verification summary.
    Vsa(Vsa),
    /// An SPDX document.
    Spdx(Spdx),
    /// A CycloneDX document.
    CycloneDx(CycloneDx),
    /// A vulnerability scan, cosign's form or in-toto's.
    Vuln(Vuln),
    /// An OpenVEX document.
    OpenVex(OpenVex),
    /// A link of in-toto's first version.
    Link(Link),
    /// Free text or JSON under cosign's own type.
    CosignCustom(CosignCustom),
    /// An image signature: it says no more than its subject.
    CosignSign,
    /// A type that is not known here.
    Raw,
}

impl Predicate {
    /// Reads the predicate of a statement.
    ///
    /// # Errors
    /// [`PredicateError`] if its type is known, and it is not of that type.
    pub fn read(statement: &Statement) -> Result<Self, PredicateError> {
        let kind = statement.predicate_type.as_str();
        let value = &statement.predicate;
        Ok(match kind {
            uri::SLSA_PROVENANCE_V02 => Self::SlsaProvenanceV02(typed(kind, value)?),
            uri::SLSA_PROVENANCE_V1 => Self::SlsaProvenanceV1(typed(kind, value)?),
            uri::VSA_V1 => Self::Vsa(typed(kind, value)?),
            uri::LINK_V1 | uri::LINK_V03 => Self::Link(typed(kind, value)?),
            uri::COSIGN_VULN | uri::COSIGN_VULN_OLD | uri::VULNS_V02 => {
                Self::Vuln(typed(kind, value)?)
            }
            uri::COSIGN_CUSTOM | uri::COSIGN_CUSTOM_OLD => Self::CosignCustom(typed(kind, value)?),
            uri::COSIGN_SIGN_V1 => Self::sign(kind, value)?,
            _ if kind::is_of(kind, uri::SPDX) => Self::Spdx(Spdx::read(kind, value)?),
            _ if kind::is_of(kind, uri::CYCLONEDX) => Self::CycloneDx(typed(kind, value)?),
            _ if kind::is_of(kind, uri::OPENVEX_UNVERSIONED) => Self::OpenVex(typed(kind, value)?),
            _ => Self::Raw,
        })
    }

    /// cosign writes an empty object, or nothing.
    fn sign(kind: &str, value: &Value) -> Result<Self, PredicateError> {
        match value {
            Value::Null | Value::Object(_) => Ok(Self::CosignSign),
            _ => Err(PredicateError::Unreadable {
                kind: kind.to_owned(),
                detail: "it is neither an object nor absent".into(),
            }),
        }
    }
}

fn typed<'de, T: Deserialize<'de>>(kind: &str, value: &'de Value) -> Result<T, PredicateError> {
    // A struct can also be read from a list, which no producer means.
    if !value.is_object() {
        return Err(PredicateError::Unreadable {
            kind: kind.to_owned(),
            detail: "it is no object".into(),
        });
    }
    T::deserialize(value).map_err(|error| PredicateError::Unreadable {
        kind: kind.to_owned(),
        detail: error.to_string(),
    })
}

/// What can be wrong with a predicate, or with the name of a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PredicateError {
    /// Not what its type says.
    #[error("the predicate of type {kind} cannot be read: {detail}")]
    Unreadable {
        /// Its type.
        kind: String,
        /// Why.
        detail: String,
    },
    /// No known name, and no URI.
    #[error("the predicate type {name:?} is neither a known name nor a URI")]
    UnknownName {
        /// The name.
        name: String,
        /// The names that are known.
        known: String,
    },
}

impl Diagnose for PredicateError {
    fn code(&self) -> Code {
        match self {
            Self::Unreadable { .. } => Code("TRUST-0721"),
            Self::UnknownName { .. } => Code("TRUST-0722"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => {
                Some("`bulla download attestation REF` shows what was signed".into())
            }
            Self::UnknownName { known, .. } => Some(format!("use {known}, or a URI")),
        }
    }
}

#[cfg(test)]
mod tests;
