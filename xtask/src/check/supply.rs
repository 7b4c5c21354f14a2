//! `deny.toml`, as far as it can be checked without cargo-deny: no banned crate
//! in `Cargo.lock`, one source of crates, allowed licences only.
//!
//! Lists are read line by line, so each entry of `deny.toml` keeps its own line.

use std::{collections::BTreeSet, fs};

use crate::{
    Result,
    workspace::{cargo, output, root},
};

/// Complaints about what came in.
pub fn check() -> Result<Vec<String>> {
    let rules = fs::read_to_string(root().join("deny.toml"))?;
    let lock = fs::read_to_string(root().join("Cargo.lock"))?;
    let mut complaints = Vec::new();
    let banned: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("{ crate = \"")?.split('"').next())
        .collect();
    for line in lock.lines() {
        if let Some(name) = value(line, "name") {
            if banned.contains(&name) {
                complaints.push(format!("Cargo.lock: {name} is banned by deny.toml"));
            }
        } else if let Some(source) = value(line, "source")
            && source != "registry+https://github.com/rust-lang/crates.io-index"
        {
            complaints.push(format!("Cargo.lock: {source} is no accepted source"));
        }
    }
    let allowed = list(&rules, "allow = [");
    let tree = output(cargo().args([
        "tree",
        "--workspace",
        "-e",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}|{l}",
    ]))?;
    let mut seen = BTreeSet::new();
    for line in tree.lines() {
        let line = line.trim_end_matches(" (*)");
        let Some((package, licence)) = line.split_once('|') else {
            continue;
        };
        if seen.insert(package) && !is_allowed(licence, &allowed) {
            complaints.push(format!(
                "{package} is under {licence:?}, which deny.toml does not allow"
            ));
        }
    }
    Ok(complaints)
}

fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?
        .strip_prefix(" = \"")?
        .strip_suffix('"')
}

/// The quoted entries after the line `start`, to the closing bracket.
fn list<'a>(text: &'a str, start: &str) -> BTreeSet<&'a str> {
    text.lines()
        .skip_while(|line| *line != start)
        .skip(1)
        .take_while(|line| *line != "]")
        .filter_map(|line| line.trim().strip_prefix('"')?.split('"').next())
        .collect()
}

/// Whether an SPDX expression can be met: one side of each `OR`, both of each `AND`.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let text = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut at = 0;
    any(&words, &mut at, allowed) && at == words.len()
}

fn any(words: &[&str], at: &mut usize, allowed: &BTreeSet<&str>) -> bool {
    let mut result = all(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        result |= all(words, at, allowed);
    }
    result
}

fn all(words: &[&str], at: &mut usize, allowed: &BTreeSet<&str>) -> bool {
    let mut result = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        result &= one(words, at, allowed);
    }
    result
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<&str>) -> bool {
    let Some(word) = words.get(*at) else {
        return false;
    };
    *at += 1;
    if *word == "(" {
        let result = any(words, at, allowed);
        *at += 1;
        return result;
    }
    let mut name = (*word).to_owned();
    if words.get(*at) == Some(&"WITH") {
        name = format!("{name} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
    }
    allowed.contains(name.as_str())
}

#[cfg(test)]
#[test]
fn expressions_are_met_by_what_is_allowed() {
    let allowed = BTreeSet::from(["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"]);
    for (expression, expected) in [
        ("MIT OR GPL-3.0", true),
        ("GPL-3.0", false),
        ("MIT AND GPL-3.0", false),
        ("ISC AND (GPL-3.0 OR MIT)", true),
        ("(GPL-3.0 OR MIT) AND Zlib", false),
        ("Unlicense/MIT", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
}
