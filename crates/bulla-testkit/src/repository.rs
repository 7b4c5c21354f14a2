//! Git repositories for tests, made by git itself, with fixed people and dates.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{World, require};

/// Seconds between commits, from a fixed day on.
const FIRST_COMMIT: u64 = 1_790_000_000;

/// A git repository with a working tree.
#[derive(Debug)]
pub struct Repository<'w> {
    world: &'w World,
    dir: PathBuf,
    commits: std::cell::Cell<u64>,
}

/// An SSH key that signs commits.
#[derive(Clone, Debug)]
pub struct SshKey {
    /// The private key's file.
    pub private: PathBuf,
    /// The public key, one line.
    pub public: String,
    /// Whose it is.
    pub email: String,
}

impl SshKey {
    /// A new Ed25519 key of `email`; `None` after saying `SKIP` without ssh-keygen.
    ///
    /// # Panics
    /// If ssh-keygen fails.
    pub fn generate(world: &World, email: &str) -> Option<Self> {
        let keygen = require("ssh-keygen")?;
        let private = world
            .home()
            .join(format!("key-{}", email.replace('@', "-at-")));
        let mut command = world.command(keygen);
        command
            .args(["-q", "-t", "ed25519", "-N", "", "-C", email, "-f"])
            .arg(&private);
        world.run(&mut command).success();
        let public = fs::read_to_string(private.with_extension("pub"))
            .or_else(|_| fs::read_to_string(format!("{}.pub", private.display())))
            .expect("the public key");
        Some(Self {
            private,
            public: public.trim().to_owned(),
            email: email.to_owned(),
        })
    }

    /// The line of an `allowed_signers` file that accepts it.
    pub fn allowed_signer(&self) -> String {
        format!("{} namespaces=\"git\" {}\n", self.email, self.public)
    }
}

impl<'w> Repository<'w> {
    /// A new, empty repository at `name` below the world's working folder;
    /// `None` after saying `SKIP` without git.
    ///
    /// # Panics
    /// If git fails.
    pub fn new(world: &'w World, name: &str) -> Option<Self> {
        require("git")?;
        let dir = world.dir().join(name);
        fs::create_dir_all(&dir).expect("a folder");
        let repository = Self {
            world,
            dir,
            commits: std::cell::Cell::new(0),
        };
        repository.git(["init", "-q", "-b", "main"]);
        repository.git(["config", "user.name", "Dana"]);
        repository.git(["config", "user.email", "dana@example.com"]);
        repository.git(["config", "commit.gpgsign", "false"]);
        Some(repository)
    }

    /// The working tree.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes a file of the working tree.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let file = self.dir.join(path);
        fs::create_dir_all(file.parent().expect("a parent")).expect("folders");
        fs::write(file, content).expect("a file");
        self
    }

    /// Copies a folder into the working tree, without build output.
    ///
    /// # Panics
    /// If it cannot be copied.
    pub fn copy(&self, from: &Path, to: &str) -> &Self {
        copy(from, &self.dir.join(to));
        self
    }

    /// Commits everything, unsigned; answers the commit's id.
    pub fn commit(&self, message: &str) -> String {
        self.git(["add", "-A"]);
        self.git(["commit", "-q", "--allow-empty", "-m", message]);
        self.head()
    }

    /// Commits everything, signed; answers the commit's id.
    pub fn commit_signed(&self, message: &str, key: &SshKey) -> String {
        self.git(["config", "gpg.format", "ssh"]);
        self.git(["config", "user.email", &key.email]);
        self.git([
            "config",
            "user.signingkey",
            &key.private.display().to_string(),
        ]);
        self.git(["add", "-A"]);
        self.git(["commit", "-q", "--allow-empty", "-S", "-m", message]);
        self.head()
    }

    /// The id of the newest commit.
    pub fn head(&self) -> String {
        self.git(["rev-parse", "HEAD"])
    }

    /// Runs git and answers what it printed.
    ///
    /// # Panics
    /// If it fails.
    #[track_caller]
    pub fn git<const N: usize>(&self, args: [&str; N]) -> String {
        let mut command: Command = self.world.command("git");
        let time = FIRST_COMMIT + 60 * self.commits.get();
        if args[0] == "commit" {
            self.commits.set(self.commits.get() + 1);
        }
        command
            .current_dir(&self.dir)
            .args(args)
            .env("GIT_AUTHOR_DATE", format!("{time} +0000"))
            .env("GIT_COMMITTER_DATE", format!("{time} +0000"));
        self.world
            .run(&mut command)
            .success()
            .stdout
            .trim()
            .to_owned()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder to copy") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == "target" || entry.file_name() == ".git" {
            continue;
        }
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).expect("a copied file");
        }
    }
}

#[cfg(test)]
mod tests;
