//! Why a source cannot be read or exported. Paths in messages are relative to
//! the repository's root, shown lossily; none of these texts holds file contents.

use bulla_core::{Code, Diagnose};
use std::{io, path::PathBuf};

use crate::CommitError;

/// A failure to read a repository or to export from it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A bare repository where a working tree is needed.
    #[error("{} is a bare repository: it has no working files", path.display())]
    Bare {
        /// The git directory.
        path: PathBuf,
    },
    /// A file was replaced while it was read.
    #[error("{path} changed while it was read")]
    Changed {
        /// Relative to the repository.
        path: String,
    },
    /// The commit object is malformed.
    #[error("commit {id} is malformed: {source}")]
    Commit {
        /// The commit.
        id: String,
        /// What is wrong.
        source: CommitError,
    },
    /// An object's bytes do not have its name.
    #[error("object {id} is damaged: its contents hash to something else")]
    DamagedObject {
        /// The object.
        id: String,
    },
    /// The directory to export into is not empty.
    #[error("{} is not an empty directory", path.display())]
    DestinationInUse {
        /// The directory.
        path: PathBuf,
    },
    /// The sub-folder is not in the commit or the working tree.
    #[error("there is no folder {directory:?} in {place}")]
    Directory {
        /// The folder asked for.
        directory: String,
        /// A commit id, or "the working tree".
        place: String,
    },
    /// The git library failed.
    #[error("cannot {what}: {source}")]
    Git {
        /// What was tried.
        what: &'static str,
        /// The library's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file or directory could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// A Git LFS pointer stands where a file should be.
    #[error("{path} is a Git LFS pointer, not the file itself")]
    LfsPointer {
        /// Relative to the repository.
        path: String,
    },
    /// A bound on untrusted input.
    #[error("{what} is beyond the limit of {limit}")]
    Limit {
        /// What was counted or measured.
        what: String,
        /// The bound.
        limit: u64,
    },
    /// A symbolic link that leads out of the exported tree.
    #[error("{path} is a symbolic link that leaves the exported tree (to {target:?})")]
    LinkLeaves {
        /// Relative to the repository.
        path: String,
        /// Where it points.
        target: String,
    },
    /// An object that the repository should hold is absent.
    #[error("object {id} is missing from the repository")]
    MissingObject {
        /// The object.
        id: String,
    },
    /// The revision names a tree or a blob.
    #[error("{revision:?} does not name a commit")]
    NotACommit {
        /// As asked.
        revision: String,
    },
    /// No repository here or above.
    #[error("{} is not in a git repository", path.display())]
    NotARepository {
        /// Where the search began.
        path: PathBuf,
    },
    /// The repository belongs to somebody else.
    #[error("the repository {} belongs to another user", path.display())]
    NotOwned {
        /// The repository.
        path: PathBuf,
    },
    /// An object format other than SHA-1.
    #[error("the repository uses an object format that is not supported (only sha1 is)")]
    ObjectFormat,
    /// The revision lies beyond the depth of a shallow clone.
    #[error("{revision:?} is not in this shallow clone")]
    Shallow {
        /// As asked.
        revision: String,
    },
    /// A device, socket or pipe among the working files.
    #[error("{path} is neither a file, a folder nor a symbolic link")]
    Special {
        /// Relative to the repository.
        path: String,
    },
    /// A submodule, or a repository inside the repository.
    #[error("{path} is a submodule or another repository")]
    Submodule {
        /// Relative to the repository.
        path: String,
    },
    /// The revision does not exist.
    #[error("there is no revision {revision:?}")]
    UnknownRevision {
        /// As asked.
        revision: String,
    },
    /// The branch has no commit yet.
    #[error("the repository has no commit yet")]
    Unborn,
    /// A path that must not be written.
    #[error("{path:?} is refused: {why}")]
    UnsafePath {
        /// The path, shown lossily.
        path: String,
        /// The reason.
        why: &'static str,
    },
}

