//! Extension headers of tar archives: GNU long names and pax records (POSIX
//! 1003.1-2001, *pax Extended Header*), which speak of the entry after them.
//!
//! Read here and not by the archive library: within a bound, and by the stated
//! length of each record, since values (extended attributes) may hold any byte.
//! What container tools read in different ways is refused.

use bulla_core::limits;
use std::io::{self, Read};
use tar::{Entry, EntryType};

use super::{TreeError, path};

/// The longest extension header, in bytes.
const MAX_BYTES: u64 = 1 << 20;
const WHAT: &str = "extension header";

/// What was said about the next entry.
#[derive(Default)]
pub(super) struct Extension {
    /// Its path.
    pub(super) path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

impl Extension {
    /// Reads an extension header; `false` if the entry is no extension, and may be
    /// taken as it stands.
    pub(super) fn read<R: Read>(&mut self, entry: &mut Entry<'_, R>) -> Result<bool, TreeError> {
        let kind = entry.header().entry_type();
        let plain = !(kind.is_gnu_longname()
            || kind.is_gnu_longlink()
            || kind.is_pax_local_extensions()
            || kind.is_pax_global_extensions());
        if plain {
            self.check(entry)?;
            return Ok(false);
        }
        let body = limits::read_bounded(entry, MAX_BYTES, WHAT)
            .map_err(|error| TreeError::read(WHAT, io::Error::other(error)))?;
        let text = || body.split(|b| *b == 0).next().unwrap_or_default().to_vec();
        match kind {
            EntryType::GNULongName => self.path = Some(text()),
            EntryType::GNULongLink => self.link = Some(text()),
            EntryType::XHeader => {
                for (key, value) in parse_pax(&body).ok_or_else(malformed)? {
                    match key {
                        b"path" => self.path = Some(value.to_vec()),
                        b"linkpath" => self.link = Some(value.to_vec()),
                        b"size" => self.size = Some(number(value).ok_or_else(malformed)?),
                        key if key.starts_with(b"GNU.sparse.") => self.sparse = true,
                        _ => {}
                    }
                }
            }
            // Global records: comments of `git archive`; names in them are refused.
            _ => {
                let records = parse_pax(&body).ok_or_else(malformed)?;
                let names = |key: &[u8]| matches!(key, b"linkpath" | b"path" | b"size");
                if records.iter().any(|(key, _)| names(key)) {
                    return Err(TreeError::Unsupported {
                        path: WHAT.into(),
                        feature: "a global pax header that names files",
                    });
                }
            }
        }
        Ok(true)
    }

    fn check<R: Read>(&self, entry: &Entry<'_, R>) -> Result<(), TreeError> {
        let feature = if self.sparse {
            "a sparse file in a pax header"
        } else if self.size.is_some_and(|size| size != entry.size()) {
            "a pax header with another size"
        } else {
            return Ok(());
        };
        let raw = self
            .path
            .clone()
            .unwrap_or_else(|| entry.path_bytes().into_owned());
        Err(TreeError::Unsupported {
            path: path::readable(&raw).chars().take(200).collect(),
            feature,
        })
    }

    /// Where a link points.
    pub(super) fn target<R: Read>(
        &self,
        at: &str,
        entry: &Entry<'_, R>,
    ) -> Result<String, TreeError> {
        let name = match &self.link {
            Some(link) => Some(link.clone()),
            None => entry.link_name_bytes().map(|name| name.into_owned()),
        };
        match name {
            Some(name) if !name.is_empty() && name.len() <= path::MAX_PATH_BYTES => {
                Ok(path::readable(&name))
            }
            _ => Err(TreeError::Unsupported {
                path: at.to_owned(),
                feature: "a link without a usable target",
            }),
        }
    }
}

fn malformed() -> TreeError {
    let source = io::Error::from(io::ErrorKind::InvalidData);
    TreeError::read(WHAT, source)
}

type Record<'a> = (&'a [u8], &'a [u8]);

/// Records `LENGTH KEY=VALUE\n`; `None` if one is not.
fn parse_pax(mut body: &[u8]) -> Option<Vec<Record<'_>>> {
    let mut records = Vec::new();
    while !body.is_empty() {
        let space = body.iter().position(|b| *b == b' ')?;
        let length = usize::try_from(number(body.get(..space)?)?).ok()?;
        let (record, rest) = body.split_at_checked(length)?;
        let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|b| *b == b'=')?;
        records.push((record.get(..equals)?, record.get(equals + 1..)?));
        body = rest;
    }
    Some(records)
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
