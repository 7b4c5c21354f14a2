//! Other people's advisories as ours: one file for each format.

use bulla_core::limits;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Builder, DatabaseError};

pub mod alpine;
pub mod debian;
pub mod osv;

/// The largest list that is read, in bytes.
const MAX_LIST_BYTES: u64 = 256 << 20;

/// Adds what is at `path`, told by its name; says how many records. Read are
/// - `*.zip`, or a folder of JSON files: OSV records;
/// - a file named `list`, or a copy of Debian's security tracker (a folder with
///   `data/DSA/list`, `data/DLA/list`);
/// - `*.yaml`, or a folder of such: Alpine's secdb.
///
/// # Errors
/// If it cannot be read, or is not what its name says.
pub fn import(path: &Path, builder: &mut Builder) -> Result<usize, DatabaseError> {
    let lists: Vec<PathBuf> = ["data/DSA/list", "data/DLA/list"]
        .into_iter()
        .map(|list| path.join(list))
        .filter(|list| list.is_file())
        .collect();
    let mut count = 0;
    if !lists.is_empty() {
        for list in lists {
            count += import_list(&list, builder)?;
        }
    } else if path.file_name().is_some_and(|name| name == "list") {
        count = import_list(path, builder)?;
    } else if is_yaml(path) {
        count = import_yaml(path, builder)?;
    } else if path.is_dir() && children(path)?.iter().any(|child| is_yaml(child)) {
        for child in children(path)?.iter().filter(|child| is_yaml(child)) {
            count += import_yaml(child, builder)?;
        }
    } else {
        count = osv::import(path, builder)?;
    }
    Ok(count)
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "yaml" || e == "yml")
}

fn children(folder: &Path) -> Result<Vec<PathBuf>, DatabaseError> {
    let failed = |source| read_error(folder, source);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        found.push(entry.map_err(failed)?.path());
    }
    found.sort();
    Ok(found)
}

fn import_list(path: &Path, builder: &mut Builder) -> Result<usize, DatabaseError> {
    let (text, _) = read(path)?;
    debian::add(&text, builder).map_err(|reason| malformed(path, "the list", reason))
}

/// The files state no date: the day of their last change stands in.
fn import_yaml(path: &Path, builder: &mut Builder) -> Result<usize, DatabaseError> {
    let (text, date) = read(path)?;
    alpine::add(&text, date, builder).map_err(|reason| malformed(path, "the file", reason))
}

fn read(path: &Path) -> Result<(String, Date), DatabaseError> {
    let failed = |source| read_error(path, source);
    let file = fs::File::open(path).map_err(failed)?;
    let changed = file.metadata().and_then(|m| m.modified()).map_err(failed)?;
    let changed = Timestamp::try_from(changed).map_err(|e| failed(io::Error::other(e)))?;
    let bytes = limits::read_bounded(file, MAX_LIST_BYTES, "advisory list")?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok((text, changed.to_zoned(TimeZone::UTC).date()))
}

pub(super) fn read_error(path: &Path, source: io::Error) -> DatabaseError {
    DatabaseError::Read {
        path: path.to_path_buf(),
        source,
    }
}

pub(super) fn malformed(path: &Path, record: &str, reason: String) -> DatabaseError {
    DatabaseError::Import {
        path: path.to_path_buf(),
        record: record.chars().take(200).collect(),
        reason,
    }
}
