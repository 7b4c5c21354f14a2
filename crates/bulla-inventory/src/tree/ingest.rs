//! Takes one regular file in: hashes it while it passes, keeps its bytes only
//! if a cataloger wants them, and looks once into programs.

use sha2::{Digest as _, Sha256};
use std::{
    io::{self, Read},
    sync::Arc,
};

use super::{FileNode, TreeError, TreeLimits};
use crate::{binary::Binary, cataloger};

/// The largest buffer that is kept from one file to the next.
const MAX_IDLE_BYTES: usize = 32 << 20;

/// Hashes files one after the other, with one set of buffers.
pub(super) struct Ingest {
    limits: TreeLimits,
    buffer: Vec<u8>,
    scratch: Vec<u8>,
    total: u64,
    kept: u64,
}

impl Ingest {
    pub(super) fn new(limits: TreeLimits) -> Self {
        Self {
            limits,
            buffer: vec![0; 128 << 10],
            scratch: Vec::new(),
            total: 0,
            kept: 0,
        }
    }

    pub(super) fn limits(&self) -> &TreeLimits {
        &self.limits
    }

    /// Reads `reader` to its end as the file at `path`.
    pub(super) fn file(
        &mut self,
        path: &str,
        mut reader: impl Read,
    ) -> Result<FileNode, TreeError> {
        let wanted = cataloger::wants(path);
        let limit = if wanted {
            self.limits.kept_file_bytes
        } else {
            self.limits.file_bytes
        };
        let mut hasher = Sha256::new();
        let mut size = 0u64;
        let mut program = false;
        self.scratch.clear();
        loop {
            let count = fill(&mut reader, &mut self.buffer)
                .map_err(|source| TreeError::read(path, source))?;
            let chunk = self.buffer.get(..count).unwrap_or_default();
            if chunk.is_empty() {
                break;
            }
            if size == 0 {
                program = Binary::has_magic(chunk);
            }
            size += count as u64;
            self.total += count as u64;
            if size > limit {
                let path = path.to_owned();
                return Err(TreeError::FileSize { path, limit });
            }
            if self.total > self.limits.total_bytes {
                let limit = self.limits.total_bytes;
                return Err(TreeError::TotalSize { limit });
            }
            hasher.update(chunk);
            if wanted || (program && size <= self.limits.program_bytes) {
                self.scratch.extend_from_slice(chunk);
            } else if program {
                // Too large to look into: hashed all the same.
                self.scratch = Vec::new();
            }
        }
        if wanted {
            self.kept += size;
            if self.kept > self.limits.kept_bytes {
                let limit = self.limits.kept_bytes;
                return Err(TreeError::TotalSize { limit });
            }
        }
        let node = FileNode {
            size,
            sha256: hasher.finalize().into(),
            content: wanted.then(|| Arc::from(self.scratch.as_slice())),
            binary: program.then(|| Arc::new(Binary::inspect(&self.scratch))),
        };
        if self.scratch.capacity() > MAX_IDLE_BYTES {
            self.scratch = Vec::new();
        }
        Ok(node)
    }
}

/// Reads until the buffer is full or the source ends.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
