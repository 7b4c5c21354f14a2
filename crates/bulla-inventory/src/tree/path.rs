//! Paths of archives as paths of a tree: relative to the root, clean, readable.

use super::TreeError;

/// The longest path, in bytes.
pub(super) const MAX_PATH_BYTES: usize = 4096;

/// A path relative to the root: no `.`, no empty part, never `..`.
pub(super) fn clean(raw: &[u8]) -> Result<String, TreeError> {
    let text = readable(raw);
    let shown = || text.chars().take(200).collect::<String>();
    if text.len() > MAX_PATH_BYTES {
        return Err(TreeError::Unsupported {
            path: shown(),
            feature: "a path of more than 4096 bytes",
        });
    }
    let mut clean = String::with_capacity(text.len());
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                return Err(TreeError::Escape {
                    path: shown(),
                    target: "..".into(),
                });
            }
            part => {
                if !clean.is_empty() {
                    clean.push('/');
                }
                clean.push_str(part);
            }
        }
    }
    Ok(clean)
}

/// Refuses a symbolic link whose target climbs above the root.
pub(super) fn refuse_escape(path: &str, target: &str) -> Result<(), TreeError> {
    let mut depth = if target.starts_with('/') {
        0
    } else {
        path.matches('/').count()
    };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => {
                return Err(TreeError::Escape {
                    path: path.to_owned(),
                    target: target.to_owned(),
                });
            }
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    Ok(())
}

/// UTF-8 as it is; every other byte as `\xNN`, so that no two paths fall together.
pub(super) fn readable(raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    for chunk in raw.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

/// `name` below `parent`, which may be the root.
pub(super) fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}/{name}")
    }
}
