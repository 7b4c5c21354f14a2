//! Running steps where they can reach nothing but their inputs.
//!
//! Three levels, named in provenance: `namespaces` (own user, mount, pid, ipc,
//! uts and network namespaces over a root of read-only binds), `landlock` (file
//! rules and a system-call filter; the fallback) and `none` (only on request).
//! The words are portable; what runs is Linux only and lives in `sandbox/`: this
//! program starts itself once more as a helper (see [`child_main`]), which builds
//! the sandbox, supervises time, memory, processes and disk, and kills every
//! process of the sandbox before it answers.

use bulla_core::{Code, Diagnose};
use serde::{Deserialize, Serialize};
use std::{fmt, io, path::PathBuf};

use crate::recipe::Limits;

#[cfg(target_os = "linux")]
mod confine;
#[cfg(target_os = "linux")]
mod control;
#[cfg(target_os = "linux")]
mod init;
#[cfg(target_os = "linux")]
mod launch;
#[cfg(target_os = "linux")]
mod namespaces;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod root;
#[cfg(target_os = "linux")]
mod step;
#[cfg(target_os = "linux")]
mod supervise;
#[cfg(target_os = "linux")]
mod sys;
#[cfg(target_os = "linux")]
mod tasks;
#[cfg(target_os = "linux")]
mod tree;

#[cfg(target_os = "linux")]
pub use launch::{Finished, child_main, probe, why_no_namespaces};
#[cfg(target_os = "linux")]
pub(crate) use launch::{Progress, remove, run};

/// How strictly steps are kept apart from the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Not at all; only on request.
    None,
    /// Landlock rules and a system-call filter without internet sockets.
    Landlock,
    /// Namespaces over a private root.
    Namespaces,
}

impl Isolation {
    /// The word used in provenance and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Landlock => "landlock",
            Self::Namespaces => "namespaces",
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something of the machine that the sandbox sees, read-only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bind {
    pub(crate) source: PathBuf,
    pub(crate) target: PathBuf,
}

/// A tree that is copied in and belongs to the step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Copy {
    pub(crate) source: PathBuf,
    /// Relative to the scratch space: `work`, `home/.cargo` …
    pub(crate) target: PathBuf,
}

/// One command as the child runs it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Command {
    pub(crate) name: String,
    pub(crate) run: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
}

/// Where written bytes go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Scratch {
    /// A private directory, measured while the steps run.
    Directory(PathBuf),
    /// Memory, bounded by the kernel.
    Memory(PathBuf),
}

impl Scratch {
    /// The directory on the machine (a mount point only, for memory).
    pub(crate) fn path(&self) -> &std::path::Path {
        match self {
            Self::Directory(path) | Self::Memory(path) => path,
        }
    }
}

/// Everything the child is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) level: Isolation,
    /// Whether this is the fetch profile.
    pub(crate) network: bool,
    pub(crate) binds: Vec<Bind>,
    pub(crate) copies: Vec<Copy>,
    pub(crate) scratch: Scratch,
    pub(crate) limits: Limits,
    pub(crate) steps: Vec<Command>,
    /// Seconds since 1970: the modification time of every copied file.
    pub(crate) epoch: i64,
}

/// The scratch space as a step sees it.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) work: PathBuf,
    pub(crate) home: PathBuf,
    pub(crate) tmp: PathBuf,
}

impl Spec {
    /// Where the parts of the scratch space are, for the steps of this level.
    pub(crate) fn places(level: Isolation, scratch: &Scratch) -> Places {
        if level == Isolation::Namespaces {
            return Places {
                work: "/work".into(),
                home: "/home/builder".into(),
                tmp: "/tmp".into(),
            };
        }
        let path = scratch.path().join("data");
        Places {
            work: path.join("work"),
            home: path.join("home"),
            tmp: path.join("tmp"),
        }
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// With this code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// The bound that a build ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// Bytes written.
    Disk,
    /// Bytes of all processes.
    Memory,
    /// Processes and threads.
    Processes,
    /// Seconds.
    Time,
}

impl Limit {
    /// The key of the recipe's `[limits]`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Memory => "memory",
            Self::Processes => "processes",
            Self::Time => "time",
        }
    }
}

/// Why the sandbox did not run, or not to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The helper process ended without an answer.
    #[error("the sandbox helper ended without an answer{}", .detail.as_ref().map(|d| format!(": {d}")).unwrap_or_default())]
    Lost {
        /// What it said last.
        detail: Option<String>,
    },
    /// The system refuses what this level needs.
    #[error("isolation level {level} is not possible here: {what}: {source}")]
    Refused {
        /// The level.
        level: Isolation,
        /// What was tried.
        what: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The helper could not be started or talked to.
    #[error("{what}: {source}")]
    Start {
        /// What was tried.
        what: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// No sandbox for this operating system.
    #[error("isolated builds need Linux")]
    Unsupported,
}

impl Diagnose for SandboxError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Lost { .. } => "BUILD-0020",
            Self::Refused { .. } => "BUILD-0021",
            Self::Start { .. } => "BUILD-0022",
            Self::Unsupported => "BUILD-0023",
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Refused { level, .. } if *level == Isolation::Namespaces => {
                Some(why_no_namespaces())
            }
            Self::Refused { .. } => {
                Some("run on a kernel with Landlock, or allow user namespaces".into())
            }
            Self::Unsupported => Some("run `bulla build` on Linux".into()),
            _ => None,
        }
    }
}
