//! Content against its descriptor: a reader that ends well only if length and
//! digest are the promised ones.

use bulla_core::{Descriptor, Digest, digest::Algorithm};
use sha2::Digest as _;
use std::io::{self, Read};

/// A running hash of the kind that a digest names.
#[derive(Clone)]
pub(crate) enum Hasher {
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    pub(crate) fn like(digest: &Digest) -> Self {
        match digest.algorithm() {
            Algorithm::Sha384 => Self::Sha384(sha2::Sha384::new()),
            Algorithm::Sha512 => Self::Sha512(sha2::Sha512::new()),
            _ => Self::Sha256(sha2::Sha256::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(state) => state.update(bytes),
            Self::Sha384(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
        }
    }

    pub(crate) fn is(self, digest: &Digest) -> bool {
        match self {
            Self::Sha256(state) => hex::encode(state.finalize()) == digest.hex(),
            Self::Sha384(state) => hex::encode(state.finalize()) == digest.hex(),
            Self::Sha512(state) => hex::encode(state.finalize()) == digest.hex(),
        }
    }
}

/// Reads content that must be what `descriptor` says. Its end is an error
/// ([`io::ErrorKind::InvalidData`]) unless it is.
pub struct VerifiedReader<R> {
    inner: R,
    hasher: Hasher,
    digest: Digest,
    left: u64,
    done: bool,
}

impl<R: Read> VerifiedReader<R> {
    /// Reads `inner` as the content of `descriptor`.
    pub fn new(inner: R, descriptor: &Descriptor) -> Self {
        Self {
            inner,
            hasher: Hasher::like(&descriptor.digest),
            digest: descriptor.digest.clone(),
            left: descriptor.size,
            done: false,
        }
    }

    /// Reads and drops the rest; an error unless the content is the promised one.
    ///
    /// # Errors
    /// Of the reader, or of the check.
    pub fn finish(mut self) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        while self.read(&mut buffer)? > 0 {}
        Ok(())
    }
}

impl<R: Read> Read for VerifiedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.done || buffer.is_empty() {
            return Ok(0);
        }
        let wrong = |what: &str| {
            let text = format!("{} {what}", self.digest);
            io::Error::new(io::ErrorKind::InvalidData, text)
        };
        let count = self.inner.read(buffer)?;
        if count as u64 > self.left {
            return Err(wrong("is longer than its descriptor says"));
        }
        if count == 0 {
            if self.left > 0 {
                return Err(wrong("is shorter than its descriptor says"));
            }
            if !self.hasher.clone().is(&self.digest) {
                return Err(wrong("is not the digest of its content"));
            }
            self.done = true;
            return Ok(0);
        }
        self.left -= count as u64;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
