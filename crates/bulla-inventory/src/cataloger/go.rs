//! Go modules: `go.mod`, and the build information in programs.
//!
//! Since Go 1.17 a `go.mod` names all modules of the build, so no other file is
//! needed; replacements are followed. A program also names its tool chain, which
//! counts as the module `stdlib`.

use super::CatalogError;
use crate::{Component, Ecosystem, FileTree, Purl, binary::GoBuild, cataloger::Draft};

/// Reads a `go.mod`.
pub(super) fn read_mod(path: &str, content: &[u8], draft: &mut Draft) -> Result<(), CatalogError> {
    let malformed = |reason: &str| CatalogError::malformed(path, "go.mod", reason);
    let text = std::str::from_utf8(content).map_err(|_| malformed("it is not UTF-8"))?;
    let parsed = parse_mod(text).map_err(malformed)?;
    for (name, version) in &parsed.require {
        let replacement = parsed.replace.iter().find(|replace| {
            replace.name == *name && replace.version.as_ref().is_none_or(|v| v == version)
        });
        match replacement.map(|replace| &replace.with) {
            None => add(draft, path, name, version),
            Some((name, Some(version))) => add(draft, path, name, version),
            // A folder on disk: ours, never published.
            Some((_, None)) => {
                let component = Component::new(Ecosystem::Golang, name, "", draft.origin());
                draft.add_at(path, component);
            }
        }
    }
    Ok(())
}

/// What a `go.mod` says about modules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoMod {
    /// Its own module path.
    pub module: String,
    /// (module, version)
    pub require: Vec<(String, String)>,
    /// Replacements.
    pub replace: Vec<Replace>,
}

/// One replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replace {
    /// The module that is replaced.
    pub name: String,
    /// Only that version of it.
    pub version: Option<String>,
    /// (module or folder, version); a folder has no version.
    pub with: (String, Option<String>),
}

/// Parses a `go.mod`.
///
/// # Errors
/// What is wrong, in one sentence.
pub fn parse_mod(text: &str) -> Result<GoMod, &'static str> {
    let mut parsed = GoMod::default();
    let mut block = String::new();
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        let unquote = |word: &str| word.trim_matches(['"', '`']).to_owned();
        let mut words: Vec<String> = line.split_whitespace().map(unquote).collect();
        if words.is_empty() {
            continue;
        }
        if block.is_empty() {
            let verb = words.remove(0);
            if words.first().is_some_and(|word| word == "(") {
                block = verb;
                continue;
            }
            parsed.statement(&verb, &words)?;
        } else if line == ")" {
            block.clear();
        } else {
            parsed.statement(&block, &words)?;
        }
    }
    if !block.is_empty() {
        return Err("a block is not closed");
    }
    if parsed.module.is_empty() {
        return Err("it names no module");
    }
    Ok(parsed)
}

impl GoMod {
    fn statement(&mut self, verb: &str, words: &[String]) -> Result<(), &'static str> {
        match (verb, words) {
            ("module", [name]) => self.module.clone_from(name),
            ("require", [name, version]) => self.require.push((name.clone(), version.clone())),
            ("module" | "require", _) => return Err("a line has too many or too few words"),
            ("replace", words) => {
                let arrow = words.iter().position(|w| w == "=>");
                let (from, to) = arrow
                    .and_then(|at| Some((words.get(..at)?, words.get(at + 1..)?)))
                    .ok_or("a replacement has no arrow")?;
                let (name, version) = match from {
                    [name] => (name, None),
                    [name, version] => (name, Some(version.clone())),
                    _ => return Err("a replacement names no module"),
                };
                let with = match to {
                    [name] => (name.clone(), None),
                    [name, version] => (name.clone(), Some(version.clone())),
                    _ => return Err("a replacement leads nowhere"),
                };
                self.replace.push(Replace {
                    name: name.clone(),
                    version,
                    with,
                });
            }
            _ => {}
        }
        Ok(())
    }
}

/// Adds the modules that were built into the programs of the image.
pub(super) fn catalog_binaries(tree: &FileTree, draft: &mut Draft) {
    for (path, file) in tree.files() {
        match file.binary.as_ref().and_then(|binary| binary.go.as_ref()) {
            Some(GoBuild::Read { version, modules }) => {
                if let Some(number) = version.strip_prefix("go") {
                    // `go1.22.3 X:experiment` and `go1.22-custom` are still 1.22.
                    let number = number.split([' ', '-']).next().unwrap_or(number);
                    add(draft, path, "stdlib", number);
                }
                for (name, version) in parse_modules(modules) {
                    add(draft, path, &name, &version);
                }
            }
            Some(GoBuild::Unreadable) => {
                draft.problem(path, "the Go build information in it cannot be read");
            }
            None => {}
        }
    }
}

/// The modules of a program: `dep` lines, or what replaced them (`=>`), and the
/// main module if it has a version.
pub fn parse_modules(text: &str) -> Vec<(String, String)> {
    let mut modules: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let mut words = line.split('\t');
        let verb = words.next().unwrap_or_default();
        let (Some(name), version) = (words.next(), words.next().unwrap_or_default()) else {
            continue;
        };
        match verb {
            "dep" | "mod" => modules.push((name.to_owned(), version.to_owned())),
            "=>" => {
                modules.pop();
                modules.push((name.to_owned(), version.to_owned()));
            }
            _ => {}
        }
    }
    modules.retain(|(_, version)| !version.is_empty() && version != "(devel)");
    modules
}

fn add(draft: &mut Draft, path: &str, name: &str, version: &str) {
    let (namespace, last) = name.rsplit_once('/').unwrap_or(("", name));
    let purl = Purl::builder("golang", last)
        .namespace(namespace)
        .version(version)
        .build();
    let mut component = Component::new(Ecosystem::Golang, name, version, draft.origin());
    match purl {
        Ok(purl) => component.purl = Some(purl),
        Err(error) => draft.problem(path, format!("{name}: {error}")),
    }
    draft.add_at(path, component);
}
