//! The local instance: one directory, created once and kept.
//!
//! Whoever holds its lock serves it. A command finds it either free, and then
//! serves it in its own process for as long as it runs, or held by a running
//! `bulla up`, and then goes through that one by the ready file it left.

mod names;
mod ready;

pub use names::{Names, taken};
pub use ready::Ready;

use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::failure::{Exit, Failure, OnPath};

/// The directory of an instance, and what lies where in it.
#[derive(Clone, Debug)]
pub struct Home(PathBuf);

impl Home {
    /// The directory that `--data` names, or the user's own.
    ///
    /// # Errors
    /// If there is no `--data` and no home directory either.
    pub fn find(data: Option<&Path>) -> Result<Self, Failure> {
        if let Some(path) = data {
            let path = std::path::absolute(path).on_path("use", path)?;
            return Ok(Self(path));
        }
        let set = |name| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        set("XDG_DATA_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| set("HOME").map(|home| home.join(".local/share")))
            .map(|base| Self(base.join("bulla/local")))
            .ok_or_else(|| {
                Failure::new(
                    Exit::CouldNotRun,
                    "CLI-0010",
                    "no place for the local instance",
                )
                .line("neither HOME nor XDG_DATA_HOME is set")
                .hint("name a directory: bulla --data DIR …")
            })
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Something in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Whether an instance was created here.
    pub fn exists(&self) -> bool {
        self.join("instance.json").is_file()
    }

    /// The socket that mints tokens.
    pub fn token_socket(&self) -> PathBuf {
        self.join("token.sock")
    }

    /// Exported trust documents.
    pub fn trust(&self, name: &str) -> PathBuf {
        self.join("trust").join(name)
    }

    /// The instance's policy, where its owner wrote one.
    pub fn policy(&self) -> Option<PathBuf> {
        Some(self.join("policy.yaml")).filter(|path| path.is_file())
    }

    /// Who may sign commits, in the format of `ssh-keygen`'s allowed signers.
    pub fn allowed_signers(&self) -> Option<PathBuf> {
        Some(self.join("allowed_signers")).filter(|path| path.is_file())
    }

    /// Makes the directory, for its owner alone, if it is missing.
    ///
    /// # Errors
    /// If it cannot be made or written.
    pub fn ensure(&self) -> Result<(), Failure> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
            .on_path("create", &self.0)
            .map_err(|failure| self.unusable(failure))?;
        for sub in ["trust", "docker", "cache"] {
            let path = self.join(sub);
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)
                .on_path("create", &path)
                .map_err(|failure| self.unusable(failure))?;
        }
        Ok(())
    }

    fn unusable(&self, failure: Failure) -> Failure {
        let path = self.0.display();
        failure
            .on("the local instance cannot be used")
            .hint(format!(
                "make the directory yours (chmod u+rwx {path}), or use another: --data DIR"
            ))
    }

    /// Takes the lock, or says that another process holds it.
    ///
    /// # Errors
    /// If the lock file cannot be made.
    pub fn try_lock(&self) -> Result<Option<Lock>, Failure> {
        let path = self.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .on_path("write", &path)
            .map_err(|failure| self.unusable(failure))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(cause) => Err(std::io::Error::from(cause)).on_path("lock", &path),
        }
    }

    /// What the process that holds the lock left for others.
    ///
    /// # Errors
    /// If it left nothing, or nothing readable.
    pub fn read_ready(&self) -> Result<Ready, Failure> {
        let path = self.join("ready.json");
        let bytes = fs::read(&path).on_path("read", &path).map_err(|failure| {
            failure.hint("another bulla is just starting or stopping here: try again in a moment")
        })?;
        Ready::parse(&bytes)
    }
}

/// Held for as long as this process serves the instance.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Writes `bytes` so that the file appears whole, for its owner alone.
///
/// # Errors
/// If it cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".bulla-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .tempfile_in(directory)
        .on_path("write in", directory)?;
    std::io::Write::write_all(&mut file, bytes).on_path("write", path)?;
    file.as_file().sync_all().on_path("write", path)?;
    file.persist(path)
        .map_err(|cause| cause.error)
        .on_path("write", path)?;
    Ok(())
}
