//! What one act of signing gave, part by part.
//!
//! cosign's old layout keeps these parts as annotations of a layer
//! (`SIGNATURE_SPEC.md` of sigstore/cosign); its bundle of promise and payload
//! exists for entries in logs of version 1 only.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Digest, Envelope};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::log::LogEntry;

/// The parts of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The signature itself.
    pub signature: Vec<u8>,
    /// The signed envelope, if it was one.
    pub envelope: Option<Envelope>,
    /// The signing certificate, PEM.
    pub certificate: Option<String>,
    /// Its issuers, PEM, the root last.
    pub chain: Option<String>,
    /// The public key, PEM.
    pub public_key: String,
    /// SHA-256 of the public key (DER SubjectPublicKeyInfo).
    pub key_id: Digest,
    /// Its entries in logs.
    pub log_entries: Vec<LogEntry>,
    /// Timestamps over the signature: DER `TimeStampResp`.
    pub timestamps: Vec<Vec<u8>>,
}

impl Parts {
    /// The value of the annotation `dev.sigstore.cosign/bundle`: what the first
    /// log of version 1 promised.
    pub fn cosign_bundle(&self) -> Option<Value> {
        let promise = self.log_entries.iter().find_map(|e| e.promise.as_ref())?;
        serde_json::to_value(promise).ok()
    }

    /// The value of the annotation `dev.sigstore.cosign/rfc3161timestamp`.
    pub fn cosign_timestamp(&self) -> Option<Value> {
        let der = self.timestamps.first()?;
        Some(json!({"SignedRFC3161Timestamp": STANDARD.encode(der)}))
    }

    /// The annotations of a layer in cosign's old layout, but for the signature
    /// itself, which signatures and attestations place differently.
    pub fn cosign_annotations(&self) -> BTreeMap<String, String> {
        let text = |value: Option<Value>| value.map(|value| value.to_string());
        [
            ("certificate", self.certificate.clone()),
            ("chain", self.chain.clone()),
            ("bundle", text(self.cosign_bundle())),
            ("rfc3161timestamp", text(self.cosign_timestamp())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((format!("dev.sigstore.cosign/{name}"), value?)))
        .collect()
    }
}
