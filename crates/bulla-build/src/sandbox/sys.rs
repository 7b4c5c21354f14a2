//! The system calls that neither std nor rustix offers: all `unsafe` of this
//! crate is here, a few lines each, every block with its argument.
//!
//! The child is single-threaded from `main` on (it is started for this purpose
//! alone), so forking it is sound. Nothing in here decides anything.

#![allow(unsafe_code, reason = "system calls; each block carries its argument")]

use rustix::{
    fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    io::{Errno, Result},
    process::Pid,
};
use std::{ffi::CString, os::fd::IntoRawFd};

/// Which side of a fork this is.
pub(super) enum Fork {
    Child,
    Parent(Pid),
}

fn check(result: libc::c_long) -> Result<libc::c_long> {
    if result < 0 {
        let errno = std::io::Error::last_os_error().raw_os_error();
        return Err(Errno::from_raw_os_error(errno.unwrap_or(libc::EIO)));
    }
    Ok(result)
}

/// Forks this process.
pub(super) fn fork() -> Result<Fork> {
    // SAFETY: fork takes no pointers. The caller is the sandbox child, which has one
    // thread only, so no lock can be left held by a thread that vanishes in the copy.
    let pid = check(libc::c_long::from(unsafe { libc::fork() }))?;
    match i32::try_from(pid).ok().and_then(Pid::from_raw) {
        None => Ok(Fork::Child),
        Some(pid) => Ok(Fork::Parent(pid)),
    }
}

/// Ends the process at once: no destructors, no buffers of a forked parent.
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes an integer and does not return.
    unsafe { libc::_exit(code) }
}

/// Replaces the process; returns only if that failed.
pub(super) fn exec(program: &CString, arguments: &[CString], environment: &[CString]) -> Errno {
    let pointers = |strings: &[CString]| {
        let mut list: Vec<_> = strings.iter().map(|s| s.as_ptr()).collect();
        list.push(std::ptr::null());
        list
    };
    let (argv, envp) = (pointers(arguments), pointers(environment));
    // SAFETY: `program` and every element are NUL-terminated and outlive the call, and
    // both lists end with a null pointer, as execve(2) wants.
    let result = unsafe { libc::execve(program.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    check(libc::c_long::from(result)).err().unwrap_or(Errno::IO)
}

/// Closes every descriptor from `first` on.
pub(super) fn close_from(first: u32) -> Result<()> {
    // SAFETY: close_range takes three integers. The callers exec or exit next and own
    // no Rust value whose descriptor they use after this.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) }).map(drop)
}

/// Makes `from` also the descriptor `to`, without close-on-exec.
pub(super) fn duplicate_onto(from: BorrowedFd<'_>, to: RawFd) -> Result<()> {
    // SAFETY: dup2 takes two integers; `to` is one of 0, 1, 2, which this child manages.
    check(libc::c_long::from(unsafe {
        libc::dup2(from.as_raw_fd(), to)
    }))
    .map(drop)
}

/// Takes over a descriptor that this process was started with.
pub(super) fn inherited(fd: RawFd) -> OwnedFd {
    // SAFETY: called once, first thing in the child, for descriptor 0, which the parent
    // set up for us and which nothing else in this process owns.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Forgets a descriptor without closing it.
pub(super) fn leak(fd: OwnedFd) {
    let _ = fd.into_raw_fd();
}

/// Signals every process of the pid namespace but this one.
pub(super) fn kill_all_others() {
    // SAFETY: kill takes two integers. -1 means every process that this one may signal:
    // called by pid 1 of a pid namespace, that is every other process inside it.
    let _ = unsafe { libc::kill(-1, libc::SIGKILL) };
}

/// Reaps one dead child: any one if `pid` is none. `None`: none is dead yet.
pub(super) fn reap() -> Result<Option<(i32, i32)>> {
    let mut status = 0;
    // SAFETY: `status` is a valid place for an int for the whole call.
    let pid = check(libc::c_long::from(unsafe {
        libc::waitpid(-1, &raw mut status, libc::WNOHANG)
    }))?;
    let pid = i32::try_from(pid).map_err(|_| Errno::IO)?;
    Ok((pid != 0).then_some((pid, status)))
}

/// Sets real, effective and saved ids of user and group, for the whole process.
pub(super) fn become_user(uid: u32, gid: u32) -> Result<()> {
    // SAFETY: both calls take integers only; the process has one thread.
    check(unsafe { libc::syscall(libc::SYS_setresgid, gid, gid, gid) })?;
    // SAFETY: as above.
    check(unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) }).map(drop)
}

/// Drops all supplementary groups.
pub(super) fn drop_groups() -> Result<()> {
    // SAFETY: a length of zero means that the pointer is not read.
    check(unsafe { libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<u32>()) }).map(drop)
}

