//! What a repository is made of, and a commented `bulla.toml` that works for it.
//!
//! One file per kind; the first kind that recognises the folder proposes. Nothing is
//! executed, and nothing but manifest files is read.

use bulla_core::limits;
use std::{fs::File, path::Path};

mod cargo;
mod go;
mod make;
mod npm;
mod python;
mod site;

/// A recipe proposed for a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// What the folder was taken for: `Cargo`, `Go`, `npm`, `Python`, `Make`, `static site`.
    pub kind: &'static str,
    /// The text of the recipe, with comments.
    pub text: String,
    /// What the person should do before the first build.
    pub notes: Vec<String>,
}

/// A folder that is looked at.
pub(crate) struct Folder<'a> {
    path: &'a Path,
}

/// The parts that differ between kinds.
pub(crate) struct Draft {
    pub(crate) kind: &'static str,
    pub(crate) name: Option<String>,
    pub(crate) lock: Option<&'static str>,
    /// Comments and tables for the steps.
    pub(crate) steps: String,
    /// `path`, `to`, `mode`.
    pub(crate) outputs: Vec<(String, String, &'static str)>,
    pub(crate) base: &'static str,
    pub(crate) entrypoint: Vec<String>,
    pub(crate) notes: Vec<String>,
}

/// Looks at `folder` and proposes a recipe; nothing if it is of no known kind.
pub fn propose(folder: &Path) -> Option<Proposal> {
    let folder = Folder { path: folder };
    let kinds = [
        cargo::draft,
        go::draft,
        npm::draft,
        python::draft,
        make::draft,
        site::draft,
    ];
    kinds
        .iter()
        .find_map(|draft| draft(&folder))
        .map(|draft| render(draft, &folder))
}

impl Folder<'_> {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.path.join(name).is_file()
    }

    pub(crate) fn read(&self, name: &str) -> Option<String> {
        let file = File::open(self.path.join(name)).ok()?;
        let bytes = limits::read_bounded(file, limits::CONFIG_BYTES, "a manifest").ok()?;
        String::from_utf8(bytes).ok()
    }

    /// The folder's own name.
    fn name(&self) -> String {
        let real = self
            .path
            .canonicalize()
            .unwrap_or_else(|_| self.path.to_path_buf());
        real.file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    }
}

/// A text as a TOML string.
pub(crate) fn quote(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// `text` as a repository name.
fn repository(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let plain: String = lower
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let name = plain
        .split('-')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    if name.is_empty() { "app".into() } else { name }
}

fn render(draft: Draft, folder: &Folder<'_>) -> Proposal {
    let name = repository(&draft.name.unwrap_or_else(|| folder.name()));
    let mut text = format!(
        "# How bulla builds this repository ({}), and the image it becomes.\n\
         # Steps run without network, in a private copy of the commit's files.\n\
         version = 1\n\
         # The repository in the registry.\n\
         name = {}\n",
        draft.kind,
        quote(&name)
    );
    match draft.lock {
        Some(lock) => text.push_str(&format!(
            "\n[fetch]\n# Every dependency is fetched by the digest that this file names.\nlock = {}\n",
            quote(lock)
        )),
        None => text.push_str("\n# No lock file, so nothing is fetched.\n"),
    }
    text.push_str(&format!("\n{}", draft.steps));
    text.push_str(
        "\n# Bounds of the whole build; these are the defaults.\n# [limits]\n# time = \"15m\"\n\
         # memory = \"4GiB\"\n# processes = 512\n# disk = \"8GiB\"\n",
    );
    text.push_str("\n# What leaves the build, and where it goes in the image.\n");
    for (path, to, mode) in &draft.outputs {
        text.push_str(&format!(
            "[[output]]\npath = {}\nto = {}\nmode = \"{mode}\"\n",
            quote(path),
            quote(to)
        ));
    }
    let entrypoint: Vec<String> = draft.entrypoint.iter().map(|word| quote(word)).collect();
    text.push_str(&format!(
        "\n[image]\n# scratch, layout:PATH (an OCI layout), or NAME@sha256:DIGEST.\nbase = \"{}\"\n\
         entrypoint = [{}]\n# Never root.\nuser = \"65532:65532\"\n",
        draft.base,
        entrypoint.join(", ")
    ));
    text.push_str("\n# May only tighten the policy of whoever admits the image.\n# [policy]\n# fail-on = \"high\"\n");
    Proposal {
        kind: draft.kind,
        text,
        notes: draft.notes,
    }
}

#[cfg(test)]
mod tests;
