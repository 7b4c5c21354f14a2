//! A repository in a temporary directory, and the programs that make it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

pub(crate) const DATE: &str = "2026-03-01T12:00:00Z";
pub(crate) const EMAIL: &str = "ada@example.com";

pub(crate) struct Repo {
    dir: TempDir,
}

impl Repo {
    pub(crate) fn new() -> Self {
        let repo = Self::bare_dir();
        repo.git(["init", "-q", "-b", "main", "repo"], repo.dir.path());
        repo
    }

    pub(crate) fn bare_dir() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn top(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let at = self.root().join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, text).unwrap();
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        self.git(args, &self.root())
    }

    pub(crate) fn git<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        at: &Path,
    ) -> String {
        let output = self.try_git(args, at);
        assert!(
            output.status.success(),
            "git failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub(crate) fn try_git<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        at: &Path,
    ) -> Output {
        Command::new("git")
            .args(args)
            .current_dir(at)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.dir.path())
            .env("GNUPGHOME", self.dir.path().join("gnupg"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_NAME", "Ada")
            .env("GIT_AUTHOR_EMAIL", EMAIL)
            .env("GIT_COMMITTER_NAME", "Ada")
            .env("GIT_COMMITTER_EMAIL", EMAIL)
            .env("GIT_AUTHOR_DATE", DATE)
            .env("GIT_COMMITTER_DATE", DATE)
            .output()
            .unwrap()
    }

    /// Commits everything and answers the id.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.run(["add", "-A"]);
        self.run(["commit", "-q", "--allow-empty", "-m", message]);
        self.run(["rev-parse", "HEAD"])
    }

    /// Writes a tree object of raw `MODE NAME ID` entries, which git itself would refuse to make.
    pub(crate) fn raw_tree(&self, entries: &[(&str, &str, &str)]) -> String {
        let mut bytes = Vec::new();
        for (mode, name, id) in entries {
            bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            bytes.extend(decode_hex(id));
        }
        let file = self.dir.path().join("tree");
        fs::write(&file, bytes).unwrap();
        let path = file.to_str().unwrap();
        self.run(["hash-object", "-t", "tree", "-w", "--literally", path])
    }

    pub(crate) fn raw_blob(&self, bytes: &[u8]) -> String {
        let file = self.dir.path().join("blob");
        fs::write(&file, bytes).unwrap();
        self.run(["hash-object", "-w", "--no-filters", file.to_str().unwrap()])
    }

    /// Commits a tree by id and makes it `HEAD`.
    pub(crate) fn commit_tree(&self, tree: &str) -> String {
        let id = self.run(["commit-tree", tree, "-m", "raw"]);
        self.run(["update-ref", "HEAD", &id]);
        id
    }
}

fn decode_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// Says what is lacking; with `BULLA_NO_SKIP=1` that is a failure.
pub(crate) fn skip(name: &str, reason: &str) {
    println!("SKIP {name}: {reason}");
    assert!(
        std::env::var_os("BULLA_NO_SKIP").is_none_or(|value| value != "1"),
        "{name} must not be skipped: {reason}"
    );
}

pub(crate) fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}
