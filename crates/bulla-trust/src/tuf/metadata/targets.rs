//! Targets: the files of the repository, and who else may name some.

use bulla_core::Digest;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

use super::{
    Document, MetadataError, Role, RoleKeys, body, common, file_json, file_of, root::same,
};

/// Longest path of a target, in bytes.
const PATH_BYTES: usize = 255;

/// A file that the repository holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetFile {
    /// Its length in bytes.
    pub length: u64,
    /// Its SHA-256: one hash, since clients pick one at random where there are two.
    pub sha256: Digest,
    /// What old Sigstore clients look targets up by.
    pub custom: Option<Value>,
}

impl TargetFile {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            length: bytes.len() as u64,
            sha256: Digest::sha256(bytes),
            custom: None,
        }
    }
}

/// Paths that another role speaks for. It ends the search: what is not there
/// is nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// The role's name.
    pub name: String,
    /// Its keys.
    pub keys: RoleKeys,
    /// Patterns in which `*` stands for anything but `/`.
    pub paths: Vec<String>,
}

/// The targets role, or a role that it delegates to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets {
    /// Counts up.
    pub version: u64,
    /// Until when it holds.
    pub expires: Timestamp,
    /// The files by path.
    pub files: BTreeMap<String, TargetFile>,
    /// Who else.
    pub delegation: Option<Delegation>,
}

impl Targets {
    /// Its metadata, to be signed.
    ///
    /// # Errors
    /// [`MetadataError`] if a path or key cannot be written.
    pub fn document(&self) -> Result<Document, MetadataError> {
        let mut files = Map::new();
        for (path, file) in &self.files {
            check_path(path)?;
            let mut value = file_json(file.length, &file.sha256);
            if let Some(custom) = &file.custom {
                value["custom"] = custom.clone();
            }
            files.insert(path.clone(), value);
        }
        let mut fields = json!({"targets": files});
        if let Some(delegation) = &self.delegation {
            fields["delegations"] = delegation.to_json()?;
        }
        Document::new(body(Role::Targets, self.version, self.expires, fields))
    }

    /// Reads what [`Self::document`] wrote; signatures are not verified.
    ///
    /// # Errors
    /// [`MetadataError`] if it is anything else.
    pub fn read(document: &Document) -> Result<Self, MetadataError> {
        let value = document.body();
        let (version, expires) = common(Role::Targets, value)?;
        let mut files = BTreeMap::new();
        for (path, file) in value["targets"].as_object().into_iter().flatten() {
            let (length, sha256) = file_of(Role::Targets, file)?;
            let custom = file.get("custom").cloned();
            files.insert(
                path.clone(),
                TargetFile {
                    length,
                    sha256,
                    custom,
                },
            );
        }
        let delegation = value
            .get("delegations")
            .map(Delegation::parse)
            .transpose()?;
        let targets = Self {
            version,
            expires,
            files,
            delegation,
        };
        same(Role::Targets, &targets.document()?, value)?;
        Ok(targets)
    }
}

impl Delegation {
    /// Whether the role may speak for `path`.
    pub fn covers(&self, path: &str) -> bool {
        self.paths.iter().any(|pattern| matches(pattern, path))
    }

    fn to_json(&self) -> Result<Value, MetadataError> {
        let mut keys = Map::new();
        for key in self.keys.keys() {
            keys.insert(key.id().to_owned(), key.to_json()?);
        }
        let mut role = self.keys.to_json();
        role["name"] = self.name.clone().into();
        role["paths"] = self.paths.clone().into();
        role["terminating"] = true.into();
        Ok(json!({"keys": keys, "roles": [role]}))
    }

    fn parse(value: &Value) -> Result<Self, MetadataError> {
        let malformed = |why| MetadataError::Malformed {
            what: Role::Targets,
            why,
        };
        let [role] = value["roles"].as_array().map_or(&[][..], Vec::as_slice) else {
            return Err(malformed("it delegates to other roles than one"));
        };
        let name = role["name"]
            .as_str()
            .filter(|name| check_path(name).is_ok());
        let paths = role["paths"].as_array().map_or(&[][..], Vec::as_slice);
        let paths = paths.iter().map(|path| path.as_str().map(str::to_owned));
        Ok(Self {
            name: name
                .ok_or_else(|| malformed("a delegation has no name"))?
                .into(),
            keys: RoleKeys::parse(role, &value["keys"])?,
            paths: paths
                .collect::<Option<_>>()
                .ok_or_else(|| malformed("a delegated path is no text"))?,
        })
    }
}

/// Plain segments, none of them hidden, empty or a way out.
pub fn check_path(path: &str) -> Result<(), MetadataError> {
    let plain = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && segment
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    match path.len() <= PATH_BYTES && path.split('/').all(plain) {
        true => Ok(()),
        false => Err(MetadataError::Path { path: path.into() }),
    }
}

/// Whether a pattern covers a path: as many segments, `*` for any text in one.
fn matches(pattern: &str, path: &str) -> bool {
    let (patterns, segments) = (pattern.split('/'), path.split('/'));
    patterns.clone().count() == segments.clone().count()
        && patterns
            .zip(segments)
            .all(|(pattern, segment)| match pattern.split_once('*') {
                None => pattern == segment,
                Some((start, end)) => {
                    segment.len() >= start.len() + end.len()
                        && segment.starts_with(start)
                        && segment.ends_with(end)
                }
            })
}
