//! Links of the documents: relative ones must lead to a file of the repository,
//! and every page of the book must be in its table of contents.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Result,
    workspace::{relative, root, walk},
};

/// Broken relative links and forgotten pages.
pub fn check() -> Result<Vec<String>> {
    let root = root();
    let mut pages: Vec<PathBuf> = Vec::new();
    walk(&root.join("docs"), &mut pages)?;
    for name in [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
    ] {
        pages.push(root.join(name));
    }
    pages.retain(|page| page.extension().is_some_and(|e| e == "md") && page.is_file());
    let summary = root.join("docs/src/SUMMARY.md");
    let contents = fs::read_to_string(&summary).unwrap_or_default();
    let mut complaints = Vec::new();
    for page in &pages {
        let text = fs::read_to_string(page)?;
        for target in targets(&text) {
            let path = target.split('#').next().unwrap_or_default();
            let outside = target.contains("://") || target.starts_with("mailto:");
            if outside || path.is_empty() {
                continue;
            }
            let folder = page.parent().unwrap_or(Path::new("."));
            if !folder.join(path).exists() {
                complaints.push(format!("{}: {target} leads nowhere", relative(page)));
            }
        }
        if let Ok(inside) = page.strip_prefix(root.join("docs/src")) {
            let inside = inside.display().to_string();
            if *page != summary && !contents.contains(&format!("({inside})")) {
                complaints.push(format!("docs/src/SUMMARY.md does not list {inside}"));
            }
        }
    }
    Ok(complaints)
}

/// The targets of `[text](target)` outside code blocks.
fn targets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        // Odd pieces between backticks are code.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for piece in prose.split("](").skip(1) {
            if let Some((target, _)) = piece.split_once(')') {
                found.push(target.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
#[test]
fn code_holds_no_links() {
    let text = "see [a](x.md) and `[b](y.md)`\n```\n[c](z.md)\n```\n[d](w.md#p)";
    assert_eq!(targets(text), ["x.md", "w.md#p"]);
}
