//! Both ends of the start: this program, which starts itself once more as a
//! helper with nothing but a socket and a pipe, and the helper's `main`.

use rustix::{
    fd::{AsFd, OwnedFd},
    fs::{Mode, OFlags},
    io::{Errno, FdFlags},
};
use std::{
    fs,
    io::{self, Read},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{
    Isolation, Limit, SandboxError, Spec, Status,
    control::{Event, Receiver, ready, send},
    init, namespaces, step, sys,
};

/// The first argument of the helper; no command has this name.
const MARK: &str = "__sandbox";
/// How long the helper may take beside the steps' own time.
const GRACE: Duration = Duration::from_secs(60);
/// How much of the steps' output is kept for error messages.
const TAIL_BYTES: usize = 64 << 10;

/// How a run in the sandbox ended; every process of it is dead.
#[derive(Debug)]
pub struct Finished {
    /// The work directory, held open.
    pub work: OwnedFd,
    /// Steps that ended by themselves: how, and which targets outside they tried.
    pub steps: Vec<(Status, Vec<String>)>,
    /// The step that was ended, and by which bound.
    pub limit: Option<(usize, Limit)>,
    /// The end of what the steps wrote.
    pub tail: String,
}

/// What is told while steps run.
pub(crate) enum Progress<'a> {
    /// Bytes that a step wrote to stdout or stderr.
    Output(&'a [u8]),
    /// A step starts.
    Started(usize),
}

/// Runs the steps of `spec`; `helper` is a program that calls [`child_main`].
pub(crate) fn run(
    spec: &Spec,
    helper: Option<&Path>,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<Finished, SandboxError> {
    let failed = |what| move |source: io::Error| SandboxError::Start { what, source };
    for part in ["root", "data"] {
        let path = spec.scratch.path().join(part);
        fs::create_dir_all(path).map_err(failed("the scratch directory"))?;
    }
    let (ours, theirs) = UnixStream::pair().map_err(failed("a socket pair"))?;
    let (log, log_writer) = io::pipe().map_err(failed("a pipe"))?;
    let log_copy = log_writer.try_clone().map_err(failed("a pipe"))?;
    let mut child = Command::new(helper.unwrap_or(Path::new("/proc/self/exe")))
        .arg(MARK)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::from(OwnedFd::from(log_writer)))
        .stderr(Stdio::from(OwnedFd::from(log_copy)))
        .spawn()
        .map_err(failed("the sandbox helper could not be started"))?;
    let sent = send(&ours, spec, None);
    let mut conversation = Conversation::new(spec, ours, log);
    let outcome = match sent {
        Ok(()) => conversation.listen(tell),
        Err(_) => Ok(()),
    };
    end(&mut child, outcome.is_err());
    outcome?;
    conversation.finish()
}

fn end(child: &mut Child, kill: bool) {
    if kill {
        let _ = child.kill();
    }
    let _ = child.wait();
}

struct Conversation<'a> {
    spec: &'a Spec,
    control: UnixStream,
    log: io::PipeReader,
    receiver: Receiver,
    tail: Vec<u8>,
    steps: Vec<(Status, Vec<String>)>,
    limit: Option<(usize, Limit)>,
    refusal: Option<(String, i32)>,
    done: bool,
}

impl<'a> Conversation<'a> {
    fn new(spec: &'a Spec, control: UnixStream, log: io::PipeReader) -> Self {
        Self {
            spec,
            control,
            log,
            receiver: Receiver::default(),
            tail: Vec::new(),
            steps: Vec::new(),
            limit: None,
            refusal: None,
            done: false,
        }
    }

