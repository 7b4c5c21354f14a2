//! What bulla seals is accepted by verifiers that share no code with it, what
//! they sign is accepted by bulla, and each refuses the tampered twin.
//!
//! One instance and one shipped image serve all of it. The foreign programs get
//! the files that `bulla up` names, and nothing else.

mod client;
mod cosign;
mod inventory;
mod matrix;
mod notation;
pub mod parts;
mod pull;
mod python_tuf;
mod sigstore_python;
mod stage;
mod timestamp;
