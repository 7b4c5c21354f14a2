//! The directory of one instance whose documents came by TUF.
//!
//! `instance.json` names it, `first_root.json` is what everything is verified
//! from, `metadata/` holds verified metadata, and the two documents stand beside
//! them. Each file is written whole and then renamed into place, `instance.json`
//! last: a directory without it is empty.

use super::TufError;
use crate::sigstore::Sigstore;
use bulla_core::{
    RootId,
    limits::{self, LimitError},
};
use bulla_trust::{
    Revocations, TrustRoot,
    revocation::{RevocationList, TUF_TARGET},
    tuf::{Files, SIGNING_CONFIG, TRUSTED_ROOT, Updated},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

const RECORD: &str = "instance.json";
const FIRST_ROOT: &str = "first_root.json";
const METADATA: &str = "metadata";
const REVOCATIONS: &str = "revocations.sigstore.json";
const HISTORY: &str = "root_history";
/// One file of metadata.
const METADATA_BYTES: u64 = 5_000_000;
/// Files of metadata.
const METADATA_FILES: usize = 1_024;

/// What is known of an instance. Frozen, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// 1.
    pub version: u32,
    /// Where its repository is.
    pub url: String,
    /// Its name: SHA-256 of the first root.
    pub id: RootId,
    /// The version of the root in force.
    pub root_version: u64,
    /// When its documents were fetched last.
    pub updated: Timestamp,
    /// When they have to be fetched again, at the latest.
    pub expires: Timestamp,
}

/// The directory of one instance.
#[derive(Clone, Debug)]
pub struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// That directory; nothing is read or made yet.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// What is known of the instance.
    ///
    /// # Errors
    /// [`TufError::Empty`] if there is none.
    pub fn read(&self) -> Result<Record, TufError> {
        self.try_read()?.ok_or_else(|| TufError::Empty {
            path: self.dir.clone(),
        })
    }

    pub(super) fn try_read(&self) -> Result<Option<Record>, TufError> {
        let path = self.dir.join(RECORD);
        let Some(bytes) = read(&path, limits::CONFIG_BYTES)? else {
            return Ok(None);
        };
        let record: Record = limits::parse_json(&bytes, limits::CONFIG_BYTES, "instance record")
            .map_err(|source| TufError::Cache { path, source })?;
        Ok(Some(record))
    }

    /// The instance, as far as its documents are at hand. Makes no connection;
    /// whether they are still fresh says [`Record::expires`].
    ///
    /// # Errors
    /// [`TufError`] if there is none, or a document cannot be used.
    pub fn sigstore(&self) -> Result<Sigstore, TufError> {
        let record = self.read()?;
        let document = |name| read(&self.dir.join(name), limits::TRUST_DOCUMENT_BYTES);
        let trusted_root = document(TRUSTED_ROOT)?.ok_or_else(|| TufError::Empty {
            path: self.dir.clone(),
        })?;
        let config = document(SIGNING_CONFIG)?;
        let root = TrustRoot::parse(&trusted_root, record.id.clone())?;
        let list = read(&self.dir.join(REVOCATIONS), limits::BUNDLE_BYTES)?;
        let revocations = list.map_or(Revocations::NotPublished, |list| {
            revocations(&list, &root, &record)
        });
        Ok(Sigstore::under(
            root.knowing(revocations),
            config.as_deref(),
        )?)
    }

    pub(super) fn first_root(&self) -> Result<Vec<u8>, TufError> {
        let bytes = read(&self.dir.join(FIRST_ROOT), METADATA_BYTES)?;
        bytes.ok_or_else(|| TufError::Empty {
            path: self.dir.clone(),
        })
    }

    /// Verified metadata of earlier updates.
    pub(super) fn metadata(&self) -> Result<Files, TufError> {
        let mut files = Files::new();
        for (folder, prefix) in [(METADATA, ""), ("metadata/root_history", "root_history/")] {
            let folder = self.dir.join(folder);
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(TufError::io(&folder, source)),
            };
            for entry in entries.take(METADATA_FILES) {
                let path = entry
                    .map_err(|source| TufError::io(&folder, source))?
                    .path();
                let name = path.file_name().and_then(|name| name.to_str());
                let Some(name) = name.filter(|name| name.ends_with(".json")) else {
                    continue;
                };
                if let Some(bytes) = read(&path, METADATA_BYTES)? {
                    files.insert(format!("{prefix}{name}"), bytes);
                }
            }
        }
        Ok(files)
    }

    pub(super) fn write(
        &self,
        record: &Record,
        first_root: &[u8],
        updated: &Updated,
    ) -> Result<(), TufError> {
        self.write_metadata(&updated.metadata)?;
        self.put(FIRST_ROOT, first_root)?;
        match &updated.signing_config {
            Some(config) => self.put(SIGNING_CONFIG, config)?,
            None => self.remove(SIGNING_CONFIG)?,
        }
        match updated.targets.get(TUF_TARGET) {
            Some(list) => self.put(REVOCATIONS, list)?,
            None => self.remove(REVOCATIONS)?,
        }
        self.put(TRUSTED_ROOT, &updated.trusted_root)?;
        let record = serde_json::to_vec_pretty(record)
            .map_err(|error| TufError::io(&self.dir.join(RECORD), io::Error::other(error)))?;
        self.put(RECORD, &record)
    }

    pub(super) fn write_metadata(&self, files: &Files) -> Result<(), TufError> {
        for (name, bytes) in files {
            // Names are those of our own library, and are held to it.
            let (folder, file) = match name.split_once('/') {
                Some((HISTORY, file)) => (format!("{METADATA}/{HISTORY}"), file),
                Some(_) => continue,
                None => (METADATA.to_owned(), name.as_str()),
            };
            if file.contains('/') || file.starts_with('.') {
                continue;
            }
            self.put(&format!("{folder}/{file}"), bytes)?;
        }
        Ok(())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), TufError> {
        let path = self.dir.join(name);
        let folder = path.parent().unwrap_or(&self.dir);
        let write = || {
            fs::create_dir_all(folder)?;
            let partial = path.with_extension(format!("{}.partial", std::process::id()));
            fs::write(&partial, bytes)?;
            fs::rename(&partial, &path)
        };
        write().map_err(|source| TufError::io(&path, source))
    }

    fn remove(&self, name: &str) -> Result<(), TufError> {
        let path = self.dir.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(TufError::io(&path, error))
            }
            _ => Ok(()),
        }
    }
}

/// The list that the repository carried. It counts no longer than the metadata
/// that vouches for it, and one that does not hold is as good as none.
fn revocations(list: &[u8], root: &TrustRoot, record: &Record) -> Revocations {
    match RevocationList::verify(list, root, record.updated) {
        Ok(list) => Revocations::Known(list.ending(record.expires)),
        Err(rejection) => Revocations::Missing(format!(
            "the list that {} published on {} does not hold: {rejection}",
            record.url, record.updated
        )),
    }
}

fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, TufError> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(TufError::io(path, source)),
    };
    let bytes = limits::read_bounded(file, limit, "trust document");
    let bytes = bytes.map_err(|source: LimitError| TufError::Cache {
        path: path.to_owned(),
        source,
    })?;
    Ok(Some(bytes))
}
