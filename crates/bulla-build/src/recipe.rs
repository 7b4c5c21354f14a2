//! `bulla.toml`: what to fetch, which steps to run, which files come out, what
//! image they become.
//!
//! The document is closed: an unknown key is an error that names the nearest
//! known one. Every error carries line and column and shows the line. A recipe
//! describes a build and may only tighten the policy; trust, signers and servers
//! never come from here. Nothing in this file touches the disk.

use bulla_core::{Digest, Reference, limits::CONFIG_BYTES};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};
use toml::Spanned;

mod error;
mod position;
mod quantity;
mod raw;

pub use error::RecipeError;
pub use position::Position;
use position::nearest;
pub use quantity::{parse_duration, parse_size};

/// The name under which a recipe is looked for.
pub const FILE_NAME: &str = "bulla.toml";

/// Steps, outputs and variables that one recipe may have, each.
pub const MAX_ENTRIES: usize = 256;

/// A whole recipe, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// The repository name in the registry.
    pub name: String,
    /// Which lock file names the dependencies; nothing is fetched without one.
    pub lock: Option<Lock>,
    /// What to run, in this order.
    pub steps: Vec<Step>,
    /// The bounds of the whole build.
    pub limits: Limits,
    /// Which files come out.
    pub outputs: Vec<Output>,
    /// The image they become.
    pub image: Image,
    /// How the recipe tightens the policy: unread here, checked key by key by whoever
    /// applies it, who refuses what is unknown or would loosen.
    pub policy: toml::Table,
    /// SHA-256 of the document.
    pub digest: Digest,
}

/// A lock file and the package manager that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The package manager.
    pub kind: LockKind,
    /// Relative to the recipe.
    pub path: PathBuf,
}

/// A package manager whose lock file names every file by digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LockKind {
    /// `Cargo.lock`.
    Cargo,
    /// `go.sum`.
    Go,
    /// `package-lock.json`.
    Npm,
    /// `requirements*.txt` with hashes.
    Pip,
}

impl LockKind {
    /// The kind that writes a file of this name.
    pub fn of_file_name(name: &str) -> Option<Self> {
        match name {
            "Cargo.lock" => Some(Self::Cargo),
            "go.sum" => Some(Self::Go),
            "package-lock.json" | "npm-shrinkwrap.json" => Some(Self::Npm),
            _ if name.starts_with("requirements") && name.ends_with(".txt") => Some(Self::Pip),
            _ => None,
        }
    }

    /// The word used in talk, in purls' order of things: `cargo`, `go`, `npm`, `pip`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cargo => "cargo",
            Self::Go => "go",
            Self::Npm => "npm",
            Self::Pip => "pip",
        }
    }
}

/// One command of the build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How it is called in talk and in errors.
    pub name: String,
    /// Program and arguments; no shell is implied.
    pub run: Vec<String>,
    /// Variables beside the fixed ones.
    pub env: BTreeMap<String, String>,
}

/// The bounds of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, Deserialize)]
pub struct Limits {
    /// Seconds, for all steps together.
    pub time: u64,
    /// Bytes, of all processes together.
    pub memory: u64,
    /// Processes and threads at one time.
    pub processes: u64,
    /// Bytes written, `/tmp` included.
    pub disk: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: 15 * 60,
            memory: 4 << 30,
            processes: 512,
            disk: 8 << 30,
        }
    }
}

/// A file that leaves the build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Relative to the source tree.
    pub path: PathBuf,
    /// Its absolute path in the image.
    pub to: String,
    /// Its permission bits in the image.
    pub mode: u32,
}

/// What the image starts from.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Base {
    /// An OCI image layout beside the recipe.
    Layout(PathBuf),
    /// An image named by digest.
    Reference(Reference),
    /// Nothing.
    #[default]
    Scratch,
}

/// The image's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// What it starts from.
    pub base: Base,
    /// Program and arguments.
    pub entrypoint: Vec<String>,
    /// `UID:GID`, never 0.
    pub user: String,
    /// Variables.
    pub env: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

impl Recipe {
    /// Reads a `bulla.toml`; `path` is how it is called in errors.
    ///
    /// # Errors
    /// [`RecipeError`], with line and column.
    pub fn parse(text: &str, path: &str) -> Result<Self, RecipeError> {
        let reader = Reader { text, path };
        if text.len() as u64 > CONFIG_BYTES {
            return Err(RecipeError::TooLarge { path: path.into() });
        }
        let raw: raw::Document = toml::from_str(text).map_err(|error| reader.syntax(&error))?;
        reader.check(raw)
    }
}

