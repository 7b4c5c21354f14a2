//! Alpine's list of mended weaknesses (`secdb`, YAML): for each package the
//! versions that mended something.
//!
//! Reads the few shapes that these files have, line by line, and refuses others.
//! The version `0` means that Alpine was never affected.

use bulla_inventory::Ecosystem;
use jiff::civil::Date;
use std::collections::BTreeMap;

use super::super::{Advisory, Affected, Builder, Event, Range, Scope};

/// Adds every package of one file. `date` is the day of the copy: the files
/// state none.
///
/// # Errors
/// The line that has another shape, in one sentence.
pub fn add(text: &str, date: Date, builder: &mut Builder) -> Result<usize, String> {
    let mut release = String::new();
    let (mut package, mut version) = (String::new(), String::new());
    let mut inside = false;
    let mut fixes: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let odd = || format!("line {} has a shape that is not known", number + 1);
        let unquoted = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
        let trimmed = line.trim();
        if let Some(value) = line.strip_prefix("distroversion:") {
            release = format!("alpine-{}", unquoted(value).trim_start_matches('v'));
        } else if let Some(value) = trimmed.strip_prefix("name:") {
            package = unquoted(value);
            inside = false;
        } else if trimmed.starts_with("secfixes:") {
            inside = true;
        } else if inside && trimmed.starts_with("- pkg:") {
            inside = false;
        } else if inside && !trimmed.is_empty() && !trimmed.starts_with('#') {
            if let Some(ids) = trimmed.strip_prefix("- ") {
                if package.is_empty() || version.is_empty() {
                    return Err(odd());
                }
                // The first word is the id; others are further names or remarks.
                let id = ids.split_whitespace().next().ok_or_else(odd)?;
                let id = unquoted(id).replace('_', "-");
                fixes
                    .entry(id)
                    .or_default()
                    .push((package.clone(), version.clone()));
            } else if let Some(key) = trimmed.split(':').next().filter(|_| trimmed.contains(':')) {
                version = unquoted(key);
            } else {
                return Err(odd());
            }
        }
    }
    if release.is_empty() {
        return Err("it names no distroversion".into());
    }
    let scope = Scope {
        ecosystem: Ecosystem::Apk,
        release: release.clone(),
    };
    builder.covers(scope.clone(), "alpine-secdb", Some(date));
    let count = fixes.len();
    for (id, packages) in fixes {
        let affected = packages
            .into_iter()
            .filter(|(_, version)| version != "0")
            .map(|(package, version)| {
                let events = vec![Event::Introduced("0".into()), Event::Fixed(version)];
                let facts = Affected {
                    ranges: vec![Range { events }],
                    versions: Vec::new(),
                };
                (scope.clone(), package, facts)
            })
            .collect();
        let advisory = Advisory {
            // The same weakness has other answers in other releases and repositories.
            id: format!("{id}@{release}"),
            aliases: vec![id],
            date: Some(date),
            ..Advisory::default()
        };
        builder.extend(advisory, affected);
    }
    Ok(count)
}

#[cfg(test)]
mod tests;
