//! The words of the house, and nothing that does I/O.
//!
//! Everything bulla says about software is said with these types: what an
//! artifact is called ([`Reference`], [`Digest`]), what somebody claims about it
//! ([`Statement`] in an [`Envelope`]), who claims it ([`Identity`]), what a
//! scanner saw ([`Finding`]) and what was decided ([`Decision`]). Types here are
//! *parsed*, never *verified*: only `bulla-trust` can say that a claim is true.

pub mod canonical_json;
pub mod clock;
pub mod decision;
pub mod descriptor;
pub mod diagnose;
pub mod digest;
pub mod envelope;
pub mod finding;
pub mod identity;
pub mod limits;
pub mod reference;
pub mod statement;
pub mod subject;

pub use clock::{Clock, FixedClock, SystemClock};
pub use decision::{Decision, Outcome, Reason, RuleResult};
pub use descriptor::Descriptor;
pub use diagnose::{Code, Diagnose};
pub use digest::{Digest, DigestHasher};
pub use envelope::Envelope;
pub use finding::{Finding, Severity};
pub use identity::{Identity, RootId};
pub use reference::Reference;
pub use statement::Statement;
pub use subject::Subject;