/// Turns the raw document into a recipe, or says where it cannot.
struct Reader<'a> {
    text: &'a str,
    path: &'a str,
}

impl Reader<'_> {
    fn at(&self, span: std::ops::Range<usize>) -> Position {
        Position::of(self.path, self.text, span)
    }

    fn syntax(&self, error: &toml::de::Error) -> RecipeError {
        let at = self.at(error.span().unwrap_or(0..0));
        let message = error.message();
        let mut words = message.split('`').skip(1).step_by(2);
        if message.starts_with("unknown field")
            && let Some(key) = words.next()
        {
            return RecipeError::UnknownKey {
                key: key.into(),
                suggestion: nearest(key, words).map(Into::into),
                at,
            };
        }
        RecipeError::Syntax {
            problem: message.trim_end().into(),
            at,
        }
    }

    fn invalid<T>(&self, value: &Spanned<T>, problem: impl Into<String>) -> RecipeError {
        RecipeError::Invalid {
            problem: problem.into(),
            at: self.at(value.span()),
        }
    }

    fn check(&self, raw: raw::Document) -> Result<Recipe, RecipeError> {
        if *raw.version.get_ref() != 1 {
            return Err(RecipeError::Version {
                version: *raw.version.get_ref(),
                at: self.at(raw.version.span()),
            });
        }
        if !bulla_core::reference::is_repository(raw.name.get_ref()) {
            return Err(self.invalid(
                &raw.name,
                "a name is made of lower-case letters, digits, '-', '.', '_' and '/'",
            ));
        }
        Ok(Recipe {
            lock: raw.fetch.map(|fetch| self.lock(&fetch.lock)).transpose()?,
            steps: self.steps(&raw.step)?,
            limits: self.limits(&raw.limits)?,
            outputs: self.outputs(&raw.output)?,
            image: self.image(raw.image)?,
            policy: raw.policy,
            name: raw.name.into_inner(),
            digest: Digest::sha256(self.text.as_bytes()),
        })
    }

    fn relative(&self, text: &Spanned<String>) -> Result<PathBuf, RecipeError> {
        contained(text.get_ref()).ok_or_else(|| {
            self.invalid(
                text,
                "a path below the recipe's folder is expected, without '..'",
            )
        })
    }

    fn lock(&self, text: &Spanned<String>) -> Result<Lock, RecipeError> {
        let path = self.relative(text)?;
        let name = path.file_name().and_then(|name| name.to_str());
        match name.and_then(LockKind::of_file_name) {
            Some(kind) => Ok(Lock { kind, path }),
            None => Err(self.invalid(
                text,
                "Cargo.lock, go.sum, package-lock.json or requirements*.txt is expected",
            )),
        }
    }

    fn steps(&self, raw: &Spanned<Vec<raw::Step>>) -> Result<Vec<Step>, RecipeError> {
        if raw.get_ref().len() > MAX_ENTRIES {
            return Err(self.invalid(raw, format!("more than {MAX_ENTRIES} steps")));
        }
        let mut names = BTreeSet::new();
        raw.get_ref()
            .iter()
            .map(|step| {
                let name = step.name.get_ref();
                let plain = |c: char| c.is_ascii_alphanumeric() || "-_. ".contains(c);
                if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
                    return Err(self.invalid(
                        &step.name,
                        "a step's name has 1 to 64 letters, digits, '-', '_', '.' or spaces",
                    ));
                }
                if !names.insert(name.clone()) {
                    return Err(self.invalid(&step.name, "two steps have this name"));
                }
                let run = step.run.get_ref();
                if run.first().is_none_or(String::is_empty) || run.len() > MAX_ENTRIES {
                    return Err(self.invalid(&step.run, "a program and its arguments are expected"));
                }
                if run.iter().any(|argument| argument.contains('\0')) {
                    return Err(self.invalid(&step.run, "an argument contains a NUL"));
                }
                Ok(Step {
                    name: name.clone(),
                    run: run.clone(),
                    env: self.env(&step.env)?,
                })
            })
            .collect()
    }

    fn env(
        &self,
        raw: &Spanned<BTreeMap<String, String>>,
    ) -> Result<BTreeMap<String, String>, RecipeError> {
        let named = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let bad = raw.get_ref().iter().find(|(key, value)| {
            key.is_empty()
                || key.starts_with(|c: char| c.is_ascii_digit())
                || !key.chars().all(named)
                || value.contains('\0')
        });
        match bad {
            Some((key, _)) => Err(self.invalid(raw, format!("{key:?} cannot be a variable"))),
            None if raw.get_ref().len() > MAX_ENTRIES => {
                Err(self.invalid(raw, format!("more than {MAX_ENTRIES} variables")))
            }
            None => Ok(raw.get_ref().clone()),
        }
    }

    fn limits(&self, raw: &raw::Limits) -> Result<Limits, RecipeError> {
        let mut limits = Limits::default();
        if let Some(text) = &raw.time {
            limits.time = parse_duration(text.get_ref())
                .ok_or_else(|| self.invalid(text, "a time such as 90s, 15m or 1h is expected"))?;
        }
        for (text, limit) in [
            (&raw.memory, &mut limits.memory),
            (&raw.disk, &mut limits.disk),
        ] {
            if let Some(text) = text {
                *limit = parse_size(text.get_ref()).ok_or_else(|| {
                    self.invalid(
                        text,
                        "a size such as 512MiB or 4GiB is expected, at least 1MiB",
                    )
                })?;
            }
        }
        if let Some(number) = &raw.processes {
            limits.processes = Some(*number.get_ref())
                .filter(|number| (1..=65_536).contains(number))
                .ok_or_else(|| self.invalid(number, "1 to 65536 processes are expected"))?;
        }
        Ok(limits)
    }

    fn outputs(&self, raw: &Spanned<Vec<raw::Output>>) -> Result<Vec<Output>, RecipeError> {
        if raw.get_ref().is_empty() || raw.get_ref().len() > MAX_ENTRIES {
            return Err(self.invalid(raw, format!("1 to {MAX_ENTRIES} outputs are expected")));
        }
        let mut targets = BTreeSet::new();
        raw.get_ref()
            .iter()
            .map(|output| {
                let to = output.to.get_ref();
                if to.strip_prefix('/').and_then(contained).is_none() {
                    return Err(self.invalid(&output.to, "an absolute path is expected"));
                }
                if !targets.insert(to.clone()) {
                    return Err(self.invalid(&output.to, "two outputs go here"));
                }
                let mode = match &output.mode {
                    None => 0o644,
                    Some(text) => u32::from_str_radix(text.get_ref(), 8)
                        .ok()
                        .filter(|mode| *mode <= 0o777 && text.get_ref().len() <= 4)
                        .ok_or_else(|| {
                            self.invalid(text, "permissions such as \"0755\" are expected")
                        })?,
                };
                Ok(Output {
                    path: self.relative(&output.path)?,
                    to: to.clone(),
                    mode,
                })
            })
            .collect()
    }

    fn image(&self, raw: raw::Image) -> Result<Image, RecipeError> {
        let base = match &raw.base {
            None => Base::Scratch,
            Some(text) => match text.get_ref().as_str() {
                "scratch" => Base::Scratch,
                other => match other.strip_prefix("layout:") {
                    Some(path) if !path.is_empty() => Base::Layout(path.into()),
                    _ => Base::Reference(
                        other
                            .parse::<Reference>()
                            .ok()
                            .filter(|reference| reference.digest().is_some())
                            .ok_or_else(|| {
                                self.invalid(
                                    text,
                                    "scratch, layout:PATH or NAME@sha256:DIGEST is expected",
                                )
                            })?,
                    ),
                },
            },
        };
        let user = match raw.user {
            None => "65532:65532".to_owned(),
            Some(text) if is_unprivileged(text.get_ref()) => text.into_inner(),
            Some(text) => {
                return Err(self.invalid(&text, "UID or UID:GID is expected, in digits, not 0"));
            }
        };
        let entrypoint = raw.entrypoint.get_ref().clone();
        Ok(Image {
            base,
            entrypoint,
            user,
            env: self.env(&raw.env)?,
            labels: raw.labels,
        })
    }
}

/// `text` as a relative path without `..`, or nothing.
fn contained(text: &str) -> Option<PathBuf> {
    let clean = !text.is_empty()
        && text.len() <= 4096
        && !text.contains('\0')
        && !text.starts_with('/')
        && text
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..");
    clean.then(|| PathBuf::from(text))
}

fn is_unprivileged(user: &str) -> bool {
    let mut parts = user.split(':');
    let number = |part: &str| {
        part.parse::<u32>()
            .is_ok_and(|id| id != 0 && id != u32::MAX)
    };
    parts.next().is_some_and(number) && parts.next().is_none_or(number) && parts.next().is_none()
}

#[cfg(test)]
mod tests;
