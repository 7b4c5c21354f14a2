//! Signing configs: which services to sign with, as an instance publishes them.
//!
//! `signing_config.v0.2.json` of the Sigstore protobuf specifications. It is
//! advice about addresses, not trust: whatever those services answer is checked
//! against a [`TrustRoot`](super::TrustRoot). Read strictly: an unknown field or
//! selector could be a demand that we would not meet. The public-good configs
//! are embedded as published; what they name is found in `services.rs`.

use bulla_core::limits;
use jiff::Timestamp;
use serde::Deserialize;
use sigstore_trust_root::{SIGNING_CONFIG_MEDIA_TYPE, SIGSTORE_PRODUCTION_SIGNING_CONFIG};

use super::{
    RootError,
    services::{self, LogChoice, SigningServices},
};

/// Services of one kind in one config.
const SERVICES: usize = 64;
/// The public-good log of API version 2, which the instance publishes in a
/// signing config of its own until clients have followed (2026-11).
const PUBLIC_GOOD_LOG_V2: &str = r#"{"url": "https://log2025-1.rekor.sigstore.dev",
    "majorApiVersion": 2, "operator": "sigstore.dev",
    "validFor": {"start": "2026-01-01T00:00:00Z"}}"#;

/// A parsed signing config, version 0.2.
#[derive(Clone, Debug)]
pub struct SigningConfig {
    document: Document,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    media_type: String,
    #[serde(default)]
    ca_urls: Vec<Service>,
    #[serde(default)]
    oidc_urls: Vec<Service>,
    #[serde(default)]
    rekor_tlog_urls: Vec<Service>,
    #[serde(default)]
    tsa_urls: Vec<Service>,
    #[serde(default)]
    rekor_tlog_config: Selection,
    #[serde(default)]
    tsa_config: Selection,
}

/// One service of a config.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Service {
    pub(super) url: String,
    #[serde(default)]
    pub(super) major_api_version: u32,
    #[serde(default)]
    pub(super) valid_for: Window,
    #[serde(default)]
    pub(super) operator: String,
}

/// When a service is in use; both ends are inclusive, and may be open.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    pub(super) start: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl Window {
    pub(super) fn contains(&self, time: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= time) && self.end.is_none_or(|end| time <= end)
    }
}

/// How many services of a kind are to be used.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Selection {
    #[serde(default)]
    pub(super) selector: Selector,
    #[serde(default)]
    pub(super) count: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Selector {
    All,
    #[default]
    Any,
    Exact,
}

impl SigningConfig {
    /// Parses a signing config, version 0.2.
    ///
    /// # Errors
    /// [`RootError`] if it is too large, of another version, too long, or says
    /// something that is not understood.
    pub fn parse(bytes: &[u8]) -> Result<Self, RootError> {
        let limit = limits::TRUST_DOCUMENT_BYTES;
        let document: Document = limits::parse_json(bytes, limit, "signing config")?;
        if document.media_type != SIGNING_CONFIG_MEDIA_TYPE {
            return Err(RootError::MediaType {
                found: document.media_type,
            });
        }
        let lists = [
            &document.ca_urls,
            &document.oidc_urls,
            &document.rekor_tlog_urls,
            &document.tsa_urls,
        ];
        if lists.iter().any(|list| list.len() > SERVICES) {
            return Err(RootError::TooMany {
                what: "services of one kind",
                limit: SERVICES,
            });
        }
        Ok(Self { document })
    }

    /// The embedded config of the public-good instance, parsed on each call. Its
    /// log is of API version 1, as that instance recommends; the one of version
    /// 2 is taken with [`LogChoice::V2`].
    ///
    /// # Errors
    /// [`RootError`] if the embedded copy cannot be used.
    pub fn public_good() -> Result<Self, RootError> {
        Self::parse(SIGSTORE_PRODUCTION_SIGNING_CONFIG.as_bytes())
    }

    /// The same with the log of API version 2 before the other.
    ///
    /// # Errors
    /// [`RootError`] if the embedded copy cannot be used.
    pub fn public_good_v2() -> Result<Self, RootError> {
        let mut config = Self::public_good()?;
        let log = serde_json::from_str(PUBLIC_GOOD_LOG_V2).map_err(RootError::Json)?;
        config.document.rekor_tlog_urls.insert(0, log);
        Ok(config)
    }

    /// The services to sign with at `now`: see [`SigningServices`] for the rule.
    ///
    /// # Errors
    /// [`RootError::NoService`] if a kind that the config names has none that is
    /// valid and speaks a version we know, [`RootError::TooFewServices`] if the
    /// config demands more than it names.
    pub fn services(&self, now: Timestamp, logs: LogChoice) -> Result<SigningServices, RootError> {
        let document = &self.document;
        services::choose(
            &services::Offer {
                authorities: &document.ca_urls,
                issuers: &document.oidc_urls,
                logs: &document.rekor_tlog_urls,
                log_selection: document.rekor_tlog_config,
                stampers: &document.tsa_urls,
                stamper_selection: document.tsa_config,
            },
            now,
            logs,
        )
    }
}
