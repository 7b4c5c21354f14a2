//! Level `namespaces`: who may make them, and as which user the steps then run.
//!
//! With root's rights everything is mounted first and the user namespace entered
//! last, mapped to an id that owns nothing on the machine. An ordinary user enters
//! the user namespace first. Inside, the builder is 1000:1000 either way.

use rustix::{
    fd::{AsFd, OwnedFd},
    io::{Errno, retry_on_intr},
    net::{AddressFamily, SocketFlags, SocketType, socketpair},
    process::{
        Pid, Signal, WaitOptions, getegid, geteuid, set_parent_process_death_signal, waitpid,
    },
    system::sethostname,
    thread::UnshareFlags,
};
use std::{fs, net::UdpSocket, path::Path};

use super::{
    Spec,
    control::{Event, send},
    init, network,
    root::{self, Doing, Refusal},
    sys,
    tasks::Scope,
};

/// The builder's id inside.
const INSIDE: u32 = 1000;

/// Sets the sandbox up in a child that is pid 1 of it, and waits for its end.
pub(super) fn run(spec: &Spec, control: &OwnedFd) -> Result<i32, Refusal> {
    let apart = UnshareFlags::NEWPID
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP
        | if spec.network {
            UnshareFlags::empty()
        } else {
            UnshareFlags::NEWNET
        };
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());

    let mut owner = None;
    if uid == 0 && sys::drop_groups().is_ok() && unshare(apart).is_ok() {
        owner = Some(foreign_id());
    } else {
        unshare(apart | UnshareFlags::NEWUSER).doing("creating a user namespace")?;
        let own = Path::new("/proc/self");
        fs::write(own.join("setgroups"), "deny").doing("mapping the user")?;
        fs::write(own.join("uid_map"), format!("{INSIDE} {uid} 1")).doing("mapping the user")?;
        fs::write(own.join("gid_map"), format!("{INSIDE} {gid} 1")).doing("mapping the group")?;
    }

    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .doing("a socket pair")?;
    match sys::fork().doing("starting pid 1")? {
        sys::Fork::Child => {
            drop(ours);
            let code = match set_up(spec, owner, &theirs) {
                Ok(resolver) => init::run(
                    spec,
                    control,
                    Scope::Namespace,
                    Path::new("/work"),
                    resolver,
                ),
                Err(Refusal { what, errno }) => {
                    let _ = send(control, &Event::Refused { what, errno }, None);
                    1
                }
            };
            sys::exit_now(code);
        }
        sys::Fork::Parent(pid) => {
            drop(theirs);
            if let Some(id) = owner {
                map(pid, id, &ours)?;
            }
            let status = retry_on_intr(|| waitpid(Some(pid), WaitOptions::empty()))
                .doing("waiting for pid 1")?;
            Ok(status
                .and_then(|(_, status)| status.exit_status())
                .unwrap_or(1))
        }
    }
}

#[allow(
    deprecated,
    reason = "the replacement only warns of shared file tables, unused here"
)]
fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    rustix::thread::unshare(flags)
}

/// Answers the resolver for names, made while its port may still be taken.
fn set_up(
    spec: &Spec,
    owner: Option<u32>,
    launcher: &OwnedFd,
) -> Result<Option<UdpSocket>, Refusal> {
    let die_with_parent = || set_parent_process_death_signal(Some(Signal::KILL));
    die_with_parent().doing("binding pid 1 to its parent")?;
    // Of its own: the launcher keeps the machine's /proc, which it needs to map ids.
    unshare(UnshareFlags::NEWNS).doing("creating a mount namespace")?;
    sethostname(b"bulla").doing("setting the host name")?;
    let mut resolver = None;
    if !spec.network {
        network::loopback_up().doing("bringing loopback up")?;
        resolver = network::resolver();
    }
    root::enter(spec, owner)?;
    if owner.is_some() {
        unshare(UnshareFlags::NEWUSER).doing("entering a user namespace")?;
        // The launcher, still outside, maps the ids and answers.
        rustix::io::write(launcher, b"m").doing("asking for a mapping")?;
        let mut answer = [0];
        if rustix::io::read(launcher, &mut answer).doing("awaiting the mapping")? != 1 {
            return Err(Errno::PERM).doing("mapping the user");
        }
        sys::become_user(INSIDE, INSIDE).doing("becoming the builder")?;
        die_with_parent().doing("binding pid 1 to its parent")?;
    }
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .doing("hiding pid 1 from the steps")?;
    Ok(resolver)
}

/// Maps the builder's id to `id`, once pid 1 asks.
fn map(pid: Pid, id: u32, socket: &OwnedFd) -> Result<(), Refusal> {
    let mut question = [0];
    if rustix::io::read(socket.as_fd(), &mut question) != Ok(1) {
        // Pid 1 failed before, and has said why.
        return Ok(());
    }
    let process = format!("/proc/{}", pid.as_raw_nonzero());
    let line = format!("{INSIDE} {id} 1");
    fs::write(format!("{process}/uid_map"), &line).doing("mapping the user")?;
    fs::write(format!("{process}/gid_map"), &line).doing("mapping the group")?;
    rustix::io::write(socket, b"m")
        .doing("answering pid 1")
        .map(drop)
}

/// An id that owns nothing on this machine and that no other build uses now; `nobody`
/// where this process itself lives in a namespace with few ids.
fn foreign_id() -> u32 {
    const FIRST: u32 = 0x6275_0000;
    let pid = rustix::process::getpid()
        .as_raw_nonzero()
        .get()
        .unsigned_abs();
    let candidate = FIRST + (pid & 0xffff);
    let mapped = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let covers = |line: &str| {
        let mut numbers = line.split_ascii_whitespace().map(str::parse::<u64>);
        let first = numbers.next()?.ok()?;
        let length = numbers.nth(1)?.ok()?;
        Some((first..first + length).contains(&u64::from(candidate)))
    };
    if mapped.lines().any(|line| covers(line) == Some(true)) {
        candidate
    } else {
        65_534
    }
}
