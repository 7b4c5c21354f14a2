//! The compilers a build uses: where they are on this machine, where the sandbox
//! sees them, and their digests for provenance.
//!
//! Tools below `/usr` are visible anyway; others (rustup, nvm, pyenv …) are bound
//! read-only, below `/toolchain` if they can be moved. They are asked for their place from `/`, never
//! from the source tree, which could otherwise choose what is executed here.

use bulla_core::{Digest, DigestHasher};
use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    recipe::{LockKind, Recipe},
    sandbox::{Bind, Isolation},
};

/// A program that took part in the build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// `rustc`, `cargo`, `go` …
    pub name: String,
    /// What it says of its version, one line.
    pub version: String,
    /// Of the program file.
    pub digest: Digest,
}

/// The toolchains of one build.
#[derive(Clone, Debug, Default)]
pub(crate) struct Toolchain {
    pub(crate) binds: Vec<Bind>,
    /// Directories of programs, as the sandbox sees them.
    pub(crate) path: Vec<PathBuf>,
    /// Program files on this machine, to be hashed.
    programs: Vec<(String, PathBuf)>,
    pub(crate) rust: bool,
}

const LANGUAGES: [(&str, &[&str], &str, LockKind); 4] = [
    (
        "rust",
        &["cargo", "rustc", "rustdoc"],
        "Cargo.toml",
        LockKind::Cargo,
    ),
    ("go", &["go", "gofmt"], "go.mod", LockKind::Go),
    (
        "node",
        &["node", "npm", "npx"],
        "package.json",
        LockKind::Npm,
    ),
    (
        "python",
        &["python", "python3", "pip", "pip3"],
        "pyproject.toml",
        LockKind::Pip,
    ),
];

impl Toolchain {
    /// The toolchains that the recipe's steps name, or that the source's files hint at.
    pub(crate) fn find(recipe: &Recipe, source: &Path, level: Isolation) -> Self {
        let mut found = Self::default();
        let arguments = recipe.steps.iter().flat_map(|step| &step.run);
        let words: Vec<&str> = arguments
            .flat_map(|text| {
                text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '.')
            })
            .collect();
        for (language, programs, manifest, lock) in LANGUAGES {
            let wanted = recipe.lock.as_ref().is_some_and(|found| found.kind == lock)
                || words.iter().any(|word| programs.contains(word))
                || source.join(manifest).is_file();
            if wanted {
                found.add(language, source, level);
            }
        }
        if found.rust
            || words
                .iter()
                .any(|word| ["cc", "gcc", "make", "clang", "ld"].contains(word))
        {
            for name in ["cc", "ld", "make"] {
                let place =
                    ["/usr/local/bin", "/usr/bin", "/bin"].map(|dir| Path::new(dir).join(name));
                let program = place
                    .into_iter()
                    .find_map(|path| fs::canonicalize(path).ok());
                found
                    .programs
                    .extend(program.map(|path| (name.to_owned(), path)));
            }
        }
        found.path.extend(
            ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"].map(PathBuf::from),
        );
        found
    }

    fn add(&mut self, language: &'static str, source: &Path, level: Isolation) {
        let (root, programs): (_, &[&str]) = match language {
            "rust" => (rust_root(source), &["rustc", "cargo"]),
            "go" => (
                ask("go", &["env", "GOROOT"], &[("GOTOOLCHAIN", "local")]),
                &["go"],
            ),
            "node" => (prefix_of("node"), &["node"]),
            _ => (
                ask(
                    "python3",
                    &["-I", "-c", "import sys; print(sys.base_prefix)"],
                    &[],
                ),
                &["python3"],
            ),
        };
        let Some(root) = root.and_then(|root| fs::canonicalize(root).ok()) else {
            return;
        };
        let seen = self.show(&root, language, level);
        self.path.push(seen.join("bin"));
        self.rust |= language == "rust";
        for name in programs {
            if let Ok(path) = fs::canonicalize(root.join("bin").join(name)) {
                self.programs.push(((*name).into(), path));
            }
        }
    }

    /// Where the sandbox sees `root`, bound if it is not visible anyway.
    fn show(&mut self, root: &Path, name: &str, level: Isolation) -> PathBuf {
        if root.starts_with("/usr") {
            return root.to_path_buf();
        }
        let target = match name {
            // Finds its own library by the path it was built for.
            "python" => root.to_path_buf(),
            name => Path::new("/toolchain").join(name),
        };
        self.binds.push(Bind {
            source: root.to_path_buf(),
            target: target.clone(),
        });
        match level {
            Isolation::Namespaces => target,
            Isolation::Landlock | Isolation::None => root.to_path_buf(),
        }
    }

    /// Hashes the programs and asks their versions.
    pub(crate) fn describe(&self) -> io::Result<Vec<Tool>> {
        self.programs
            .iter()
            .map(|(name, path)| {
                let mut hasher = DigestHasher::new();
                io::copy(&mut fs::File::open(path)?, &mut hasher)?;
                let argument = if name == "go" { "version" } else { "--version" };
                let version = output(Command::new(path).arg(argument)).unwrap_or_default();
                Ok(Tool {
                    name: name.clone(),
                    version: version
                        .lines()
                        .next()
                        .unwrap_or_default()
                        .chars()
                        .take(200)
                        .collect(),
                    digest: hasher.finish().0,
                })
            })
            .collect()
    }
}

/// The sysroot of the toolchain that the source names, or of the default one.
fn rust_root(source: &Path) -> Option<PathBuf> {
    let channel = rust_channel(source);
    let mut variables = vec![("RUSTUP_AUTO_INSTALL", "0")];
    variables.extend(
        channel
            .as_deref()
            .map(|channel| ("RUSTUP_TOOLCHAIN", channel)),
    );
    ask("rustc", &["--print", "sysroot"], &variables).or_else(|| {
        ask(
            "rustc",
            &["--print", "sysroot"],
            &[("RUSTUP_AUTO_INSTALL", "0")],
        )
    })
}

/// The channel that `rust-toolchain.toml` names; a path there is never followed.
fn rust_channel(source: &Path) -> Option<String> {
    let text = ["rust-toolchain.toml", "rust-toolchain"]
        .into_iter()
        .find_map(|name| fs::read_to_string(source.join(name)).ok())?;
    let channel = match toml::from_str::<toml::Table>(&text) {
        Ok(table) => table.get("toolchain")?.get("channel")?.as_str()?.to_owned(),
        Err(_) => text.trim().to_owned(),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (!channel.is_empty() && channel.len() < 64 && channel.chars().all(plain)).then_some(channel)
}

fn ask(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Option<PathBuf> {
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().copied());
    let text = output(&mut command)?;
    let line = text.lines().next()?.trim();
    Path::new(line).is_absolute().then(|| line.into())
}

fn output(command: &mut Command) -> Option<String> {
    let quiet = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/");
    let output = quiet
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

/// The prefix (`bin/..`) of the first program of this name in `PATH`.
fn prefix_of(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path)
        .map(|place| place.join(program))
        .find(|path| path.is_file())?;
    let real = fs::canonicalize(found).ok()?;
    let bin = real
        .parent()
        .filter(|parent| parent.file_name() == Some(OsStr::new("bin")))?;
    bin.parent().map(Path::to_path_buf)
}
