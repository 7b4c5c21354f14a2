//! The trust ceremony: root keys that never meet the machines that serve.
//!
//! People make keys of their own, agree on a plan, and sign what it says: the next
//! TUF root and targets, and the authorities' certificates. Everything happens in a
//! folder that is carried around and merged by copying files, since nobody writes
//! a file that somebody else writes. What is signed follows from the plan, the
//! instance's [`Export`] and the public keys alone, so everybody computes it anew
//! and nobody signs what another machine shows. [`status`] counts and names what is
//! missing; the [`Outcome`] goes to the instance, which verifies it again.

mod authorities;
mod documents;
mod error;
mod export;
mod folder;
mod key;
mod plan;
mod share;
mod status;
mod transcript;

pub use authorities::{AuthorityKind, sign_certificates};
pub use documents::{Documents, documents};
pub use error::CeremonyError;
pub use export::{Export, Request, RequestKind};
pub use folder::{Folder, read, replace, write_new};
pub use key::{KeyPlace, Protection, PublicKeyFile, needs_passphrase, recipient, seal, unseal};
pub use plan::{Authorities, Person, Plan, RolePlan};
pub use share::{Share, Signed};
pub use status::{Outcome, SignedTranscript, Status, status};
pub use transcript::{Entry, Transcript};

/// What a file of the ceremony says that it is.
pub(crate) const VERSION: u32 = 1;
