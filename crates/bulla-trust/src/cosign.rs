//! cosign's old layout: signatures as layers, their proofs as annotations.
//!
//! cosign's SIGNATURE_SPEC and ATTESTATION_SPEC, and the detached files of its
//! `sign-blob`. A layer is taken apart into the same evidence as a bundle and
//! judged by the same engine, so that no rule holds for one form only. Reading
//! registries and files is others' work: payload bytes and annotations come in.

mod convert;
mod layer;
mod local;
mod simple_signing;

pub use convert::{ConvertError, to_bundle};
pub use layer::{BUNDLE, CERTIFICATE, CHAIN, Layer, SIGNATURE, TIMESTAMP};
pub use local::{LocalError, annotations_of_local};
pub use simple_signing::SimpleSigning;
