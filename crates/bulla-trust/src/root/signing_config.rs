//! Signing configs: which services to sign with, as an instance publishes them.
//!
//! `signing_config.v0.2.json` of the Sigstore protobuf specifications. It is
//! advice about addresses, not trust: whatever those services answer is checked
//! against a [`TrustRoot`](super::TrustRoot). One log and one timestamp
//! authority are used; a config that demands several is refused, not curtailed.

use bulla_core::limits;
use jiff::Timestamp;
use sigstore_trust_root::{
    SIGNING_CONFIG_MEDIA_TYPE, SIGSTORE_PRODUCTION_SIGNING_CONFIG, ServiceConfiguration,
    ServiceEndpoint, ServiceSelector,
};

use super::RootError;

/// Services of one kind in one config.
const SERVICES: usize = 64;

/// A parsed signing config, version 0.2.
#[derive(Clone, Debug)]
pub struct SigningConfig {
    document: sigstore_trust_root::SigningConfig,
}

/// The services of one act of signing. URLs have no trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningServices {
    /// Base URL of the certificate authority.
    pub ca: String,
    /// Base URL of the log, which speaks the tile API (version 2).
    pub log: String,
    /// The timestamp authority's whole endpoint.
    pub tsa: String,
    /// The OIDC issuer where a person gets a token, if the config names one.
    pub oidc: Option<String>,
}

impl SigningConfig {
    /// Parses a signing config, version 0.2.
    ///
    /// # Errors
    /// [`RootError`] if it is too large, of another version or too long.
    pub fn parse(bytes: &[u8]) -> Result<Self, RootError> {
        let limit = limits::TRUST_DOCUMENT_BYTES;
        let document: sigstore_trust_root::SigningConfig =
            limits::parse_json(bytes, limit, "signing config")?;
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

    /// The embedded config of the public-good instance, parsed on each call.
    ///
    /// # Errors
    /// [`RootError`] if the embedded copy cannot be used.
    pub fn public_good() -> Result<Self, RootError> {
        Self::parse(SIGSTORE_PRODUCTION_SIGNING_CONFIG.as_bytes())
    }

    /// The services to sign with at `now`.
    ///
    /// # Errors
    /// [`RootError::NoService`] if a kind has none that is valid and speaks a
    /// version we know, or if the config demands several at once.
    pub fn services(&self, now: Timestamp) -> Result<SigningServices, RootError> {
        let document = &self.document;
        one_is_enough(
            &document.rekor_tlog_config,
            &document.rekor_tlog_urls,
            "log",
        )?;
        one_is_enough(
            &document.tsa_config,
            &document.tsa_urls,
            "timestamp authority",
        )?;
        Ok(SigningServices {
            ca: pick(&document.ca_urls, 1, now, "certificate authority")?,
            log: pick(&document.rekor_tlog_urls, 2, now, "log of API version 2")?,
            tsa: pick(&document.tsa_urls, 1, now, "timestamp authority")?,
            oidc: pick(&document.oidc_urls, 1, now, "token issuer").ok(),
        })
    }
}

fn pick(
    services: &[ServiceEndpoint],
    version: u32,
    now: Timestamp,
    what: &'static str,
) -> Result<String, RootError> {
    services
        .iter()
        .find(|service| service.major_api_version == version && service.valid_for.contains(now))
        .map(|service| service.url.trim_end_matches('/').to_owned())
        .ok_or(RootError::NoService { what })
}

fn one_is_enough(
    config: &ServiceConfiguration,
    services: &[ServiceEndpoint],
    what: &'static str,
) -> Result<(), RootError> {
    let enough = match config.selector {
        ServiceSelector::Any => true,
        ServiceSelector::Exact => config.count == Some(1),
        ServiceSelector::All => services.len() <= 1,
        _ => false,
    };
    if enough {
        Ok(())
    } else {
        Err(RootError::NoService { what })
    }
}
