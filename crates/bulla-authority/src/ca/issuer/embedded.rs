//! The instance's own issuers: issuers like any other, whose keys are at hand.

use std::sync::Arc;

use bulla_trust::jwt::{Algorithm, KeySet};

use super::{
    ConfiguredIssuer,
    keys::{IssuerTrust, KeySource, LocalKeys, PendingKeys},
    principal::Naming,
};
use crate::oidc;

/// The audience of the instance's own tokens.
pub const AUDIENCE: &str = "sigstore";

/// Whom one of the instance's own issuers names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmbeddedKind {
    /// Persons, by addresses that somebody asserts.
    Asserted,
    /// Persons by addresses, and machines by URIs, that have logged in.
    Login,
    /// The instance's services, by URIs.
    Services,
}

/// One of the instance's own issuers.
pub struct Embedded {
    /// Its URL.
    pub url: String,
    /// Whom it names.
    pub kind: EmbeddedKind,
    /// Its keys.
    pub keys: Arc<dyn LocalKeys>,
    /// Whether each of its tokens buys one certificate only.
    pub single_use: bool,
}

impl Embedded {
    /// One whose tokens stay usable until they expire.
    pub fn new(url: &str, kind: EmbeddedKind, keys: Arc<dyn LocalKeys>) -> Self {
        Self {
            url: url.to_owned(),
            kind,
            keys,
            single_use: false,
        }
    }
}

impl From<Embedded> for ConfiguredIssuer {
    fn from(embedded: Embedded) -> Self {
        let (persons, machines, type_name, challenge_claim) = match embedded.kind {
            EmbeddedKind::Asserted => (true, false, "email", "email"),
            EmbeddedKind::Login => (true, true, "email", "email"),
            EmbeddedKind::Services => (false, true, "uri", "sub"),
        };
        Self {
            trust: IssuerTrust {
                url: embedded.url,
                audience: AUDIENCE.into(),
                algorithms: vec![Algorithm::Es256],
                keys: KeySource::Local(embedded.keys),
            },
            naming: Naming::Embedded { persons, machines },
            type_name,
            challenge_claim: challenge_claim.into(),
            challenge: None,
            subject_domain: String::new(),
            trust_domain: String::new(),
            skips_email_verification: false,
            single_use: embedded.single_use,
        }
    }
}

impl LocalKeys for oidc::Issuer {
    fn key_set<'a>(&'a self, _: Option<&'a str>) -> PendingKeys<'a> {
        let key = (Some(self.key_id().to_owned()), self.key().public().clone());
        Box::pin(std::future::ready(KeySet::of([key])))
    }
}
