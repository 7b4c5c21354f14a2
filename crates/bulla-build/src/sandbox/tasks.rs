//! The processes of the sandbox: who they are, what they use, and their end.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt,
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    process::{Pid, Signal, getpid, kill_process},
};

use super::sys;

/// How the sandbox's processes are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All below this process, which is their subreaper.
    Descendants,
    /// All of the pid namespace but pid 1.
    Namespace,
}

/// What the processes of the sandbox use, taken together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Processes and threads.
    pub(super) tasks: u64,
    /// Bytes of private memory, swapped ones included.
    pub(super) memory: u64,
}

impl Scope {
    /// The processes that live now.
    pub(super) fn pids(self) -> Vec<i32> {
        let own = getpid().as_raw_nonzero().get();
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        match self {
            Self::Namespace => pids.filter(|pid| *pid != own).collect(),
            Self::Descendants => {
                let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
                for pid in pids {
                    if let Some(parent) = parent_of(pid) {
                        children.entry(parent).or_default().push(pid);
                    }
                }
                let (mut found, mut queue) = (Vec::new(), vec![own]);
                while let Some(pid) = queue.pop() {
                    let below = children.remove(&pid).unwrap_or_default();
                    found.extend_from_slice(&below);
                    queue.extend(below);
                }
                found
            }
        }
    }

    /// What they use now.
    pub(super) fn usage(self) -> Usage {
        let mut usage = Usage::default();
        for pid in self.pids() {
            let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else {
                continue;
            };
            let field = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name))?;
                line.split_ascii_whitespace().next()?.parse::<u64>().ok()
            };
            usage.tasks += field("Threads:").unwrap_or(1);
            let kib = field("RssAnon:").unwrap_or(0) + field("VmSwap:").unwrap_or(0);
            usage.memory += kib << 10;
        }
        usage
    }

    /// Bytes of files that were deleted on device `dev` and are still held open.
    pub(super) fn deleted_bytes(self, dev: u64) -> u64 {
        let mut seen = BTreeSet::new();
        let mut bytes = 0;
        for pid in self.pids() {
            for entry in fs::read_dir(format!("/proc/{pid}/fd"))
                .into_iter()
                .flatten()
                .flatten()
            {
                let Ok(meta) = fs::metadata(entry.path()) else {
                    continue;
                };
                if meta.is_file()
                    && meta.nlink() == 0
                    && meta.dev() == dev
                    && seen.insert(meta.ino())
                {
                    bytes += meta.blocks() * 512;
                }
            }
        }
        bytes
    }

    /// Kills and reaps all of them; `false` if some still live after `patience`.
    pub(super) fn end(self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        loop {
            match self {
                Self::Namespace => sys::kill_all_others(),
                Self::Descendants => {
                    for pid in self.pids().into_iter().filter_map(Pid::from_raw) {
                        let _ = kill_process(pid, Signal::KILL);
                    }
                }
            }
            loop {
                match sys::reap() {
                    Ok(Some(_)) | Err(Errno::INTR) => {}
                    Ok(None) => break,
                    Err(_) => return true,
                }
            }
            if Instant::now() > until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}
