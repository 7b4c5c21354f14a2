//! The authority as clients meet it: over its router, with real verifiers.

mod client;
mod instance;
mod services;
mod sigstore;
