//! Who may depend on whom.
//!
//! Asks `cargo tree -p CRATE -e normal` crate by crate: a resolution of the
//! whole workspace unifies features and would show edges that are not there.

use crate::{
    Result,
    workspace::{cargo, crates, output},
};

/// The product crates, lowest layer first. A crate depends on lower rows only.
const LAYERS: [&[&str]; 9] = [
    &["bulla-alloc", "bulla-core"],
    &["bulla-crypto", "bulla-inventory", "bulla-expr"],
    &["bulla-trust"],
    &["bulla-policy", "bulla-scan"],
    &["bulla-net"],
    &["bulla-oci", "bulla-store", "bulla-source", "bulla-build"],
    &[
        "bulla-authority",
        "bulla-registry",
        "bulla-admission",
        "bulla-runtime",
    ],
    &["bulla-console"],
    &["bulla"],
];

/// The first row that may do input and output.
const FIRST_IO: usize = 4;

/// What has no place below [`FIRST_IO`].
const IO_CRATES: [&str; 6] = ["tokio", "reqwest", "hyper", "axum", "kube", "sqlx"];

/// Complaints about the dependency graph.
pub fn check() -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for krate in crates()? {
        let name = krate.name.as_str();
        if name == "bulla-testkit" {
            continue;
        }
        let Some(layer) = layer_of(name) else {
            complaints.push(format!("{name} has no layer: add it to {}", file!()));
            continue;
        };
        for line in tree(name)?.lines() {
            let Some(edge) = Edge::parse(line) else {
                continue;
            };
            complaints.extend(judge(name, layer, &edge));
        }
    }
    complaints.sort();
    complaints.dedup();
    Ok(complaints)
}

fn tree(name: &str) -> Result<String> {
    output(cargo().args([
        "tree", "-p", name, "-e", "normal", "--prefix", "depth", "--format", " {p}|{f}",
    ]))
}

/// One line of `cargo tree`.
#[derive(Debug, PartialEq, Eq)]
struct Edge<'a> {
    depth: usize,
    package: &'a str,
    features: &'a str,
}

impl<'a> Edge<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (depth, rest) = line.split_once(' ')?;
        let (package, features) = rest.split_once('|')?;
        Some(Self {
            depth: depth.parse().ok()?,
            package: package.split_whitespace().next()?,
            features,
        })
    }
}

fn layer_of(name: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&name))
}

fn judge(name: &str, layer: usize, edge: &Edge) -> Option<String> {
    let package = edge.package;
    if edge.depth == 0 {
        return None;
    }
    if package == "bulla-testkit" || package == "xtask" {
        return Some(format!("{name} ships {package}: make it a dev-dependency"));
    }
    if package.starts_with("bulla") && edge.features.contains("test-evidence") {
        return Some(format!(
            "{name} ships {package} with feature test-evidence: only dev-dependencies may"
        ));
    }
    if edge.depth == 1
        && (package == "gix" || package.starts_with("gix-"))
        && name != "bulla-source"
    {
        return Some(format!(
            "{name} uses {package}: git belongs to bulla-source"
        ));
    }
    if layer < FIRST_IO && IO_CRATES.contains(&package) {
        return Some(format!(
            "{name} (layer {layer}) reaches {package}: layers below {FIRST_IO} do no I/O"
        ));
    }
    if edge.depth == 1 && package.starts_with("bulla") {
        return match layer_of(package) {
            Some(lower) if lower < layer => None,
            Some(other) => Some(format!(
                "{name} (layer {layer}) depends on {package} (layer {other}): only lower layers"
            )),
            None => Some(format!("{name} depends on {package}, which has no layer")),
        };
    }
    None
}

#[cfg(test)]
mod tests;
