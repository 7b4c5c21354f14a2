//! Paths from a repository, before anything is written under their names (R11).
//!
//! A path is `/`-separated bytes. Refused are: empty and dot names, `..`,
//! absolute paths, NUL, and every spelling of `.git` that some file system
//! takes for it (letter case, NTFS short names and streams, HFS+ ignorable
//! characters). Names that only Windows reserves are accepted.

use gix::bstr::{BStr, ByteSlice};
use std::collections::BTreeMap;

use crate::SourceError;

/// Links followed while one link is judged; Linux follows 40.
const HOPS: usize = 40;
/// Names walked while one link is judged.
const STEPS: usize = 1000;

/// Checks a path that a file or link is to be written under.
///
/// # Errors
/// [`SourceError::UnsafePath`] with the reason.
pub fn check_path(path: &[u8], is_link: bool) -> Result<(), SourceError> {
    let refuse = |why| {
        Err(SourceError::UnsafePath {
            path: lossy(path),
            why,
        })
    };
    if path.contains(&0) {
        return refuse("it holds a NUL byte");
    }
    let count = path.split(|&b| b == b'/').count();
    for (index, name) in path.split(|&b| b == b'/').enumerate() {
        let link = is_link && index + 1 == count;
        if let Some(why) = objection(name.as_bstr(), link) {
            return refuse(why);
        }
    }
    Ok(())
}

/// Checks and normalizes a sub-folder as a person writes it: `""`, `.`, `a/b/`.
///
/// # Errors
/// [`SourceError::UnsafePath`] if it is absolute, climbs or touches `.git`.
pub fn check_directory(directory: &str) -> Result<String, SourceError> {
    if directory.starts_with('/') {
        return Err(SourceError::UnsafePath {
            path: lossy(directory.as_bytes()),
            why: "a folder is named relative to the repository",
        });
    }
    let names: Vec<&str> = directory
        .split('/')
        .filter(|name| !name.is_empty() && *name != ".")
        .collect();
    let joined = names.join("/");
    if !joined.is_empty() {
        check_path(joined.as_bytes(), false)?;
    }
    Ok(joined)
}

/// Checks that the link at `path` stays inside the tree whose links are `links`
/// (path to target), following links on the way as a kernel would. A link to
/// what does not exist (yet) is accepted.
///
/// # Errors
/// [`SourceError::LinkLeaves`] if it is absolute, climbs out, or never ends.
pub fn check_link(path: &[u8], links: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<(), SourceError> {
    let Some(target) = links.get(path) else {
        return Ok(());
    };
    let leaves = || SourceError::LinkLeaves {
        path: lossy(path),
        target: lossy(target),
    };
    if target.is_empty() || target.contains(&0) {
        return Err(leaves());
    }
    let mut at: Vec<&[u8]> = path.split(|&b| b == b'/').collect();
    at.pop();
    let mut ahead: Vec<&[u8]> = Vec::new();
    follow(target, &mut ahead).ok_or_else(leaves)?;
    let (mut hops, mut steps) = (0, 0);
    while let Some(name) = ahead.pop() {
        steps += 1;
        if steps > STEPS {
            return Err(leaves());
        }
        match name {
            b"" | b"." => {}
            b".." => {
                at.pop().ok_or_else(leaves)?;
            }
            name => {
                at.push(name);
                if let Some(next) = links.get(&at.join(&b'/')) {
                    hops += 1;
                    if hops > HOPS {
                        return Err(leaves());
                    }
                    at.pop();
                    follow(next, &mut ahead).ok_or_else(leaves)?;
                }
            }
        }
    }
    Ok(())
}

/// A path for people.
pub(crate) fn lossy(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    let shown: String = text
        .chars()
        .take(300)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    shown
}

/// Puts the names of a link's target in front of what is still ahead (a stack).
fn follow<'a>(target: &'a [u8], ahead: &mut Vec<&'a [u8]>) -> Option<()> {
    if target.first() == Some(&b'/') {
        return None;
    }
    ahead.extend(target.split(|&b| b == b'/').rev());
    Some(())
}

fn objection(name: &BStr, is_link: bool) -> Option<&'static str> {
    use gix::validate::path::component::{self, Error};
    let options = component::Options {
        protect_windows: false,
        protect_hfs: true,
        protect_ntfs: true,
    };
    let mode = is_link.then_some(component::Mode::Symlink);
    match gix::validate::path::component(name, mode, options) {
        Ok(_) if name.len() > 255 => Some("a name is longer than 255 bytes"),
        Ok(_) => None,
        Err(Error::Empty) => Some("it is absolute or holds an empty name"),
        Err(Error::Relative) => Some("it holds a dot name"),
        Err(Error::DotGitDir) => Some("it could be taken for .git"),
        Err(Error::SymlinkedGitModules) => Some(".gitmodules must not be a symbolic link"),
        Err(_) => Some("it is not a valid name"),
    }
}

#[cfg(test)]
mod tests;
