//! A seal that was found, and what it says of itself: enough to filter by, and
//! nothing that anybody may believe.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::statement::predicate_type::COSIGN_SIGN_V1;
use bulla_oci::cosign::annotation;
use bulla_trust::{
    Rejection,
    cosign::Layer,
    report::{Label, Layout},
    sigstore::{BundleKind, UnverifiedBundle},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::Wanted;

/// Characters of a predicate type that are looked at.
const KIND: usize = 2_000;

/// A seal, not verified.
pub enum Seal {
    /// A Sigstore bundle: its bytes, and what was read from them.
    Bundle(Vec<u8>, Box<Result<UnverifiedBundle, Rejection>>),
    /// A layer of a `.sig` manifest.
    OldSignature(Vec<u8>, BTreeMap<String, String>),
    /// A layer of an `.att` manifest.
    OldAttestation(Vec<u8>, BTreeMap<String, String>),
}

impl Seal {
    /// A bundle, read.
    pub fn bundle(bytes: Vec<u8>) -> Self {
        let read = UnverifiedBundle::read(&bytes);
        Self::Bundle(bytes, Box::new(read))
    }
}

/// A seal, and where it was found.
pub struct Candidate {
    /// Where.
    pub label: Label,
    /// The seal.
    pub seal: Seal,
    /// Whether it is over the artifact itself, not a statement about it.
    pub(super) is_signature: bool,
    /// Whether a certificate is with it.
    pub(super) is_certified: bool,
}

impl Candidate {
    /// A candidate that was found there under that name. What cannot be read
    /// claims nothing.
    pub fn new(layout: Layout, name: String, seal: Seal) -> Self {
        let (mut is_signature, mut is_certified, mut predicate_type) = (false, false, None);
        match &seal {
            Seal::Bundle(_, read) => {
                if let Ok(bundle) = read.as_ref() {
                    is_signature = bundle.kind() == BundleKind::Signature;
                    is_certified = bundle.has_certificate();
                    predicate_type = bundle.statement().ok().map(|said| said.predicate_type);
                }
            }
            Seal::OldSignature(_, annotations) => {
                is_signature = true;
                is_certified = annotations.contains_key(annotation::CERTIFICATE);
            }
            Seal::OldAttestation(envelope, annotations) => {
                is_certified = annotations.contains_key(annotation::CERTIFICATE);
                let layer = Layer {
                    payload: envelope,
                    annotations,
                };
                predicate_type = layer.claimed_type();
            }
        }
        let label = Label {
            layout,
            name: Some(name),
            // Told, of everything that is found: no type is that long.
            predicate_type: predicate_type.map(|kind| kind.chars().take(KIND).collect()),
        };
        Self {
            label,
            seal,
            is_signature,
            is_certified,
        }
    }

    /// Whether it says of itself that it is of that kind. What cannot be read is
    /// kept, so that it is rejected and told (rule R3).
    pub fn claims(&self, wanted: &Wanted, is_file: bool) -> bool {
        match &self.label.predicate_type {
            _ if self.is_signature => matches!(wanted, Wanted::Signature),
            Some(kind) => is_wanted(kind, wanted, is_file),
            None => true,
        }
    }

    /// What it claims to be, for a person.
    pub fn kind(&self) -> &str {
        match &self.label.predicate_type {
            Some(kind) => kind,
            None if self.is_signature => "a signature",
            None => "something that cannot be read",
        }
    }

    /// It as one JSON document.
    pub fn document(&self) -> Value {
        let text = |bytes: &[u8]| match serde_json::from_slice(bytes) {
            Ok(value) => value,
            Err(_) => json!({"base64": STANDARD.encode(bytes)}),
        };
        match &self.seal {
            Seal::Bundle(bytes, _) => text(bytes),
            Seal::OldSignature(payload, annotations) => json!({
                "payload": STANDARD.encode(payload), "annotations": annotations,
            }),
            Seal::OldAttestation(envelope, annotations) => json!({
                "envelope": text(envelope), "annotations": annotations,
            }),
        }
    }
}

/// Whether a statement of that type is wanted.
pub(super) fn is_wanted(kind: &str, wanted: &Wanted, is_file: bool) -> bool {
    match wanted {
        // A statement about a file speaks for it as a signature does.
        Wanted::Signature => is_file || kind == COSIGN_SIGN_V1,
        Wanted::Statement(None) => kind != COSIGN_SIGN_V1,
        Wanted::Statement(Some(wanted)) => wanted.accepts(kind),
    }
}