impl SourceError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// Names the path from the repository's root, where it was from a folder's.
    pub(crate) fn below(mut self, directory: &str) -> Self {
        if let Self::LinkLeaves { path, .. } | Self::UnsafePath { path, .. } = &mut self
            && !directory.is_empty()
        {
            *path = format!("{directory}/{path}");
        }
        self
    }

    pub(crate) fn git(what: &'static str) -> impl FnOnce(gix::Error) -> Self {
        move |source| Self::Git {
            what,
            source: Box::new(source),
        }
    }
}

impl Diagnose for SourceError {
    fn code(&self) -> Code {
        Code(match self {
            Self::NotARepository { .. } => "SOURCE-0001",
            Self::NotOwned { .. } => "SOURCE-0002",
            Self::Unborn => "SOURCE-0003",
            Self::UnknownRevision { .. } => "SOURCE-0004",
            Self::Shallow { .. } => "SOURCE-0005",
            Self::NotACommit { .. } => "SOURCE-0006",
            Self::Bare { .. } => "SOURCE-0007",
            Self::Submodule { .. } => "SOURCE-0008",
            Self::LfsPointer { .. } => "SOURCE-0009",
            Self::UnsafePath { .. } => "SOURCE-0010",
            Self::LinkLeaves { .. } => "SOURCE-0011",
            Self::Limit { .. } => "SOURCE-0012",
            Self::DestinationInUse { .. } => "SOURCE-0013",
            Self::Directory { .. } => "SOURCE-0014",
            Self::MissingObject { .. } => "SOURCE-0015",
            Self::DamagedObject { .. } => "SOURCE-0016",
            Self::ObjectFormat => "SOURCE-0017",
            Self::Git { .. } => "SOURCE-0018",
            Self::Io { .. } => "SOURCE-0019",
            Self::Changed { .. } => "SOURCE-0020",
            Self::Special { .. } => "SOURCE-0021",
            Self::Commit { .. } => "SOURCE-0022",
        })
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotARepository { .. } => {
                "run `git init && git add -A && git commit` there, or give the path of a repository"
                    .into()
            }
            Self::NotOwned { path } => format!(
                "if you trust it, run `git config --global --add safe.directory {}`",
                path.display()
            ),
            Self::Unborn => "run `git commit` first".into(),
            Self::UnknownRevision { .. } => "`git log --oneline --all` lists what there is".into(),
            Self::Shallow { .. } => "run `git fetch --unshallow`".into(),
            Self::NotACommit { .. } => "name a commit, a branch or a tag of a commit".into(),
            Self::Bare { .. } => "name a commit; a dirty tree needs a working tree".into(),
            Self::Submodule { .. } => {
                "submodules are not supported yet: vendor the files with `git subtree add`, or \
                 build from a folder without one"
                    .into()
            }
            Self::LfsPointer { path } => format!(
                "Git LFS is not supported yet: run `git lfs migrate export --include={path:?}` \
                 to commit the file itself"
            ),
            Self::UnsafePath { .. } => "rename it with `git mv` and commit".into(),
            Self::LinkLeaves { .. } => {
                "replace the link with the file, or build from the repository's root".into()
            }
            Self::Limit { .. } => "build from a sub-folder, or remove what is so large".into(),
            Self::DestinationInUse { .. } => "give a directory that does not exist yet".into(),
            Self::Directory { .. } => "`git ls-tree -d -r --name-only HEAD` lists folders".into(),
            Self::MissingObject { .. } => {
                "run `git fetch --refetch` (a partial clone lacks objects), then `git fsck`".into()
            }
            Self::DamagedObject { .. } | Self::Commit { .. } => {
                "run `git fsck --full`, and clone the repository anew".into()
            }
            Self::ObjectFormat => "convert it with `git init --object-format=sha1`".into(),
            Self::Changed { .. } => "run the command again when nothing else writes there".into(),
            Self::Special { .. } => "remove it, or name it in .gitignore".into(),
            Self::Git { .. } => "run `git fsck`".into(),
            Self::Io { .. } => return None,
        })
    }
}
