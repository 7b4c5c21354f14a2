//! The old form of `cosign sign-blob --bundle`: one JSON file with signature,
//! certificate and the log's promise.
//!
//! It becomes the annotations of the old layout, which say the same.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{
    Code, Diagnose,
    limits::{self, LimitError},
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

use super::layer::{BUNDLE, CERTIFICATE, SIGNATURE};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Local {
    base64_signature: String,
    #[serde(default)]
    cert: String,
    #[serde(default)]
    rekor_bundle: Option<Value>,
}

/// Reads such a file as annotations. Nothing is verified.
///
/// # Errors
/// [`LocalError`] if it is none.
pub fn annotations_of_local(json: &[u8]) -> Result<BTreeMap<String, String>, LocalError> {
    let local: Local = limits::parse_json(json, limits::BUNDLE_BYTES, "signed payload")?;
    if local.base64_signature.is_empty() {
        return Err(LocalError::Signature);
    }
    let mut annotations = BTreeMap::from([(SIGNATURE.to_owned(), local.base64_signature)]);
    if !local.cert.is_empty() {
        annotations.insert(CERTIFICATE.to_owned(), pem(&local.cert)?);
    }
    if let Some(promise) = local.rekor_bundle.filter(|promise| !promise.is_null()) {
        annotations.insert(BUNDLE.to_owned(), promise.to_string());
    }
    Ok(annotations)
}

/// PEM, or the base64 of it, which cosign writes.
fn pem(text: &str) -> Result<String, LocalError> {
    if text.contains("-----BEGIN") {
        return Ok(text.to_owned());
    }
    let bytes = STANDARD
        .decode(text.trim())
        .map_err(|_| LocalError::Certificate)?;
    String::from_utf8(bytes).map_err(|_| LocalError::Certificate)
}

/// Why a file is no signed payload.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// Neither PEM nor the base64 of it.
    #[error("the certificate in the signed payload is no PEM")]
    Certificate,
    /// Not such a file.
    #[error(transparent)]
    Form(#[from] LimitError),
    /// No signature.
    #[error("the signed payload has no signature")]
    Signature,
}

impl Diagnose for LocalError {
    fn code(&self) -> Code {
        match self {
            Self::Certificate => Code("TRUST-0620"),
            Self::Form(_) => Code("TRUST-0621"),
            Self::Signature => Code("TRUST-0622"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some("give the file that `cosign sign-blob --bundle` wrote".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn certificate_in_both_forms() {
        let pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
        for cert in [pem.to_owned(), STANDARD.encode(pem)] {
            let json = serde_json::json!({"base64Signature": "AA==", "cert": cert, "rekorBundle": {"Payload": {}}});
            let read = annotations_of_local(json.to_string().as_bytes()).unwrap();
            assert_eq!(read[CERTIFICATE], pem);
            assert_eq!(read[BUNDLE], r#"{"Payload":{}}"#);
        }
        let bare = annotations_of_local(br#"{"base64Signature":"AA=="}"#).unwrap();
        assert_eq!(bare.len(), 1);
    }

    #[test]
    fn other_files_are_refused() {
        for bad in [
            "",
            "{}",
            r#"{"base64Signature":""}"#,
            r#"{"base64Signature":"A","cert":"?"}"#,
        ] {
            assert!(annotations_of_local(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = annotations_of_local(&bytes);
        }
    }
}
