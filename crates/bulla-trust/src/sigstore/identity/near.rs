//! In what two names differ, said in words where it is little.

use super::matcher::{Anchoring, Matcher};

/// In what a name differs from what was expected, if it is little.
pub(super) fn near(expected: &Matcher, found: &str) -> Option<String> {
    match expected {
        Matcher::Exact(text) => near_miss(text, found),
        Matcher::Pattern(_) => pattern_miss(expected.as_str(), found),
        Matcher::Regex(expression) => {
            let again = |text: &str| Matcher::regex(text, Anchoring::AsWritten);
            let text = expression.as_str();
            if again(text).is_ok_and(|part| part.matches(found)) {
                Some("the expression matches a part of it, and must match the whole".into())
            } else if again(&format!("(?i){text}")).is_ok_and(|any| any.matches(found)) {
                Some("differs only in upper and lower case".into())
            } else {
                None
            }
        }
    }
}

/// Each side of the last `@` alone: who, and where or at what.
fn pattern_miss(pattern: &str, found: &str) -> Option<String> {
    let lower = |text: &str| Matcher::pattern(&text.to_ascii_lowercase());
    if lower(pattern).is_ok_and(|any| any.matches(&found.to_ascii_lowercase())) {
        return Some("differs only in upper and lower case".into());
    }
    let (want, have) = (pattern.rsplit_once('@')?, found.rsplit_once('@')?);
    let covered = |part: &str, value: &str| {
        Matcher::pattern(part).is_ok_and(|matcher| matcher.matches(value))
    };
    let workflow = found.contains("://");
    if covered(want.0, have.0) {
        return Some(if workflow {
            format!("differs only in the branch or tag: {}", have.1)
        } else {
            format!("the same name at another domain, {}", have.1)
        });
    }
    let same_end = covered(want.1, have.1);
    match have.0.split_once("/.github/workflows/") {
        Some((repository, _)) if same_end => {
            Some(format!("a workflow of another repository, {repository}"))
        }
        _ => None,
    }
}

/// In what two names differ, if it is little enough to be said.
fn near_miss(expected: &str, found: &str) -> Option<String> {
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
