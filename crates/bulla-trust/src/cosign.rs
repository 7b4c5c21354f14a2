//! SHIM until engine is merged.
#![allow(missing_docs, clippy::all, unused_variables)]
use crate::{*, sigstore::*, root::RootError};
use bulla_core::{Code, Digest, Statement, Diagnose};
use bulla_crypto::PublicKey;
use jiff::Timestamp;
use std::collections::BTreeMap;

#[derive(Clone, Copy)]
pub struct Layer<'a> { pub payload: &'a [u8], pub annotations: &'a BTreeMap<String, String> }
#[derive(Clone, Debug, serde::Serialize)]
pub struct SimpleSigning { pub docker_reference: String, pub digest: Digest, pub optional: serde_json::Map<String, serde_json::Value> }
impl SimpleSigning { pub fn to_payload(&self) -> Vec<u8> { Vec::new() } }
pub struct Detached<'a> { pub content: DetachedContent<'a>, pub certificate: Option<&'a [u8]>, pub key: Option<&'a PublicKey>, pub rekor_bundle: Option<&'a [u8]>, pub timestamp: Option<&'a [u8]> }
pub enum DetachedContent<'a> { Blob { signature: &'a [u8], digest: &'a Digest }, Envelope(&'a [u8]) }
pub struct LocalSigned { pub signature: Vec<u8>, pub certificate: Option<Vec<u8>>, pub rekor_bundle: Option<Vec<u8>> }
#[derive(Debug, thiserror::Error)]
#[error("shim")]
pub struct CosignError;
impl Diagnose for CosignError { fn code(&self) -> Code { Code("TRUST-0000") } }
pub fn parse_local(bytes: &[u8]) -> Result<LocalSigned, CosignError> { Err(CosignError) }
pub fn to_bundle(d: &Detached<'_>) -> Result<Vec<u8>, CosignError> { Err(CosignError) }
#[derive(Clone, Debug, Default)]
pub struct Requirements;
impl Requirements { pub fn without_log(self) -> Self { self } pub fn without_sct(self) -> Self { self } pub fn timestamped(self) -> Self { self } }
pub struct Verification<'a> { root: &'a TrustRoot, now: Timestamp }
fn no() -> Rejection { Rejection { code: Code("TRUST-0000"), text: "shim".into(), hint: None, envelope: None } }
impl<'a> Verification<'a> {
    pub fn new(root: &'a TrustRoot, now: Timestamp) -> Self { Self { root, now } }
    pub fn requiring(self, r: Requirements) -> Self { self }
    pub fn attestation(&self, b: &[u8], d: &Digest) -> Result<Verified<Statement>, Rejection> { verify_attestation(self.root, b, d, self.now) }
    pub fn signature<'b>(&self, b: &[u8], d: impl Into<Artifact<'b>>) -> Result<Verified<Blob>, Rejection> { verify_signature(self.root, b, d, self.now) }
    pub fn attestation_with_key(&self, b: &[u8], d: &Digest, k: &PublicKey) -> Result<Verified<Statement, KeyProof>, Rejection> { verify_attestation_with_key(self.root, b, d, k.spki_der(), self.now) }
    pub fn signature_with_key<'b>(&self, b: &[u8], d: impl Into<Artifact<'b>>, k: &PublicKey) -> Result<Verified<Blob, KeyProof>, Rejection> { verify_blob_with_key(self.root, b, d, k.spki_der(), self.now) }
    pub fn layer_signature(&self, l: &Layer<'_>, d: &Digest) -> Result<Verified<SimpleSigning>, Rejection> { Err(no()) }
    pub fn layer_signature_with_key(&self, l: &Layer<'_>, d: &Digest, k: &PublicKey) -> Result<Verified<SimpleSigning, KeyProof>, Rejection> { Err(no()) }
    pub fn layer_attestation(&self, l: &Layer<'_>, d: &Digest) -> Result<Verified<Statement>, Rejection> { Err(no()) }
    pub fn layer_attestation_with_key(&self, l: &Layer<'_>, d: &Digest, k: &PublicKey) -> Result<Verified<Statement, KeyProof>, Rejection> { Err(no()) }
}
#[derive(Default)]
pub struct RootParts { pub ca_roots: Option<Vec<u8>>, pub ca_intermediates: Option<Vec<u8>>, pub tsa_chains: Vec<Vec<u8>> }
impl RootParts { pub fn is_empty(&self) -> bool { self.ca_roots.is_none() && self.tsa_chains.is_empty() } }
impl TrustRoot {
    pub fn assemble(p: &RootParts) -> Result<Self, RootError> { Err(RootError::NoService { what: "shim" }) }
    pub fn with_parts(&self, p: &RootParts) -> Result<Self, RootError> { Err(RootError::NoService { what: "shim" }) }
    pub fn nothing() -> Result<Self, RootError> { Err(RootError::NoService { what: "shim" }) }
}
