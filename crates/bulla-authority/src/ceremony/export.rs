//! What a serving instance gives into a ceremony: public keys and documents.
//!
//! JSON, version 1, no secret in it. The people compare its digest with the one
//! that the instance shows.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::limits;
use bulla_crypto::{
    PublicKey,
    x509::{Certificate, parse_pem_chain},
};
use bulla_trust::tuf::metadata::{Document, Root, Targets};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CeremonyError, VERSION};

/// What the ceremony starts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Export {
    /// 1.
    pub version: u32,
    /// `https://HOST:PORT`
    pub instance: String,
    /// Who runs it: the organization of certificates.
    pub organization: String,
    /// The root in force, in base64; none before the first ceremony of an
    /// instance that never had root keys.
    pub root: Option<String>,
    /// The root key that the instance itself still has, PEM: it signs the root
    /// that replaces it, when that is published.
    pub root_key: Option<String>,
    /// The targets in force, in base64.
    pub targets: Option<String>,
    /// The online keys of TUF, PEM.
    pub snapshot_key: String,
    /// The online keys of TUF, PEM.
    pub timestamp_key: String,
    /// The online keys of TUF, PEM.
    pub online_key: String,
    /// Keys to be certified.
    pub requests: Vec<Request>,
    /// `trusted_root.json`, with the authorities as far as there are any.
    pub trusted_root: Value,
    /// `signing_config.v0.2.json`
    pub signing_config: Value,
    /// The full endpoint of the timestamp authority.
    pub tsa_url: String,
    /// The Rekor v1 log's key, PEM, for old clients.
    pub log_v1_key: String,
    /// The CT log's key, PEM, for old clients.
    pub ct_key: String,
}

/// What a key is to be certified as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestKind {
    /// An issuer of code-signing certificates.
    Intermediate,
    /// A timestamp authority.
    Timestamp,
}

/// A key to be certified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Request {
    /// As what.
    pub kind: RequestKind,
    /// The key, PEM.
    pub public_key: String,
    /// The name in the certificate.
    pub common_name: String,
    /// The root under which the present one is, PEM.
    pub root: Option<String>,
}

impl Export {
    /// Reads an export.
    ///
    /// # Errors
    /// [`CeremonyError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CeremonyError> {
        let malformed = |why: String| CeremonyError::malformed("export.json", why);
        let export: Self = limits::parse_json(bytes, limits::TRUST_DOCUMENT_BYTES, "export")
            .map_err(|error| malformed(error.to_string()))?;
        if export.version != VERSION {
            return Err(malformed(format!(
                "version {} is not known here",
                export.version
            )));
        }
        for pem in [
            &export.snapshot_key,
            &export.timestamp_key,
            &export.online_key,
        ] {
            key(pem)?;
        }
        export.root()?;
        export.targets()?;
        for request in &export.requests {
            request.key()?;
            request.root()?;
        }
        Ok(export)
    }

    /// The root in force.
    ///
    /// # Errors
    /// [`CeremonyError::Malformed`], [`CeremonyError::Metadata`].
    pub fn root(&self) -> Result<Option<Root>, CeremonyError> {
        match &self.root {
            Some(root) => Ok(Some(Root::first(&decode(root)?)?)),
            None => Ok(None),
        }
    }

    /// The targets in force.
    ///
    /// # Errors
    /// [`CeremonyError::Malformed`], [`CeremonyError::Metadata`].
    pub fn targets(&self) -> Result<Option<Targets>, CeremonyError> {
        match &self.targets {
            Some(targets) => Ok(Some(Targets::read(&Document::parse(&decode(targets)?)?)?)),
            None => Ok(None),
        }
    }

    pub(super) fn root_version(&self) -> Result<u64, CeremonyError> {
        Ok(self.root()?.map_or(0, |root| root.version))
    }

    pub(super) fn targets_version(&self) -> Result<u64, CeremonyError> {
        Ok(self.targets()?.map_or(0, |targets| targets.version))
    }

    /// Whether it has authorities already.
    pub fn has_authorities(&self) -> bool {
        let is_there = |name: &str| {
            let list = self.trusted_root[name].as_array();
            list.is_some_and(|list| !list.is_empty())
        };
        is_there("certificateAuthorities") && is_there("timestampAuthorities")
    }

    /// The request of that kind.
    pub fn request(&self, kind: RequestKind) -> Option<&Request> {
        self.requests.iter().find(|request| request.kind == kind)
    }
}

impl Request {
    /// The key.
    ///
    /// # Errors
    /// [`CeremonyError::Key`].
    pub fn key(&self) -> Result<PublicKey, CeremonyError> {
        key(&self.public_key)
    }

    /// The root of the present certificate.
    ///
    /// # Errors
    /// [`CeremonyError::X509`].
    pub fn root(&self) -> Result<Option<Certificate>, CeremonyError> {
        match &self.root {
            Some(pem) => Ok(parse_pem_chain(pem.as_bytes())?.into_iter().next()),
            None => Ok(None),
        }
    }
}

pub(super) fn key(pem: &str) -> Result<PublicKey, CeremonyError> {
    Ok(PublicKey::from_pem(pem)?)
}

fn decode(text: &str) -> Result<Vec<u8>, CeremonyError> {
    STANDARD
        .decode(text)
        .map_err(|error| CeremonyError::malformed("export.json", error))
}
