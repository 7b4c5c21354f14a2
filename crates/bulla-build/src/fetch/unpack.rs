//! Unpacking package archives (tar + gzip): regular files beneath one directory,
//! bounded in number and size. Links and devices have no place in a package.

use flate2::read::GzDecoder;
use std::{
    fs,
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Component, Path, PathBuf},
};
use tar::EntryType;

use super::FetchError;

const MAX_ENTRIES: usize = 500_000;
const MAX_BYTES: u64 = 4 << 30;

/// Unpacks `archive` to `to`, leaving out the first component of every path, which
/// must be `root` if one is given.
pub(super) fn tar_gz(
    name: &str,
    archive: &[u8],
    root: Option<&str>,
    to: &Path,
) -> Result<(), FetchError> {
    let broken = |error: io::Error| FetchError::archive(name, error);
    let mut left = MAX_BYTES;
    let mut tar = tar::Archive::new(GzDecoder::new(archive));
    for (count, entry) in tar.entries().map_err(broken)?.enumerate() {
        let mut entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?.into_owned();
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader | EntryType::XHeader) {
            continue;
        }
        let Some(inner) = beneath(&path, root) else {
            return Err(FetchError::archive(name, format!("it contains {path:?}")));
        };
        left = left.saturating_sub(entry.size());
        if count >= MAX_ENTRIES || left == 0 {
            return Err(FetchError::archive(name, "it is too large"));
        }
        let target = to.join(inner);
        match kind {
            EntryType::Directory => fs::create_dir_all(&target).map_err(broken)?,
            EntryType::Regular | EntryType::Continuous => {
                let executable = entry.header().mode().map_err(broken)? & 0o111 != 0;
                let size = entry.size();
                write(&target, executable, &mut entry.by_ref().take(size)).map_err(broken)?;
            }
            _ => {
                return Err(FetchError::archive(
                    name,
                    format!("{path:?} is no regular file"),
                ));
            }
        }
    }
    Ok(())
}

/// Writes a new file, and the directories above it.
pub(super) fn write(target: &Path, executable: bool, from: &mut impl Read) -> io::Result<()> {
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    let mode = if executable { 0o755 } else { 0o644 };
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(target)?;
    io::copy(from, &mut file).map(drop)
}

/// The path without its first component, if it stays beneath.
fn beneath(path: &Path, root: Option<&str>) -> Option<PathBuf> {
    let mut parts = path.components().filter(|part| *part != Component::CurDir);
    match (parts.next()?, root) {
        (Component::Normal(first), Some(root)) if first != root => return None,
        (Component::Normal(_), _) => {}
        _ => return None,
    }
    let mut inner = PathBuf::new();
    for part in parts {
        match part {
            Component::Normal(name) => inner.push(name),
            _ => return None,
        }
    }
    Some(inner)
}

#[cfg(test)]
mod tests;
