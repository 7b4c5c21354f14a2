//! The documents that tell clients whom to trust and where to go.
//!
//! `TrustedRoot` v0.1, `SigningConfig` v0.2 and `ClientTrustConfig` v0.1 in the
//! one form that cosign, sigstore-python and sigstore-js all accept: no unknown
//! fields, no trailing slashes, ANY as the only selector, operator and start
//! always present.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::{PublicKey, x509::Certificate};
use jiff::Timestamp;
use serde_json::{Value, json};

/// What the documents are made from.
pub struct TrustMaterial<'a> {
    /// The address of CA and logs, without a trailing slash.
    pub base_url: &'a str,
    /// The issuer that clients log in at.
    pub oidc_issuer: &'a str,
    /// Who runs the instance.
    pub operator: &'a str,
    /// From when the instance's keys are valid.
    pub since: Timestamp,
    /// Intermediate, root.
    pub ca_chain: &'a [Certificate],
    /// Leaf, root.
    pub tsa_chain: &'a [Certificate],
    /// The Rekor v1 log's key.
    pub log_v1_key: &'a PublicKey,
    /// The Rekor v2 log's key.
    pub log_key: &'a PublicKey,
    /// Base64 of its full key id.
    pub log_id: &'a str,
    /// The CT log's key.
    pub ct_key: &'a PublicKey,
}

impl TrustMaterial<'_> {
    /// The full endpoint of the timestamp authority.
    pub fn tsa_url(&self) -> String {
        format!("{}/api/v1/timestamp", self.base_url)
    }

    /// `application/vnd.dev.sigstore.trustedroot+json;version=0.1`
    pub fn trusted_root(&self) -> Value {
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [
                self.log(self.log_v1_key, &spki_id(self.log_v1_key)),
                self.log(self.log_key, self.log_id),
            ],
            "certificateAuthorities": [self.authority(self.base_url, self.ca_chain)],
            "ctlogs": [self.log(self.ct_key, &spki_id(self.ct_key))],
            "timestampAuthorities": [self.authority(&self.tsa_url(), self.tsa_chain)],
        })
    }

    /// `application/vnd.dev.sigstore.signingconfig.v0.2+json`
    ///
    /// Both versions of the log, the newer first: clients choose that one unless
    /// they are told to use the other.
    pub fn signing_config(&self) -> Value {
        let service = |url: &str, version: u8| {
            json!({
                "url": url, "majorApiVersion": version,
                "validFor": self.valid_for(), "operator": self.operator,
            })
        };
        json!({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [service(self.base_url, 1)],
            "oidcUrls": [service(self.oidc_issuer, 1)],
            "rekorTlogUrls": [service(self.base_url, 2), service(self.base_url, 1)],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": [service(&self.tsa_url(), 1)],
            "tsaConfig": {"selector": "ANY"},
        })
    }

    /// `application/vnd.dev.sigstore.clienttrustconfig.v0.1+json`
    pub fn client_trust_config(&self) -> Value {
        json!({
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": self.trusted_root(),
            "signingConfig": self.signing_config(),
        })
    }

    fn log(&self, key: &PublicKey, id: &str) -> Value {
        json!({
            "baseUrl": self.base_url,
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": STANDARD.encode(key.spki_der()),
                "keyDetails": key.scheme().sigstore_name(),
                "validFor": self.valid_for(),
            },
            "logId": {"keyId": id},
        })
    }

    fn authority(&self, uri: &str, chain: &[Certificate]) -> Value {
        let name = chain
            .last()
            .map(|root| root.subject().to_string())
            .unwrap_or_default();
        let part = |prefix: &str| {
            let found = name.split(',').find_map(|part| part.strip_prefix(prefix));
            found.unwrap_or_default().to_owned()
        };
        let certificates: Vec<Value> = chain
            .iter()
            .map(|certificate| json!({"rawBytes": STANDARD.encode(certificate.der())}))
            .collect();
        json!({
            "subject": {"organization": part("O="), "commonName": part("CN=")},
            "uri": uri,
            "certChain": {"certificates": certificates},
            "validFor": self.valid_for(),
        })
    }

    fn valid_for(&self) -> Value {
        json!({"start": self.since.to_string()})
    }
}

/// The id of Rekor v1 and CT logs: SHA-256 of the key.
fn spki_id(key: &PublicKey) -> String {
    STANDARD.encode(key.id().bytes())
}