    /// Follows until both channels are closed: then nobody is left who held them.
    fn listen(&mut self, tell: &mut dyn FnMut(Progress<'_>)) -> Result<(), SandboxError> {
        let deadline = Instant::now() + Duration::from_secs(self.spec.limits.time) + GRACE;
        let (mut talking, mut writing) = (true, true);
        while talking || writing {
            if Instant::now() > deadline {
                return Err(SandboxError::Lost {
                    detail: Some("it did not end in time".into()),
                });
            }
            let mut fds = Vec::new();
            fds.extend(talking.then(|| self.control.as_fd()));
            fds.extend(writing.then(|| self.log.as_fd()));
            let flags = ready(&fds, Duration::from_secs(1));
            let mut woken = flags.iter().map(|flags| !flags.is_empty());
            if talking && woken.next() == Some(true) {
                talking = match self.receiver.fill(&self.control) {
                    Ok(more) => more,
                    Err(Errno::INTR) => true,
                    Err(_) => false,
                };
                while let Ok(Some(event)) = self.receiver.next::<Event>() {
                    self.take(event, tell);
                }
            }
            if writing && woken.next() == Some(true) {
                let mut bytes = [0; 16 << 10];
                writing = match self.log.read(&mut bytes) {
                    Ok(0) => false,
                    Ok(length) => {
                        self.keep(bytes.get(..length).unwrap_or_default(), tell);
                        true
                    }
                    Err(error) => error.kind() == io::ErrorKind::Interrupted,
                };
            }
        }
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8], tell: &mut dyn FnMut(Progress<'_>)) {
        tell(Progress::Output(bytes));
        self.tail.extend_from_slice(bytes);
        let excess = self.tail.len().saturating_sub(TAIL_BYTES);
        if excess > TAIL_BYTES {
            self.tail.drain(..excess);
        }
    }

    fn take(&mut self, event: Event, tell: &mut dyn FnMut(Progress<'_>)) {
        match event {
            Event::Ready => {}
            Event::Started { step } => tell(Progress::Started(step)),
            Event::Ended {
                status, attempts, ..
            } => self.steps.push((status, attempts)),
            Event::Limited { step, limit } => self.limit = Some((step, limit)),
            Event::Refused { what, errno } => self.refusal = Some((what, errno)),
            Event::Done => self.done = true,
        }
    }

    fn finish(mut self) -> Result<Finished, SandboxError> {
        let tail = String::from_utf8_lossy(&self.tail).into_owned();
        if let Some((what, errno)) = self.refusal {
            return Err(SandboxError::Refused {
                level: self.spec.level,
                what,
                source: io::Error::from_raw_os_error(errno),
            });
        }
        let said = || tail.lines().last().map(str::to_owned);
        match self.receiver.descriptors.pop() {
            Some(work) if self.done => Ok(Finished {
                work,
                steps: self.steps,
                limit: self.limit,
                tail,
            }),
            _ => Err(SandboxError::Lost { detail: said() }),
        }
    }
}

/// Whether a level is possible on this machine: sets it up and runs nothing in it.
///
/// # Errors
/// What the system refuses, with a hint at the setting that would allow it.
pub fn probe(level: Isolation, scratch: &Path, helper: Option<&Path>) -> Result<(), SandboxError> {
    let limits = crate::recipe::Limits {
        time: 10,
        ..Default::default()
    };
    let spec = Spec {
        level,
        network: false,
        binds: Vec::new(),
        copies: Vec::new(),
        scratch: super::Scratch::Directory(scratch.to_path_buf()),
        limits,
        steps: Vec::new(),
        epoch: 0,
    };
    run(&spec, helper, &mut |_| {}).map(drop)
}

/// Becomes the helper if this process was started as one; to be called first in
/// `main`, before any thread exists. Returns at once otherwise.
pub fn child_main() {
    if std::env::args_os()
        .nth(1)
        .is_none_or(|argument| argument != MARK)
    {
        return;
    }
    sys::exit_now(helper().unwrap_or(1));
}

fn helper() -> Option<i32> {
    let control = sys::inherited(0);
    let copy = rustix::io::fcntl_dupfd_cloexec(&control, 10).ok()?;
    sys::leak(control);
    let control = copy;
    rustix::io::fcntl_setfd(&control, FdFlags::CLOEXEC).ok()?;
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).ok()?;
    step::no_input(null.as_fd()).ok()?;
    drop(null);
    rustix::process::umask(Mode::from_raw_mode(0o022));
    let _ = rustix::process::setsid();

    let spec: Spec = Receiver::default().wait(&control).ok()??;
    let ran = match spec.level {
        Isolation::Namespaces => namespaces::run(&spec, &control),
        Isolation::Landlock | Isolation::None => init::run_plain(&spec, &control),
    };
    Some(ran.unwrap_or_else(|refusal| {
        let (what, errno) = (refusal.what, refusal.errno);
        let _ = send(&control, &Event::Refused { what, errno }, None);
        1
    }))
}

/// Removes a scratch directory, whatever permissions a step left in it.
pub(crate) fn remove(scratch: &Path) -> io::Result<()> {
    let mut queue: Vec<PathBuf> = vec![scratch.to_path_buf()];
    while let Some(directory) = queue.pop() {
        let _ = fs::set_permissions(&directory, fs::Permissions::from_mode(0o700));
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                queue.push(entry.path());
            }
        }
    }
    match fs::remove_dir_all(scratch) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Why namespaces are refused on this machine, and the setting that would allow them.
pub fn why_no_namespaces() -> String {
    let read = |path: &str| {
        fs::read_to_string(path)
            .ok()
            .map(|text| text.trim().to_owned())
    };
    let is = |path: &str, value: &str| read(path).as_deref() == Some(value);
    if is("/proc/sys/user/max_user_namespaces", "0") {
        return "allow user namespaces: `sysctl user.max_user_namespaces=15000`".into();
    }
    if is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        return "allow user namespaces: `sysctl kernel.unprivileged_userns_clone=1`".into();
    }
    if is(
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
    ) {
        return "allow user namespaces: \
                `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, \
                or an AppArmor profile with `userns,` for bulla"
            .into();
    }
    "user namespaces are forbidden here, as in most containers: run outside of one, or start it \
     with a seccomp profile that allows unshare and mount, and with an unmasked /proc"
        .into()
}
