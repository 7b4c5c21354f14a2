//! Bounds on what a repository may make us read and write (rule R4).

/// How much a tree may hold. The defaults fit the largest public repositories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Files, links and folders together.
    pub entries: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files together.
    pub total_bytes: u64,
    /// Symbolic links.
    pub links: u64,
    /// Folders inside folders.
    pub depth: usize,
    /// Bytes of one path.
    pub path_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 1_000_000,
            file_bytes: 1 << 30,
            total_bytes: 16 << 30,
            links: 20_000,
            depth: 128,
            path_bytes: 4096,
        }
    }
}

/// Bytes of a commit object.
pub(crate) const COMMIT_BYTES: u64 = 4 << 20;
/// Bytes of a tree object.
pub(crate) const TREE_BYTES: u64 = 64 << 20;
/// Bytes of a symbolic link's target.
pub(crate) const LINK_BYTES: u64 = 4096;
/// Bytes of an allowed-signers file or a keyring.
pub(crate) const SIGNERS_BYTES: u64 = 16 << 20;
/// Bytes of one commit signature, armoured.
pub(crate) const SIGNATURE_BYTES: usize = 256 << 10;
