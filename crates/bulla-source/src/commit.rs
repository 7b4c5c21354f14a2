//! A commit: what it names, who made it, and the bytes its signature covers.
//!
//! The header is parsed here, strictly, because the signature is over the raw
//! bytes: the payload is the object without its `gpgsig` header, exactly as git
//! cuts it (gitformat-signature). Author and committer are what the commit says
//! of itself, never proof of who made it.

use bulla_core::{Code, Diagnose};
use jiff::Timestamp;

use crate::limits::SIGNATURE_BYTES;
use crate::signature::{self, SignatureStatus, Signers};

/// A person as a commit names them: asserted, not proven.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Person {
    /// The name, control characters replaced.
    pub name: String,
    /// The email address, control characters replaced.
    pub email: String,
}

/// A commit that was read from the repository and has the bytes of its id.
#[derive(Clone, Debug)]
pub struct Commit {
    pub(crate) id: gix::ObjectId,
    pub(crate) tree: gix::ObjectId,
    pub(crate) header: CommitHeader,
}

impl Commit {
    /// The full commit id, lower-case hex.
    pub fn id(&self) -> String {
        self.id.to_string()
    }

    /// The first 12 hex digits of the id: for tags and talk.
    pub fn short_id(&self) -> String {
        self.id.to_hex_with_len(12).to_string()
    }

    /// The id of the commit's root tree, lower-case hex.
    pub fn tree_id(&self) -> String {
        self.tree.to_string()
    }

    /// The ids of the parents.
    pub fn parents(&self) -> &[String] {
        &self.header.parents
    }

    /// The first line of the message, control characters replaced.
    pub fn summary(&self) -> String {
        let first = self.header.message.split(|&b| b == b'\n').next();
        printable(first.unwrap_or_default())
    }

    /// Who wrote the change, by their own account.
    pub fn author(&self) -> &Person {
        &self.header.author
    }

    /// Who made the commit, by their own account.
    pub fn committer(&self) -> &Person {
        &self.header.committer
    }

    /// When the commit was made, by its own account; also `SOURCE_DATE_EPOCH`.
    pub fn committed_at(&self) -> Timestamp {
        self.header.committed_at
    }

    /// Judges the signature against `signers`, at the committer's time.
    pub fn verify(&self, signers: &Signers) -> SignatureStatus {
        signature::verify(&self.header, signers)
    }
}

/// The parts of a commit object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitHeader {
    /// The tree's id in hex.
    pub tree: String,
    /// The parents' ids in hex.
    pub parents: Vec<String>,
    /// The author.
    pub author: Person,
    /// The committer.
    pub committer: Person,
    /// The committer's time.
    pub committed_at: Timestamp,
    /// The armoured signature, if there is one.
    pub signature: Option<Vec<u8>>,
    /// The bytes that the signature covers.
    pub payload: Vec<u8>,
    /// The message, raw.
    pub message: Vec<u8>,
}

impl CommitHeader {
    /// Parses a commit object (without git's `commit SIZE NUL` prefix).
    ///
    /// # Errors
    /// [`CommitError`] for a header that git itself would not write: fields out
    /// of order or twice, ids that are not hex, NUL bytes, times out of range.
    pub fn parse(bytes: &[u8]) -> Result<Self, CommitError> {
        let (lines, message) = split(bytes);
        if lines.iter().any(|line| line.contains(&0)) {
            return Err(CommitError::Nul);
        }
        let mut fields = lines.iter().copied().peekable();
        let tree = id(fields.next(), b"tree ").ok_or(CommitError::Field { name: "tree" })?;
        let mut parents = Vec::new();
        while fields.peek().is_some_and(|l| l.starts_with(b"parent ")) {
            let parent = id(fields.next(), b"parent ");
            parents.push(parent.ok_or(CommitError::Field { name: "parent" })?);
        }
        let author = person(fields.next(), b"author ");
        let (author, _) = author.ok_or(CommitError::Field { name: "author" })?;
        let committer = person(fields.next(), b"committer ");
        let (committer, committed_at) =
            committer.ok_or(CommitError::Field { name: "committer" })?;
        for line in fields {
            for name in ["tree", "parent", "author", "committer"] {
                if line
                    .strip_prefix(name.as_bytes())
                    .is_some_and(|l| l.first() == Some(&b' '))
                {
                    return Err(CommitError::Twice { name });
                }
            }
        }
        let (signature, payload) = cut_signature(bytes)?;
        Ok(Self {
            tree,
            parents,
            author,
            committer,
            committed_at,
            signature,
            payload,
            message: message.to_vec(),
        })
    }
}

