//! `ClientTrustConfig` v0.1: a trust root and a signing config in one file.
//!
//! What `sigstore --trust-config` reads and our own instance publishes. The two
//! documents inside are cut out byte for byte, so that the trust root keeps the
//! digest it is cited by.

use bulla_core::limits;
use serde::Deserialize;
use serde_json::value::RawValue;
use sigstore_trust_root::{SIGSTORE_PRODUCTION_SIGNING_CONFIG, SIGSTORE_PRODUCTION_TRUSTED_ROOT};

use super::RootError;

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json";

/// The two documents of a client trust config, not yet read themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTrustConfig {
    /// A `trusted_root.json`.
    pub trusted_root: Vec<u8>,
    /// A `signing_config.v0.2.json`.
    pub signing_config: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    media_type: String,
    trusted_root: Box<RawValue>,
    signing_config: Box<RawValue>,
}

impl ClientTrustConfig {
    /// Takes a client trust config apart.
    ///
    /// # Errors
    /// [`RootError`] if it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, RootError> {
        let limit = limits::TRUST_DOCUMENT_BYTES;
        let document: Document = limits::parse_json(bytes, limit, "client trust config")?;
        if document.media_type != MEDIA_TYPE {
            return Err(RootError::MediaType {
                found: document.media_type,
            });
        }
        Ok(Self {
            trusted_root: document.trusted_root.get().into(),
            signing_config: document.signing_config.get().into(),
        })
    }

    /// The two documents of the public-good instance, as they are embedded.
    pub fn public_good() -> Self {
        Self {
            trusted_root: SIGSTORE_PRODUCTION_TRUSTED_ROOT.into(),
            signing_config: SIGSTORE_PRODUCTION_SIGNING_CONFIG.into(),
        }
    }

    /// Puts a client trust config together, both documents byte for byte.
    pub fn to_json(&self) -> Vec<u8> {
        let head = format!("{{\"mediaType\":\"{MEDIA_TYPE}\",\"trustedRoot\":");
        [
            head.as_bytes(),
            self.trusted_root.trim_ascii(),
            b",\"signingConfig\":",
            self.signing_config.trim_ascii(),
            b"}\n",
        ]
        .concat()
    }

    /// Whether a document says that it is one, whatever else is wrong with it.
    pub fn is_one(bytes: &[u8]) -> bool {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Kind {
            media_type: String,
        }
        let limit = limits::TRUST_DOCUMENT_BYTES;
        limits::parse_json::<Kind>(bytes, limit, "trust document")
            .is_ok_and(|kind| kind.media_type == MEDIA_TYPE)
    }
}
