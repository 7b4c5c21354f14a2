//! The names of predicate types: what `--type` takes, and which types it means.
//!
//! Two tables, because cosign's names mean one type each and old ones at that
//! (`slsaprovenance` is 0.2), while whoever asks here for provenance wants any
//! version that is known. What is written is always one type.

use super::{PredicateError, uri};

/// A name, the type that is written for it, and the types that it lets through.
type Name = (&'static str, &'static str, &'static [&'static str]);

/// cosign's names (3.1).
const COSIGN: [Name; 10] = [
    ("slsaprovenance", uri::SLSA_PROVENANCE_V02, &[]),
    ("slsaprovenance02", uri::SLSA_PROVENANCE_V02, &[]),
    ("slsaprovenance1", uri::SLSA_PROVENANCE_V1, &[]),
    ("link", uri::LINK_V1, &[]),
    ("spdx", uri::SPDX, &[]),
    ("spdxjson", uri::SPDX, &[]),
    ("cyclonedx", uri::CYCLONEDX, &[]),
    ("vuln", uri::COSIGN_VULN, &[]),
    ("openvex", uri::OPENVEX_UNVERSIONED, &[]),
    ("custom", uri::COSIGN_CUSTOM, &[]),
];

/// Our own.
const NATIVE: [Name; 13] = [
    (
        "slsaprovenance",
        uri::SLSA_PROVENANCE_V1,
        &[uri::SLSA_PROVENANCE_V02],
    ),
    ("slsaprovenance1", uri::SLSA_PROVENANCE_V1, &[]),
    ("slsaprovenance02", uri::SLSA_PROVENANCE_V02, &[]),
    ("vsa", uri::VSA_V1, &[]),
    ("cyclonedx", uri::CYCLONEDX, &[]),
    ("spdx", uri::SPDX, &[]),
    ("spdxjson", uri::SPDX, &[]),
    (
        "vuln",
        uri::VULNS_V02,
        &[uri::COSIGN_VULN, uri::COSIGN_VULN_OLD],
    ),
    (
        "vulns",
        uri::VULNS_V02,
        &[uri::COSIGN_VULN, uri::COSIGN_VULN_OLD],
    ),
    ("openvex", uri::OPENVEX, &[uri::OPENVEX_UNVERSIONED]),
    ("link", uri::LINK_V1, &[uri::LINK_V03]),
    ("custom", uri::COSIGN_CUSTOM, &[uri::COSIGN_CUSTOM_OLD]),
    ("sign", uri::COSIGN_SIGN_V1, &[]),
];

/// Types that carry a version of their format behind a slash.
const VERSIONED: [&str; 3] = [uri::SPDX, uri::CYCLONEDX, uri::OPENVEX_UNVERSIONED];

/// A predicate type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PredicateType {
    written: String,
    also: &'static [&'static str],
    versions: bool,
}

impl PredicateType {
    /// cosign's meaning of a name, or a URI: exactly one type.
    ///
    /// # Errors
    /// [`PredicateError::UnknownName`].
    pub fn cosign(name: &str) -> Result<Self, PredicateError> {
        let mut found = Self::find(&COSIGN, name)?;
        found.versions = false;
        Ok(found)
    }

    /// Our meaning of a name, which lets every known version through, or a URI,
    /// which is one type.
    ///
    /// # Errors
    /// [`PredicateError::UnknownName`].
    pub fn native(name: &str) -> Result<Self, PredicateError> {
        Self::find(&NATIVE, name)
    }

    /// The names that [`Self::native`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NATIVE.iter().map(|(name, ..)| *name)
    }

    /// The type to write.
    pub fn uri(&self) -> &str {
        &self.written
    }

    /// Whether a statement of that type is meant.
    pub fn accepts(&self, kind: &str) -> bool {
        let version = |base: &&str| is_of(&self.written, base) && is_of(kind, base);
        kind == self.written
            || self.also.contains(&kind)
            || (self.versions && VERSIONED.iter().any(version))
    }

    fn find(table: &[Name], name: &str) -> Result<Self, PredicateError> {
        if let Some((_, written, also)) = table.iter().find(|(known, ..)| *known == name) {
            return Ok(Self {
                written: (*written).to_owned(),
                also,
                versions: VERSIONED.iter().any(|base| is_of(written, base)),
            });
        }
        if is_uri(name) {
            return Ok(Self {
                written: name.to_owned(),
                also: &[],
                versions: false,
            });
        }
        let names: Vec<&str> = table.iter().map(|(name, ..)| *name).collect();
        Err(PredicateError::UnknownName {
            name: name.chars().take(80).collect(),
            known: names.join(", "),
        })
    }
}

/// Whether `kind` is `base` or one of its versions.
pub(super) fn is_of(kind: &str, base: &str) -> bool {
    kind.strip_prefix(base)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("/v"))
}

fn is_uri(text: &str) -> bool {
    let scheme_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let printable = !text.contains(|c: char| c.is_whitespace() || c.is_control());
    printable
        && text.split_once(':').is_some_and(|(scheme, rest)| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.bytes().all(scheme_byte)
                && !rest.is_empty()
        })
}
