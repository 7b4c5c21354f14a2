//! What a step without network tried to reach: names asked of a resolver that
//! knows none, and addresses passed to `connect`.
//!
//! The network namespace alone keeps the step in; this file only learns the
//! targets, so that an error can name them. `connect` is held by a seccomp
//! listener until the supervisor has read the address.

use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    io::Errno,
};
use std::{
    collections::BTreeSet,
    fs::File,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::unix::fs::FileExt,
};

use super::sys;

/// Targets remembered for one step.
const MAX_TARGETS: usize = 32;

/// Collects the targets of one step.
#[derive(Default)]
pub(super) struct Attempts {
    targets: BTreeSet<String>,
}

impl Attempts {
    fn add(&mut self, target: String) {
        if self.targets.len() < MAX_TARGETS {
            self.targets.insert(target);
        }
    }

    /// What was tried, names first.
    pub(super) fn into_targets(self) -> Vec<String> {
        let (addresses, mut names): (Vec<_>, Vec<_>) = self
            .targets
            .into_iter()
            .partition(|target| target.parse::<SocketAddr>().is_ok());
        names.extend(addresses);
        names
    }

    /// Answers one held `connect`: local ones go on, others find no route.
    pub(super) fn answer_connect(&mut self, listener: BorrowedFd<'_>) {
        let Ok(call) = sys::receive_notification(listener) else {
            return;
        };
        let mut bytes = [0; 28];
        let wanted = usize::try_from(call.args[2]).unwrap_or(0).min(bytes.len());
        let read = File::open(format!("/proc/{}/mem", call.pid)).and_then(|memory| {
            memory.read_at(bytes.get_mut(..wanted).unwrap_or_default(), call.args[1])
        });
        if !sys::still_waiting(listener, call.id) {
            return;
        }
        let address = read
            .ok()
            .and_then(|length| decode_address(bytes.get(..length)?));
        match address {
            Some(address) if !is_local(address.ip()) => {
                self.add(address.to_string());
                sys::answer_notification(listener, call.id, Some(Errno::NETUNREACH));
            }
            _ => sys::answer_notification(listener, call.id, None),
        }
    }

    /// Answers one question to the resolver: no such name.
    pub(super) fn answer_name(&mut self, resolver: &UdpSocket) {
        let mut packet = [0; 512];
        let Ok((length, from)) = resolver.recv_from(&mut packet) else {
            return;
        };
        let question = packet.get(..length).unwrap_or_default();
        let Some((name, end)) = decode_question(question) else {
            return;
        };
        self.add(name);
        let mut answer = question.get(..end).unwrap_or_default().to_vec();
        // Response, recursion available, NXDOMAIN; one question, nothing else.
        for (place, value) in [
            (2, 0x81),
            (3, 0x83),
            (4, 0),
            (5, 1),
            (6, 0),
            (7, 0),
            (8, 0),
            (9, 0),
            (10, 0),
            (11, 0),
        ] {
            if let Some(byte) = answer.get_mut(place) {
                *byte = value;
            }
        }
        let _ = resolver.send_to(&answer, from);
    }
}

fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_unspecified(),
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback())
        }
    }
}

/// The internet address in a C `sockaddr`, if it holds one.
pub(crate) fn decode_address(bytes: &[u8]) -> Option<SocketAddr> {
    let family = u16::from_ne_bytes(*bytes.first_chunk()?);
    let port = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
    match i32::from(family) {
        libc::AF_INET => {
            let ip: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            Some((Ipv4Addr::from(ip), port).into())
        }
        libc::AF_INET6 => {
            let ip: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            Some((Ipv6Addr::from(ip), port).into())
        }
        _ => None,
    }
}

/// The name asked for in a DNS query (RFC 1035 §4.1), and where the question ends.
pub(crate) fn decode_question(packet: &[u8]) -> Option<(String, usize)> {
    let mut name = String::new();
    let mut place = 12;
    loop {
        let length = usize::from(*packet.get(place)?);
        place += 1;
        if length == 0 {
            break;
        }
        if length > 63 || name.len() > 253 {
            return None;
        }
        let label = packet.get(place..place + length)?;
        place += length;
        if !name.is_empty() {
            name.push('.');
        }
        for byte in label {
            name.push(if byte.is_ascii_graphic() {
                char::from(*byte)
            } else {
                '?'
            });
        }
    }
    (!name.is_empty() && packet.len() >= place + 4).then_some((name, place + 4))
}

/// Holds every `connect` of this process and its children until it is answered.
pub(super) fn listen() -> rustix::io::Result<OwnedFd> {
    let code = |class: u32| u16::try_from(class).unwrap_or(0);
    let statement = |class, k| libc::sock_filter {
        code: code(class),
        jt: 0,
        jf: 0,
        k,
    };
    let jump = |class, k, jt, jf| libc::sock_filter {
        code: code(class),
        jt,
        jf,
        k,
    };
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let at_least = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
    let answer = libc::BPF_RET | libc::BPF_K;
    let connect = u32::try_from(libc::SYS_connect).unwrap_or(u32::MAX);
    let refuse = libc::SECCOMP_RET_ERRNO | u32::try_from(libc::ENOSYS).unwrap_or(38);
    let mut program = [
        // The number of the call; x32 numbers do not exist here.
        statement(load, 0),
        jump(at_least, 0x4000_0000, 2, 0),
        jump(equal, connect, 2, 0),
        statement(answer, libc::SECCOMP_RET_ALLOW),
        statement(answer, refuse),
        statement(answer, libc::SECCOMP_RET_USER_NOTIF),
    ];
    sys::install_listener(&mut program)
}

/// The resolver that knows no name.
pub(super) fn resolver() -> Option<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 53)).ok()?;
    socket.set_nonblocking(true).ok()?;
    Some(socket)
}

/// Brings loopback up in this network namespace.
pub(super) fn loopback_up() -> rustix::io::Result<()> {
    use rustix::net::{AddressFamily, SocketType, socket};
    sys::loopback_up(socket(AddressFamily::INET, SocketType::DGRAM, None)?.as_fd())
}

#[cfg(test)]
mod tests;
