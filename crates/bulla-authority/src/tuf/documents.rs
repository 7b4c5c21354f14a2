//! The files that the targets role lists: whom to believe, and where to sign.
//!
//! `trusted_root.json` and `signing_config.v0.2.json` are what current clients
//! read. Beside them stand the single certificates and keys that clients before
//! these documents look for, found by `custom.sigstore.usage`, under the names
//! that cosign 1 and 2 know.

use bulla_crypto::{
    PublicKey,
    x509::{Certificate, to_pem_chain},
};
use bulla_trust::tuf::metadata::TargetFile;
use serde_json::{Value, json};

/// A file of the targets role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopTarget {
    /// `trusted_root.json`
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// What old clients look it up by.
    pub custom: Option<Value>,
}

impl TopTarget {
    /// A JSON document.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn json(path: &str, document: &Value) -> Result<Self, serde_json::Error> {
        Ok(Self {
            path: path.into(),
            bytes: serde_json::to_vec(document)?,
            custom: None,
        })
    }

    fn legacy(path: String, pem: String, usage: &str, uri: &str) -> Self {
        let custom = json!({"sigstore": {"status": "Active", "uri": uri, "usage": usage}});
        Self {
            path,
            bytes: pem.into_bytes(),
            custom: Some(custom),
        }
    }

    pub(super) fn file(&self) -> TargetFile {
        TargetFile {
            custom: self.custom.clone(),
            ..TargetFile::of(&self.bytes)
        }
    }
}

/// What single files are made from.
pub struct Legacy<'a> {
    /// The address of CA and logs.
    pub base_url: &'a str,
    /// The full endpoint of the timestamp authority.
    pub tsa_url: &'a str,
    /// Intermediate, root.
    pub ca_chain: &'a [Certificate],
    /// Leaf, then up to the root.
    pub tsa_chain: &'a [Certificate],
    /// The Rekor v1 log's key; old clients know no other.
    pub log_v1_key: &'a PublicKey,
    /// The CT log's key.
    pub ct_key: &'a PublicKey,
}

/// The documents and, for old clients, their parts.
///
/// # Errors
/// If a document cannot be written.
pub fn top_targets(
    trusted_root: &Value,
    signing_config: &Value,
    legacy: &Legacy<'_>,
) -> Result<Vec<TopTarget>, serde_json::Error> {
    let mut targets = vec![
        TopTarget::json("trusted_root.json", trusted_root)?,
        TopTarget::json("signing_config.v0.2.json", signing_config)?,
        TopTarget::legacy(
            "rekor.pub".into(),
            legacy.log_v1_key.to_pem(),
            "Rekor",
            legacy.base_url,
        ),
        TopTarget::legacy(
            "ctfe.pub".into(),
            legacy.ct_key.to_pem(),
            "CTFE",
            legacy.base_url,
        ),
    ];
    let certificate = |path: String, certificate: &Certificate, usage: &str, uri: &str| {
        TopTarget::legacy(path, to_pem_chain([certificate]), usage, uri)
    };
    if let [intermediates @ .., root] = legacy.ca_chain {
        let uri = legacy.base_url;
        targets.push(certificate("fulcio_v1.crt.pem".into(), root, "Fulcio", uri));
        for intermediate in intermediates.iter().take(1) {
            let path = "fulcio_intermediate_v1.crt.pem".into();
            targets.push(certificate(path, intermediate, "Fulcio", uri));
        }
    }
    if let [leaf, intermediates @ .., root] = legacy.tsa_chain {
        let uri = legacy.tsa_url;
        targets.push(certificate("tsa_leaf.crt.pem".into(), leaf, "TSA", uri));
        for (index, intermediate) in intermediates.iter().enumerate() {
            let path = format!("tsa_intermediate_{index}.crt.pem");
            targets.push(certificate(path, intermediate, "TSA", uri));
        }
        targets.push(certificate("tsa_root.crt.pem".into(), root, "TSA", uri));
    }
    Ok(targets)
}
