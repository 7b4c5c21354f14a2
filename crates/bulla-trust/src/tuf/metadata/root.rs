//! The root role: who speaks for the other roles, and who follows it.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Document, MetadataError, Role, RoleKeys, body, common};

/// A root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Counts up by one.
    pub version: u64,
    /// Until when it holds.
    pub expires: Timestamp,
    /// Who signs the next root, with this root's keys.
    pub root: RoleKeys,
    /// Who signs the targets.
    pub targets: RoleKeys,
    /// Who signs the snapshot.
    pub snapshot: RoleKeys,
    /// Who signs the timestamp.
    pub timestamp: RoleKeys,
}

impl Root {
    /// The keys of a role.
    pub fn role(&self, role: Role) -> &RoleKeys {
        match role {
            Role::Root => &self.root,
            Role::Targets => &self.targets,
            Role::Snapshot => &self.snapshot,
            Role::Timestamp => &self.timestamp,
        }
    }

    /// Its metadata, to be signed.
    ///
    /// # Errors
    /// [`MetadataError`] if a key cannot be written.
    pub fn document(&self) -> Result<Document, MetadataError> {
        let mut keys = Map::new();
        let mut roles = Map::new();
        for role in Role::ALL {
            for key in self.role(role).keys() {
                keys.insert(key.id().to_owned(), key.to_json()?);
            }
            roles.insert(role.name().into(), self.role(role).to_json());
        }
        let fields = json!({"consistent_snapshot": true, "keys": keys, "roles": roles});
        Document::new(body(Role::Root, self.version, self.expires, fields))
    }

    /// Reads what [`Self::document`] wrote; signatures are not verified.
    ///
    /// # Errors
    /// [`MetadataError`] if it is anything else.
    pub fn read(document: &Document) -> Result<Self, MetadataError> {
        let value = document.body();
        let (version, expires) = common(Role::Root, value)?;
        let role = |role: Role| RoleKeys::parse(&value["roles"][role.name()], &value["keys"]);
        let root = Self {
            version,
            expires,
            root: role(Role::Root)?,
            targets: role(Role::Targets)?,
            snapshot: role(Role::Snapshot)?,
            timestamp: role(Role::Timestamp)?,
        };
        same(Role::Root, &root.document()?, value)?;
        Ok(root)
    }

    /// Reads a first root, which its own keys must have signed.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn first(bytes: &[u8]) -> Result<Self, MetadataError> {
        let document = Document::parse(bytes)?;
        let root = Self::read(&document)?;
        document.require(&root.root)?;
        Ok(root)
    }

    /// Reads the root after this one: the next version, signed by this root's
    /// threshold and by its own.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn next(&self, bytes: &[u8]) -> Result<Self, MetadataError> {
        let document = Document::parse(bytes)?;
        let next = Self::read(&document)?;
        if self.version.checked_add(1) != Some(next.version) {
            return Err(MetadataError::Version {
                what: Role::Root,
                current: self.version,
                offered: next.version,
            });
        }
        document.require(&self.root)?;
        document.require(&next.root)?;
        Ok(next)
    }
}

/// Nothing was left out, nothing else stands there.
pub(super) fn same(kind: Role, written: &Document, read: &Value) -> Result<(), MetadataError> {
    match written.body() == read {
        true => Ok(()),
        false => Err(MetadataError::Malformed {
            what: kind,
            why: "it has fields that nobody here writes",
        }),
    }
}
