//! Settings of the certificate authority: section `[ca]`.

use std::{collections::BTreeMap, path::PathBuf};

use bulla_trust::jwt::Algorithm;
use serde::Deserialize;

use super::IssuersError;

/// Shortest and longest life of a certificate, in minutes.
pub const LIFETIME_MINUTES: std::ops::RangeInclusive<u32> = 5..=60;

/// Settings of the certificate authority.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaSettings {
    /// Fulcio's issuer file, in YAML or JSON. Without one only the instance's
    /// own issuers are known.
    pub issuers: Option<PathBuf>,
    /// How long certificates hold: 5 to 60 minutes, 10 as in Fulcio.
    pub lifetime_minutes: u32,
    /// What the issuer file cannot say, by issuer URL or pattern.
    pub issuer: BTreeMap<String, IssuerOptions>,
}

impl Default for CaSettings {
    fn default() -> Self {
        Self {
            issuers: None,
            lifetime_minutes: 10,
            issuer: BTreeMap::new(),
        }
    }
}

impl CaSettings {
    /// How long certificates hold, in seconds.
    ///
    /// # Errors
    /// [`IssuersError::Lifetime`] if that is too short or too long.
    pub fn lifetime_seconds(&self) -> Result<i64, IssuersError> {
        match LIFETIME_MINUTES.contains(&self.lifetime_minutes) {
            true => Ok(i64::from(self.lifetime_minutes) * 60),
            false => Err(IssuersError::Lifetime(self.lifetime_minutes)),
        }
    }
}

/// Where the keys of an issuer are from, and how its tokens are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IssuerOptions {
    /// A key set (JWKS) in a file: nothing is fetched then. Read again when it
    /// changes.
    pub jwks_file: Option<PathBuf>,
    /// The address of its key set, where it is on another host than the issuer.
    pub jwks_url: Option<String>,
    /// Whether it may have a private address.
    pub private_network: bool,
    /// The authority of its server's certificate, in PEM.
    pub ca_cert_file: Option<PathBuf>,
    /// A credential that the issuer's own host wants, and no other gets.
    pub bearer_token_file: Option<PathBuf>,
    /// How its tokens may be signed; empty: in every way that is known.
    pub algorithms: Vec<Algorithm>,
    /// Whether each token buys one certificate only.
    pub single_use: bool,
}
