//! Kubernetes admission: resolve once, verify, decide, pin.
//!
//! An [`AdmissionReview`](review::Review) comes in; every image of the workload is
//! resolved to a digest once, the seals about that digest are verified, the
//! policy decides, and the workload is patched to the digests that were judged.
//! What could not be decided in time is refused. Nothing here listens: the binary
//! serves [`webhook::router`] over HTTPS, and `admit --review` calls
//! [`Admission::review`].

mod cache;
pub mod judge;
pub mod mutate;
mod oci;
pub mod report;
pub mod resolve;
pub mod review;
pub mod webhook;
pub mod workload;

pub use judge::{Admission, Settings, Verifier};
pub use report::{DecisionRecord, JsonLines, RecordSink};
pub use resolve::{Found, ImageSource, SourceError};
pub use review::{Answer, ReviewError, parse_review};
pub use webhook::router;
