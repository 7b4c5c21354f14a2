//! The channel between this program and its helper: length-prefixed JSON over a
//! Unix socket, one descriptor allowed along (the work directory, at the start).

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::{AsFd, BorrowedFd, OwnedFd},
    io::{Errno, Result},
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    io::{IoSlice, IoSliceMut},
    mem::MaybeUninit,
    time::Duration,
};

use super::{Limit, Status};

/// A message is never longer.
const MESSAGE_BYTES: usize = 8 << 20;

/// What the helper tells.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Event {
    /// The sandbox stands; comes with the work directory.
    Ready,
    /// A step starts.
    Started { step: usize },
    /// A step ended by itself.
    Ended {
        step: usize,
        status: Status,
        attempts: Vec<String>,
    },
    /// A step was ended because of a bound.
    Limited { step: usize, limit: Limit },
    /// The system refused what the level needs.
    Refused { what: String, errno: i32 },
    /// Every process of the sandbox is dead.
    Done,
}

/// Sends one message, with a descriptor if there is one.
pub(super) fn send<T: Serialize>(
    socket: impl AsFd,
    message: &T,
    descriptor: Option<BorrowedFd<'_>>,
) -> Result<()> {
    let body = serde_json::to_vec(message).map_err(|_| Errno::INVAL)?;
    let length = u32::try_from(body.len()).map_err(|_| Errno::MSGSIZE)?;
    let mut packet = length.to_be_bytes().to_vec();
    packet.extend_from_slice(&body);

    let descriptors: Vec<BorrowedFd<'_>> = descriptor.into_iter().collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    }
    let mut rest = packet.as_slice();
    while !rest.is_empty() {
        let sent = sendmsg(
            &socket,
            &[IoSlice::new(rest)],
            &mut ancillary,
            SendFlags::NOSIGNAL,
        )?;
        ancillary.clear();
        rest = rest.get(sent..).unwrap_or_default();
    }
    Ok(())
}

/// Reads messages and the descriptors that came with them.
#[derive(Default)]
pub(super) struct Receiver {
    buffer: Vec<u8>,
    /// Descriptors received and not yet taken.
    pub(super) descriptors: Vec<OwnedFd>,
}

impl Receiver {
    /// The next whole message already here.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let Some(prefix) = self.buffer.first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*prefix) as usize;
        if length > MESSAGE_BYTES {
            return Err(Errno::MSGSIZE);
        }
        let Some(body) = self.buffer.get(4..4 + length) else {
            return Ok(None);
        };
        let message = serde_json::from_slice(body).map_err(|_| Errno::BADMSG)?;
        self.buffer.drain(..4 + length);
        Ok(Some(message))
    }

    /// Reads what is there; `false` at the end of the stream.
    pub(super) fn fill(&mut self, socket: impl AsFd) -> Result<bool> {
        let mut bytes = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = recvmsg(
            socket,
            &mut [IoSliceMut::new(&mut bytes)],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC,
        )?;
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                self.descriptors.extend(descriptors);
            }
        }
        let bytes = bytes.get(..received.bytes).unwrap_or_default();
        self.buffer.extend_from_slice(bytes);
        Ok(!bytes.is_empty())
    }

    /// Waits for one message; `None` at the end of the stream.
    pub(super) fn wait<T: DeserializeOwned>(&mut self, socket: impl AsFd) -> Result<Option<T>> {
        loop {
            if let Some(message) = self.next()? {
                return Ok(Some(message));
            }
            match self.fill(&socket) {
                Ok(true) | Err(Errno::INTR) => {}
                Ok(false) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

/// What became of each descriptor within `timeout`: readable, hung up, or nothing.
pub(super) fn ready(descriptors: &[BorrowedFd<'_>], timeout: Duration) -> Vec<PollFlags> {
    let mut list: Vec<PollFd<'_>> = descriptors
        .iter()
        .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
        .collect();
    let timeout = Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    match poll(&mut list, Some(&timeout)) {
        Ok(_) => list.iter().map(PollFd::revents).collect(),
        Err(_) => vec![PollFlags::empty(); descriptors.len()],
    }
}
