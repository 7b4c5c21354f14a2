//! Objects of a log: `LOG/tile/LEVEL/x001/x234/067.DIGEST` and
//! `LOG/entries/x001/x234/067.DIGEST`, DIGEST being the SHA-256 of the content.
//!
//! A bundle is its 256 entries, each after its length in four bytes, big endian.

use bulla_core::{Code, Diagnose, Digest};
use bulla_store::{ObjectError, ObjectName};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use super::{super::StoreError, BUNDLE};

/// Largest object of a log, in bytes: 256 entries of 4 MiB would be more, and
/// are refused long before.
pub(super) const LOG_OBJECT_BYTES: u64 = 1 << 30;

/// An object to be put.
#[derive(Clone)]
pub(super) struct Object {
    pub(super) kind: i16,
    pub(super) index: u64,
    pub(super) digest: [u8; 32],
    pub(super) name: ObjectName,
    pub(super) bytes: Bytes,
}

impl Object {
    pub(super) fn new(log: &str, kind: i16, index: u64, bytes: Bytes) -> Result<Self, StoreError> {
        let digest = sha256(&bytes);
        Ok(Self {
            kind,
            index,
            digest,
            name: name(log, kind, index, &digest)?,
            bytes,
        })
    }
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(&Digest::sha256(bytes).bytes());
    digest
}

/// The name of an object, as above.
pub(super) fn name(
    log: &str,
    kind: i16,
    index: u64,
    digest: &[u8],
) -> Result<ObjectName, ObjectError> {
    let folder = folder(log, kind);
    ObjectName::new(format!("{folder}/{}.{}", path(index), hex::encode(digest)))
}

pub(super) fn folder(log: &str, kind: i16) -> String {
    match kind {
        BUNDLE => format!("{log}/entries"),
        level => format!("{log}/tile/{level}"),
    }
}

/// C2SP tlog-tiles: groups of three digits, all but the last with an `x` before.
fn path(index: u64) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

/// Index and digest of a name below `folder`, if it is one of ours.
pub(super) fn parse(folder: &str, name: &ObjectName) -> Option<(u64, [u8; 32])> {
    let below = name.as_str().strip_prefix(folder)?.strip_prefix('/')?;
    let (index, digest) = below.split_once('.')?;
    let digest = hex::decode(digest).ok()?.try_into().ok()?;
    let number = index.split('/').try_fold(0_u64, |number, group| {
        let group: u64 = group.trim_start_matches('x').parse().ok()?;
        number.checked_mul(1000)?.checked_add(group)
    })?;
    (path(number) == index).then_some((number, digest))
}

/// Entries as one object.
pub(super) fn bundle(entries: &[Bytes]) -> Bytes {
    let length: usize = entries.iter().map(|entry| entry.len() + 4).sum();
    let mut out = BytesMut::with_capacity(length);
    for entry in entries {
        out.put_u32(u32::try_from(entry.len()).unwrap_or(u32::MAX));
        out.put_slice(entry);
    }
    out.freeze()
}

/// The entries of an object; `None` if it is damaged.
pub(super) fn unbundle(mut bytes: Bytes) -> Option<Vec<Bytes>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let length = usize::try_from(bytes.try_get_u32().ok()?).ok()?;
        if length > bytes.len() {
            return None;
        }
        entries.push(bytes.split_to(length));
    }
    Some(entries)
}

/// What a log is made of is not there, or is something else.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogObjectError {
    /// Its content is not what was committed.
    #[error("the object {name} is damaged")]
    Damaged {
        /// Its name.
        name: String,
    },
    /// It is not there.
    #[error("the object {name} is gone")]
    Gone {
        /// Its name.
        name: String,
    },
}

impl Diagnose for LogObjectError {
    fn code(&self) -> Code {
        match self {
            Self::Damaged { .. } => Code("AUTH-0350"),
            Self::Gone { .. } => Code("AUTH-0351"),
        }
    }

    fn hint(&self) -> Option<String> {
        let (Self::Damaged { name } | Self::Gone { name }) = self;
        Some(format!(
            "restore {name} from a backup or an earlier version of the bucket; bulla never changes an object"
        ))
    }
}

#[cfg(test)]
mod tests;
