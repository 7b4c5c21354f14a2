//! Names of objects: `folder/folder/name`, safe as paths and in URLs.

use std::fmt;

use super::ObjectError;

/// Longest name, in bytes; file systems take 255 a part, S3 1,024 in all.
const NAME_BYTES: usize = 512;

/// A name of parts with `/` between; each part is of `a-z 0-9 . _ -`, and
/// neither empty nor all dots. Sorts as bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName(String);

impl ObjectName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`ObjectError::Name`] if it is not of that form.
    pub fn new(name: impl Into<String>) -> Result<Self, ObjectError> {
        let name = name.into();
        let part = |part: &str| {
            part.len() <= 200
                && part.bytes().any(|byte| byte != b'.')
                && part.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)
                })
        };
        if name.len() <= NAME_BYTES && name.split('/').all(part) {
            Ok(Self(name))
        } else {
            Err(ObjectError::Name {
                name: name.chars().take(80).collect(),
            })
        }
    }

    /// A folder that nobody writes into: listing it shows that listing works.
    pub(super) fn probe() -> Self {
        Self("probe".into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
