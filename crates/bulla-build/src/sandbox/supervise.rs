//! Watching one step until it ends or runs into a bound.
//!
//! The kernel bounds single processes (resource limits) and memory-backed scratch
//! space; sums over all processes, time, and scratch space on disk are measured
//! here, a few times a second, by the process that can kill the whole sandbox.

use rustix::{
    event::PollFlags,
    fd::{AsFd, BorrowedFd, OwnedFd},
    io::Errno,
    process::{PidfdFlags, pidfd_open},
};
use std::{
    net::UdpSocket,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    Limit, Scratch, Spec, Status,
    control::ready,
    network::Attempts,
    step::Running,
    sys,
    tasks::{Scope, Usage},
};

const TICK: Duration = Duration::from_millis(40);
/// A file system that has less left is full for our purposes.
const RESERVE: u64 = 128 << 20;

/// How a step came to its end.
pub(super) enum End {
    /// By itself.
    Ended(Status, Vec<String>),
    /// By a bound.
    Limited(Limit),
    /// The program that wanted it is gone.
    Orphaned,
}

/// Watches the processes of a sandbox.
pub(super) struct Supervisor<'a> {
    pub(super) spec: &'a Spec,
    pub(super) scope: Scope,
    pub(super) control: &'a OwnedFd,
    pub(super) work: &'a OwnedFd,
    /// The scratch directories as this process sees them.
    pub(super) scratch: Vec<PathBuf>,
    pub(super) resolver: Option<UdpSocket>,
    pub(super) deadline: Instant,
}

impl Supervisor<'_> {
    /// Waits for the end of `step`, then kills whatever it left behind.
    pub(super) fn watch(&self, step: Running) -> End {
        let end = self.wait(step);
        if self.scope.end(Duration::from_secs(20)) {
            end
        } else {
            End::Limited(Limit::Processes)
        }
    }

    fn wait(&self, step: Running) -> End {
        let mut attempts = Attempts::default();
        let mut disk = Disk::new(self);
        let mut next_check = Instant::now() + TICK;
        let mut peak = Usage::default();
        let pidfd = pidfd_open(step.pid, PidfdFlags::empty()).ok();
        let pid = step.pid.as_raw_nonzero().get();
        let mut listener = step.listener;
        loop {
            let fds: [Option<BorrowedFd<'_>>; 4] = [
                Some(self.control.as_fd()),
                pidfd.as_ref().map(AsFd::as_fd),
                listener.as_ref().map(AsFd::as_fd),
                self.resolver.as_ref().map(AsFd::as_fd),
            ];
            let present: Vec<BorrowedFd<'_>> = fds.iter().flatten().copied().collect();
            let mut flags = ready(&present, TICK).into_iter();
            let mut flag = |fd: &Option<_>| fd.as_ref().and_then(|_| flags.next());
            let [caller, _, calls, names] = fds.each_ref().map(&mut flag);
            if caller.is_some_and(|flags| !flags.is_empty()) {
                return End::Orphaned;
            }
            if let (Some(flags), Some(resolver)) = (names, &self.resolver)
                && flags.contains(PollFlags::IN)
            {
                attempts.answer_name(resolver);
            }
            if let (Some(flags), Some(fd)) = (calls, &listener) {
                // Only then: reading would wait for a call, and nobody may be left to make one.
                if flags.contains(PollFlags::IN) {
                    attempts.answer_connect(fd.as_fd());
                } else if !flags.is_empty() {
                    listener = None;
                }
            }
            match reap(pid) {
                Reaped::Step(status) => {
                    return match disk.exceeded(true).or_else(|| self.cause(status, peak)) {
                        Some(limit) => End::Limited(limit),
                        None => End::Ended(status, attempts.into_targets()),
                    };
                }
                Reaped::Gone => return End::Ended(Status::Signal(libc::SIGKILL), Vec::new()),
                Reaped::Nothing => {}
            }
            if Instant::now() < next_check {
                continue;
            }
            if let Some(limit) = self.exceeded(&mut peak).or_else(|| disk.exceeded(false)) {
                return End::Limited(limit);
            }
            next_check = Instant::now() + TICK;
        }
    }

    fn exceeded(&self, peak: &mut Usage) -> Option<Limit> {
        if Instant::now() > self.deadline {
            return Some(Limit::Time);
        }
        let usage = self.scope.usage();
        peak.memory = usage.memory.max(peak.memory);
        peak.tasks = usage.tasks.max(peak.tasks);
        if usage.tasks >= self.spec.limits.processes {
            return Some(Limit::Processes);
        }
        (usage.memory > self.spec.limits.memory).then_some(Limit::Memory)
    }

    /// The bound because of which a step failed by itself: the kernel refused it one
    /// more process, more memory, or a larger file.
    fn cause(&self, status: Status, peak: Usage) -> Option<Limit> {
        const TOO_LARGE: i32 = libc::SIGXFSZ;
        let limits = &self.spec.limits;
        match status {
            Status::Exit(0) => None,
            // As a shell reports the signal.
            Status::Signal(TOO_LARGE) => Some(Limit::Disk),
            Status::Exit(code) if code == 128 + TOO_LARGE => Some(Limit::Disk),
            _ if peak.tasks.max(self.scope.usage().tasks) + 2 >= limits.processes => {
                Some(Limit::Processes)
            }
            _ => (peak.memory > limits.memory / 10 * 9).then_some(Limit::Memory),
        }
    }
}

enum Reaped {
    Step(Status),
    Gone,
    Nothing,
}

/// Reaps everything that is dead; says so if the step itself is among it.
fn reap(step: i32) -> Reaped {
    loop {
        match sys::reap() {
            Ok(Some((pid, status))) if pid == step => {
                return Reaped::Step(if libc::WIFEXITED(status) {
                    Status::Exit(libc::WEXITSTATUS(status))
                } else {
                    Status::Signal(libc::WTERMSIG(status))
                });
            }
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return Reaped::Nothing,
            Err(_) => return Reaped::Gone,
        }
    }
}

/// Measures the scratch space.
struct Disk<'a> {
    supervisor: &'a Supervisor<'a>,
    device: u64,
    next: Instant,
}

impl<'a> Disk<'a> {
    fn new(supervisor: &'a Supervisor<'a>) -> Self {
        let work = supervisor.scratch.first().map(PathBuf::as_path);
        let device = work
            .unwrap_or(Path::new("/"))
            .metadata()
            .map_or(0, |meta| meta.dev());
        Self {
            supervisor,
            device,
            next: Instant::now(),
        }
    }

    fn exceeded(&mut self, now: bool) -> Option<Limit> {
        let spec = self.supervisor.spec;
        let space = rustix::fs::fstatvfs(self.supervisor.work).ok()?;
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        let full = match &spec.scratch {
            Scratch::Memory(_) => free < 64 << 10 || space.f_favail == 0,
            Scratch::Directory(_) if free < RESERVE => true,
            Scratch::Directory(_) if now || Instant::now() >= self.next => {
                let start = Instant::now();
                let trees = self.supervisor.scratch.iter();
                let kept: u64 = trees.map(|path| super::tree::occupied(path)).sum();
                let deleted = self.supervisor.scope.deleted_bytes(self.device);
                self.next = Instant::now() + start.elapsed() * 8 + TICK;
                kept + deleted > spec.limits.disk
            }
            Scratch::Directory(_) => false,
        };
        full.then_some(Limit::Disk)
    }
}