/// The header's lines and the message.
fn split(bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut lines = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
        let (line, tail) = rest.split_at(end);
        rest = tail.get(1..).unwrap_or_default();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    (lines, rest)
}

/// Separates the `gpgsig` header from the rest, as git does: lines of any other
/// `gpgsig…` header are in neither part.
fn cut_signature(bytes: &[u8]) -> Result<(Option<Vec<u8>>, Vec<u8>), CommitError> {
    let mut signature: Option<Vec<u8>> = None;
    let mut payload = Vec::with_capacity(bytes.len());
    let (mut inside, mut other) = (false, false);
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest
            .iter()
            .position(|&b| b == b'\n')
            .map_or(rest.len(), |at| at + 1);
        let (line, tail) = rest.split_at(end);
        if line == b"\n" {
            payload.extend_from_slice(rest);
            break;
        }
        let more = line.strip_prefix(b" ");
        if let (true, Some(text)) = (inside, more) {
            signature.get_or_insert_default().extend_from_slice(text);
        } else if let Some(text) = line.strip_prefix(b"gpgsig ") {
            if signature.is_some() {
                return Err(CommitError::Twice { name: "gpgsig" });
            }
            signature = Some(text.to_vec());
            (inside, other) = (true, false);
        } else {
            inside = false;
            other = line.starts_with(b"gpgsig") || (other && more.is_some());
            if !other {
                payload.extend_from_slice(line);
            }
        }
        if signature
            .as_ref()
            .is_some_and(|s| s.len() > SIGNATURE_BYTES)
        {
            return Err(CommitError::SignatureSize);
        }
        rest = tail;
    }
    Ok((signature, payload))
}

fn id(line: Option<&[u8]>, prefix: &[u8]) -> Option<String> {
    let hex = line?.strip_prefix(prefix)?;
    let lower = hex.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (lower && matches!(hex.len(), 40 | 64)).then(|| String::from_utf8_lossy(hex).into_owned())
}

/// `Name <email> SECONDS ZONE`
fn person(line: Option<&[u8]>, prefix: &[u8]) -> Option<(Person, Timestamp)> {
    let text = line?.strip_prefix(prefix)?;
    let close = text.iter().rposition(|&b| b == b'>')?;
    let (who, when) = (text.get(..close)?, text.get(close + 1..)?);
    let open = who.iter().position(|&b| b == b'<')?;
    let person = Person {
        name: printable(who.get(..open)?.trim_ascii()),
        email: printable(who.get(open + 1..)?.trim_ascii()),
    };
    let when = std::str::from_utf8(when).ok()?;
    let seconds = when.split_ascii_whitespace().next()?;
    let time = Timestamp::from_second(seconds.parse().ok()?).ok()?;
    Some((person, time))
}

/// Text for people: UTF-8, without characters that steer a terminal.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// Why bytes are not a commit object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// A field is absent, out of order or malformed.
    #[error("its {name:?} header is absent, out of order or malformed")]
    Field {
        /// The field.
        name: &'static str,
    },
    /// A NUL byte in the header.
    #[error("its header holds a NUL byte")]
    Nul,
    /// An over-long signature.
    #[error("its signature is longer than {SIGNATURE_BYTES} bytes")]
    SignatureSize,
    /// A field that may stand once stands twice.
    #[error("its {name:?} header stands twice or too late")]
    Twice {
        /// The field.
        name: &'static str,
    },
}

impl Diagnose for CommitError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Field { .. } => "SOURCE-0023",
            Self::Nul => "SOURCE-0024",
            Self::SignatureSize => "SOURCE-0025",
            Self::Twice { .. } => "SOURCE-0026",
        })
    }

    fn hint(&self) -> Option<String> {
        Some("run `git fsck --full`".into())
    }
}

#[cfg(test)]
mod tests;
