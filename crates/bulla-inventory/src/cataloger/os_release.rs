//! Which distribution an image is: `os-release(5)`.

use crate::{Distribution, FileTree};

pub(super) fn wants(path: &str) -> bool {
    matches!(path, "etc/os-release" | "usr/lib/os-release")
}

/// The distribution of the tree, if it says so.
pub(super) fn read(tree: &FileTree) -> Option<Distribution> {
    ["etc/os-release", "usr/lib/os-release"]
        .into_iter()
        .find_map(|path| parse(tree.content(path)?))
}

/// Parses `KEY=VALUE` lines; `None` if there is no `ID`.
pub fn parse(content: &[u8]) -> Option<Distribution> {
    let text = String::from_utf8_lossy(content);
    let value = |key: &str| {
        text.lines().find_map(|line| {
            let (name, value) = line.trim().split_once('=')?;
            (name == key).then(|| value.trim_matches(['"', '\'']).to_owned())
        })
    };
    let id = value("ID").filter(|id| !id.is_empty())?;
    Some(Distribution {
        name: value("PRETTY_NAME").unwrap_or_else(|| id.clone()),
        version: value("VERSION_ID").unwrap_or_default(),
        id,
    })
}
