//! Git objects, commit signatures and the export of a commit's tree.
//!
//! A [`Repository`] resolves a revision to a [`Commit`], judges its signature
//! against [`Signers`] that come from outside the repository, and exports the
//! commit's tree from git objects into a private directory, every object hashed
//! again on the way. It runs no program: no git, no hook, no filter, no gpg. It
//! does not fetch, and it writes nothing into the repository.

mod commit;
mod error;
mod export;
mod limits;
mod object;
mod path;
mod repository;
pub mod signature;
mod tree;
mod working;
mod writer;

pub use commit::{Commit, CommitError, CommitHeader, Person};
pub use error::SourceError;
pub use export::{Contents, Export, ExportedFile, SourceFile};
pub use limits::Limits;
pub use path::{check_directory, check_link, check_path};
pub use repository::Repository;
pub use signature::allowed_signers::{AllowedSigners, AllowedSignersError};
pub use signature::openpgp::{Keyring, KeyringError};
pub use signature::{SignatureKind, SignatureStatus, Signers};
pub use tree::{Mode, TreeDigest};
pub use working::{Change, ChangeKind};
