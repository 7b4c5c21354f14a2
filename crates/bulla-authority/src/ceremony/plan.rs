//! The plan: who signs what, how many of them, and until when it holds.
//!
//! TOML, version 1, for people to read: everybody looks at the same file and
//! compares its digest. It holds no key; those follow, each made by its owner.

use bulla_core::{Digest, limits};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use super::{CeremonyError, Export, VERSION};

/// Most people of a ceremony.
const PEOPLE: usize = 64;

/// What was agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Plan {
    /// 1.
    pub version: u32,
    /// What it is for, in words.
    pub title: String,
    /// When it was written.
    pub created: Timestamp,
    /// The address of the instance.
    pub instance: String,
    /// Digest of `export.json`.
    pub export: Digest,
    /// Who speaks for the root.
    pub root: RolePlan,
    /// Who speaks for the targets.
    pub targets: RolePlan,
    /// Which certificates are signed, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<Authorities>,
    /// Everybody who takes part.
    #[serde(rename = "person")]
    pub people: Vec<Person>,
}

/// One role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RolePlan {
    /// The version that is made.
    pub version: u64,
    /// How many of the people must sign.
    pub threshold: u32,
    /// Whose keys.
    pub people: Vec<String>,
    /// Until when it holds.
    pub expires: Timestamp,
}

/// The certificates of the authorities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Authorities {
    /// Who holds the root key of the certificate authority.
    pub ca_holder: String,
    /// Who holds the root key of the timestamp authority.
    pub tsa_holder: String,
    /// From when the certificates hold.
    pub not_before: Timestamp,
    /// Until when new root certificates hold.
    pub root_expires: Timestamp,
    /// Until when the certificates under them hold.
    pub expires: Timestamp,
}

/// Somebody who takes part. Who is in no role signs with a key that the present
/// root still names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Person {
    /// A short name: letters, digits, dashes.
    pub name: String,
    /// The age recipients to whom the person's key file is encrypted. Without
    /// one, a passphrase protects it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    /// `pkcs11:…` if the key is in a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// [`CeremonyError::Malformed`], [`CeremonyError::Plan`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CeremonyError> {
        let malformed = |why: String| CeremonyError::malformed("plan.toml", why);
        if bytes.len() as u64 > limits::CONFIG_BYTES {
            return Err(malformed("it is larger than any plan".into()));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?;
        let plan: Self = toml::from_str(text).map_err(|error| malformed(error.to_string()))?;
        plan.check()?;
        Ok(plan)
    }

    /// As it is written.
    ///
    /// # Errors
    /// [`CeremonyError::Plan`] if it cannot be carried out.
    pub fn to_toml(&self) -> Result<String, CeremonyError> {
        self.check()?;
        toml::to_string_pretty(self).map_err(|error| CeremonyError::malformed("plan.toml", error))
    }

    /// The person of that name.
    ///
    /// # Errors
    /// [`CeremonyError::Stranger`].
    pub fn person(&self, name: &str) -> Result<&Person, CeremonyError> {
        let found = self.people.iter().find(|person| person.name == name);
        found.ok_or_else(|| CeremonyError::Stranger { name: name.into() })
    }

    /// Whether a person is in no role of the next root.
    pub fn is_former(&self, name: &str) -> bool {
        let mut roles = self.root.people.iter().chain(&self.targets.people);
        self.people.iter().any(|person| person.name == name)
            && !roles.any(|in_role| in_role == name)
    }

    fn check(&self) -> Result<(), CeremonyError> {
        let refused = |why: String| Err(CeremonyError::Plan { why });
        if self.version != VERSION {
            return refused(format!("version {} is not known here", self.version));
        }
        if self.people.len() > PEOPLE {
            return refused(format!("{PEOPLE} people are the most"));
        }
        let mut names = BTreeSet::new();
        for person in &self.people {
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            let reserved = matches!(person.name.as_str(), "plan" | "ca-root" | "tsa-root");
            let length = person.name.len();
            if reserved || length == 0 || length > 32 || !person.name.bytes().all(plain) {
                return refused(format!("{:?} cannot be a name", person.name));
            }
            if !names.insert(person.name.as_str()) {
                return refused(format!("there are two {}", person.name));
            }
        }
        for (what, role) in [("root", &self.root), ("targets", &self.targets)] {
            let distinct: BTreeSet<&String> = role.people.iter().collect();
            if distinct.len() != role.people.len() {
                return refused(format!("somebody is named twice for the {what}"));
            }
            // A threshold that nobody has to meet is none (CVE-2026-23992).
            if role.threshold < 1 || role.threshold as usize > distinct.len() {
                return refused(format!(
                    "{} of {} people cannot sign the {what}",
                    role.threshold,
                    distinct.len()
                ));
            }
            if role.version < 1 {
                return refused(format!("the {what} have no version"));
            }
            if role.expires <= self.created {
                return refused(format!("the {what} would expire at once"));
            }
            if let Some(name) = role
                .people
                .iter()
                .find(|name| !names.contains(name.as_str()))
            {
                return refused(format!("{name} signs the {what}, and is no [[person]]"));
            }
        }
        if let Some(authorities) = &self.authorities {
            for holder in [&authorities.ca_holder, &authorities.tsa_holder] {
                if !names.contains(holder.as_str()) {
                    return refused(format!("{holder} holds a root key, and is no [[person]]"));
                }
            }
            let Authorities {
                not_before,
                root_expires,
                expires,
                ..
            } = authorities;
            if not_before >= expires || expires > root_expires {
                return refused("the certificates' times do not follow each other".into());
            }
        }
        Ok(())
    }

    /// That the plan is one for this instance, in the state of its export.
    ///
    /// # Errors
    /// [`CeremonyError::Plan`].
    pub fn fits(&self, export: &Export) -> Result<(), CeremonyError> {
        let refused = |why: String| Err(CeremonyError::Plan { why });
        if self.instance != export.instance {
            return refused(format!(
                "it is for {}, not {}",
                self.instance, export.instance
            ));
        }
        let root = export.root_version()?.saturating_add(1);
        if self.root.version != root {
            return refused(format!(
                "the next root is version {root}, not {}",
                self.root.version
            ));
        }
        let targets = export.targets_version()?.saturating_add(1);
        if self.targets.version < targets {
            return refused(format!(
                "the next targets are version {targets}, not {}",
                self.targets.version
            ));
        }
        if self.authorities.is_none() && !export.has_authorities() {
            return refused("the instance has no authorities yet: name their holders".into());
        }
        Ok(())
    }
}
