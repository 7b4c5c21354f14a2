//! Where things are: the root, the crates, their Rust files, cargo.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Result;

/// One crate of the workspace.
#[derive(Clone, Debug)]
pub struct Crate {
    /// Its name, which is also its folder's.
    pub name: String,
    /// Its folder.
    pub dir: PathBuf,
}

/// The repository's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Cargo's target folder.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// A cargo command, run at the root.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The crates below `crates/`, by name.
pub fn crates() -> Result<Vec<Crate>> {
    let mut crates = Vec::new();
    for entry in fs::read_dir(root().join("crates"))? {
        let dir = entry?.path();
        if dir.join("Cargo.toml").is_file() {
            let name = file_name(&dir);
            crates.push(Crate { name, dir });
        }
    }
    crates.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(crates)
}

/// Every Rust file of ours, sorted: crates, xtask, examples, fuzz targets.
pub fn rust_files() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for top in ["crates", "xtask", "examples", "fuzz"] {
        walk(&root().join(top), &mut files)?;
    }
    files.retain(|file| file.extension().is_some_and(|e| e == "rs"));
    files.sort();
    Ok(files)
}

/// Every file below `dir`, without build output and hidden folders.
pub fn walk(dir: &Path, into: &mut Vec<PathBuf>) -> Result {
    if !dir.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = file_name(&path);
        if path.is_symlink() || name == "target" || name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            walk(&path, into)?;
        } else {
            into.push(path);
        }
    }
    Ok(())
}

/// `path` as written from the root.
pub fn relative(path: &Path) -> String {
    let root = root();
    path.strip_prefix(&root)
        .unwrap_or(path)
        .display()
        .to_string()
}

/// The last part of a path as text.
pub fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Whether a file holds tests rather than product code.
pub fn is_test(path: &Path) -> bool {
    let path = relative(path);
    path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.starts_with("crates/bulla-testkit")
}

/// The folder of test data (`suites/`, `data/`): beside this repository, beside
/// the repository that this is a worktree of, or beside the one it was cloned from.
pub fn shared() -> Option<PathBuf> {
    let git = |args: &[&str]| -> Option<PathBuf> {
        let text = output(Command::new("git").current_dir(root()).args(args)).ok()?;
        Some(root().join(text.trim()))
    };
    let worktree_of = || Some(git(&["rev-parse", "--git-common-dir"])?.join(".."));
    let cloned_from = || git(&["remote", "get-url", "origin"]);
    let beside = |repository: PathBuf| {
        let folder = repository.join("../shared").canonicalize().ok()?;
        folder.join("suites").is_dir().then_some(folder)
    };
    beside(root())
        .or_else(|| beside(worktree_of()?))
        .or_else(|| beside(cloned_from()?))
}

/// The first `program` on the search path.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}

/// The standard output of a command that must succeed.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} failed ({}):\n{stderr}", output.status).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
