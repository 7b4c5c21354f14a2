//! In what two names differ, said in words where it is little.

/// In what two names differ, if it is little enough to be said.
pub(super) fn near_miss(expected: &str, found: &str) -> Option<String> {
    if expected.trim_end_matches('/') == found.trim_end_matches('/') {
        return Some("differs only in a trailing slash".into());
    }
    if expected.eq_ignore_ascii_case(found) {
        return Some("differs only in upper and lower case".into());
    }
    let workflow = |text: &str| -> Option<(String, String, String)> {
        let (path, reference) = text.rsplit_once('@')?;
        let (repository, file) = path.split_once("/.github/workflows/")?;
        Some((repository.into(), file.into(), reference.into()))
    };
    if let (Some(want), Some(have)) = (workflow(expected), workflow(found)) {
        return Some(if want.0 != have.0 {
            format!("a workflow of another repository, {}", have.0)
        } else if want.1 != have.1 {
            format!("another workflow of the same repository, {}", have.1)
        } else {
            format!("differs only in the branch or tag: {}", have.2)
        });
    }
    if expected.contains("://") || found.contains("://") {
        return None;
    }
    let (want, have) = (expected.split_once('@')?, found.split_once('@')?);
    if want.0 == have.0 {
        Some(format!("the same name at another domain, {}", have.1))
    } else if want.1 == have.1 {
        Some(format!("somebody else at {}", have.1))
    } else {
        None
    }
}