/// Brings the loopback interface of this network namespace up.
pub(super) fn loopback_up(socket: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: an all-zero ifreq is a valid value of that plain C struct.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo\0") {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_UP).unwrap_or(1);
    let pointer = &raw const request;
    // SAFETY: SIOCSIFFLAGS reads one ifreq, which `pointer` points to and which outlives
    // the call; the name is NUL-terminated.
    check(libc::c_long::from(unsafe {
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, pointer)
    }))
    .map(drop)
}

/// Installs a filter whose notifications are read from the descriptor returned.
pub(super) fn install_listener(program: &mut [libc::sock_filter]) -> Result<OwnedFd> {
    let length = u16::try_from(program.len()).map_err(|_| Errno::INVAL)?;
    let filter = libc::sock_fprog {
        len: length,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: `filter` describes exactly the slice, which outlives the call; the kernel
    // copies it. On success the result is a new descriptor that nobody else owns.
    let fd = check(unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const filter,
        )
    })?;
    let fd = RawFd::try_from(fd).map_err(|_| Errno::IO)?;
    // SAFETY: see above.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A system call that waits for an answer.
pub(super) struct Notification {
    pub(super) id: u64,
    pub(super) pid: u32,
    pub(super) args: [u64; 6],
}

/// Takes the next waiting system call.
pub(super) fn receive_notification(listener: BorrowedFd<'_>) -> Result<Notification> {
    // SAFETY: an all-zero seccomp_notif is valid, and the kernel demands zeroes.
    let mut notification: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the request writes one seccomp_notif into the place given.
    check(libc::c_long::from(unsafe {
        libc::ioctl(
            listener.as_raw_fd(),
            libc::SECCOMP_IOCTL_NOTIF_RECV as _,
            &raw mut notification,
        )
    }))?;
    Ok(Notification {
        id: notification.id,
        pid: notification.pid,
        args: notification.data.args,
    })
}

/// Whether the system call of that id still waits (its process may have died).
pub(super) fn still_waiting(listener: BorrowedFd<'_>, id: u64) -> bool {
    // SAFETY: the request reads one u64 from the place given.
    let result = unsafe {
        libc::ioctl(
            listener.as_raw_fd(),
            libc::SECCOMP_IOCTL_NOTIF_ID_VALID as _,
            &raw const id,
        )
    };
    result == 0
}

/// Lets a waiting system call go on (`None`) or fail with an error.
pub(super) fn answer_notification(listener: BorrowedFd<'_>, id: u64, error: Option<Errno>) {
    let response = libc::seccomp_notif_resp {
        id,
        val: 0,
        error: error.map_or(0, |error| -error.raw_os_error()),
        flags: match error {
            None => u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).unwrap_or(1),
            Some(_) => 0,
        },
    };
    // SAFETY: the request reads one seccomp_notif_resp from the place given. It fails
    // if the process died meanwhile, which needs no answer.
    let _ = unsafe {
        libc::ioctl(
            listener.as_raw_fd(),
            libc::SECCOMP_IOCTL_NOTIF_SEND as _,
            &raw const response,
        )
    };
}

/// Makes a mount, or with `recursive` every mount below it too, read-only and without
/// set-user-id programs and devices; `devices` keeps device files usable.
pub(super) fn seal_mount(path: &CString, recursive: bool, devices: bool) -> Result<()> {
    const RDONLY: u64 = 1;
    const NOSUID: u64 = 2;
    const NODEV: u64 = 4;
    let set = RDONLY | NOSUID | if devices { 0 } else { NODEV };
    // struct mount_attr: attr_set, attr_clr, propagation, userns_fd.
    let attributes: [u64; 4] = [set, 0, 0, 0];
    let flags = if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is NUL-terminated, `attributes` has the layout and the size of
    // struct mount_attr (version 0, four u64), and both outlive the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            attributes.as_ptr(),
            size_of_val(&attributes),
        )
    })
    .map(drop)
}
