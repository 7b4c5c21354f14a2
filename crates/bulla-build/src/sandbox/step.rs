//! Starting one step: a fork that gives up everything it has, then becomes the
//! step's program with exactly the declared environment.

use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    net::{AddressFamily, SocketFlags, SocketType, socketpair},
    process::{Pid, Signal, chdir, set_parent_process_death_signal, setsid},
};
use std::{
    ffi::CString,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};

use super::{
    Command, Isolation, Spec, confine,
    control::{Receiver, send},
    network,
    root::{Doing, Refusal},
    sys,
};

/// A step that runs.
pub(super) struct Running {
    pub(super) pid: Pid,
    /// Where its `connect` calls wait.
    pub(super) listener: Option<OwnedFd>,
}

/// Starts the command in `work`.
pub(super) fn start(spec: &Spec, command: &Command, work: &Path) -> Result<Running, Refusal> {
    let flags = SocketFlags::CLOEXEC;
    let (ours, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None).doing("a socket pair")?;
    match sys::fork().doing(format_args!("starting step {:?}", command.name))? {
        sys::Fork::Child => {
            drop(ours);
            let Err(refusal) = become_step(spec, command, work, theirs);
            let text = confine::describe(&refusal);
            let stderr = rustix::stdio::stderr();
            let _ = rustix::io::write(stderr, text.as_bytes());
            sys::exit_now(if refusal.errno == libc::ENOENT {
                127
            } else {
                126
            });
        }
        sys::Fork::Parent(pid) => {
            drop(theirs);
            let mut receiver = Receiver::default();
            // Answered once the step is confined, or ended with it.
            let _ = receiver.wait::<bool>(&ours);
            Ok(Running {
                pid,
                listener: receiver.descriptors.pop(),
            })
        }
    }
}

fn become_step(
    spec: &Spec,
    command: &Command,
    work: &Path,
    supervisor: OwnedFd,
) -> Result<std::convert::Infallible, Refusal> {
    setsid().doing("a new session")?;
    set_parent_process_death_signal(Some(Signal::KILL)).doing("binding the step")?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    chdir(work).doing("entering the work directory")?;
    let program = find(command, work);
    let (program, arguments, environment) = c_strings(command, &program)?;

    confine::limit_resources(spec)?;
    if spec.level == Isolation::Landlock {
        confine::close_files(spec)?;
    }
    let mut listener = None;
    if spec.level == Isolation::None {
        rustix::thread::set_no_new_privs(true).doing("setting no_new_privs")?;
    } else {
        confine::drop_capabilities()?;
        confine::filter_system_calls(spec)?;
        if spec.level == Isolation::Namespaces && !spec.network {
            // Where a listener is not possible, names are still learned from the resolver.
            listener = network::listen().ok();
        }
    }
    send(&supervisor, &true, listener.as_ref().map(AsFd::as_fd)).doing("reporting")?;
    drop((listener, supervisor));
    sys::close_from(3).doing("closing descriptors")?;
    Err(sys::exec(&program, &arguments, &environment))
        .doing(format_args!("cannot run `{}`", program.to_string_lossy()))
}

/// The program: as it is if it names a path, else the first in the step's `PATH`.
fn find(command: &Command, work: &Path) -> PathBuf {
    let name = command.run.first().map(String::as_str).unwrap_or_default();
    let path = command.env.iter().find(|(key, _)| key == "PATH");
    if name.contains('/') {
        return work.join(name);
    }
    let executable = |path: &PathBuf| {
        path.metadata()
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    let mut places = path
        .map(|(_, value)| value.as_str())
        .unwrap_or_default()
        .split(':');
    places
        .by_ref()
        .map(|place| Path::new(place).join(name))
        .find(executable)
        .unwrap_or_else(|| name.into())
}

type Strings = (CString, Vec<CString>, Vec<CString>);

fn c_strings(command: &Command, program: &Path) -> Result<Strings, Refusal> {
    let convert = || {
        let program = CString::new(program.as_os_str().as_bytes())?;
        let arguments = command.run.iter().map(|text| CString::new(text.as_str()));
        let environment = command
            .env
            .iter()
            .map(|(key, value)| CString::new(format!("{key}={value}")));
        Ok::<_, std::ffi::NulError>((
            program,
            arguments.collect::<Result<_, _>>()?,
            environment.collect::<Result<_, _>>()?,
        ))
    };
    convert()
        .map_err(|_| rustix::io::Errno::INVAL)
        .doing("a NUL in an argument")
}

/// Points standard input at `/dev/null`.
pub(super) fn no_input(null: BorrowedFd<'_>) -> Result<(), Refusal> {
    sys::duplicate_onto(null, 0).doing("standard input")
}
