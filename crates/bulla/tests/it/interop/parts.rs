//! The instance's trust root in loose files: what clients take that know no
//! `trusted_root.json`, by flags and by `SIGSTORE_…` variables.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

/// PEM files in one folder.
pub struct Parts {
    /// The authority's chain, its root last.
    pub fulcio: PathBuf,
    /// The same, taken apart: the root, and the rest.
    pub fulcio_root: PathBuf,
    pub fulcio_rest: PathBuf,
    /// The key of the log, version 1.
    pub rekor: PathBuf,
    /// The key of the certificate log.
    pub ctfe: PathBuf,
    /// The timestamp authority's chain, its certificate first.
    pub tsa: PathBuf,
    pub tsa_root: PathBuf,
    pub tsa_leaf: PathBuf,
}

impl Parts {
    /// Writes those of a `trusted_root.json` into `folder`.
    pub fn write(trusted_root: &Path, folder: &Path) -> Self {
        let root = fs::read(trusted_root).expect("the trusted root");
        let root: Value = serde_json::from_slice(&root).expect("a trusted root");
        let put = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).expect("a file");
            path
        };
        let key = |list: &str| {
            let logs = root[list].as_array().expect("logs");
            let old = |log: &&Value| log["publicKey"]["keyDetails"] == "PKIX_ECDSA_P256_SHA_256";
            let log = logs.iter().find(old).expect("a log with such a key");
            pem("PUBLIC KEY", &log["publicKey"]["rawBytes"])
        };
        let chain = |list: &str| -> Vec<String> {
            let chain = &root[list][0]["certChain"]["certificates"];
            let chain = chain.as_array().expect("a chain");
            let pems = chain.iter().map(|one| pem("CERTIFICATE", &one["rawBytes"]));
            pems.collect()
        };
        let (ca, tsa) = (
            chain("certificateAuthorities"),
            chain("timestampAuthorities"),
        );
        let (ca_root, ca_rest) = ca.split_last().expect("a root");
        Self {
            fulcio: put("fulcio.pem", &ca.concat()),
            fulcio_root: put("fulcio-root.pem", ca_root),
            fulcio_rest: put("fulcio-rest.pem", &ca_rest.concat()),
            rekor: put("rekor.pub", &key("tlogs")),
            ctfe: put("ctfe.pub", &key("ctlogs")),
            tsa: put("tsa.pem", &tsa.concat()),
            tsa_root: put("tsa-root.pem", tsa.last().expect("a root")),
            tsa_leaf: put("tsa-leaf.pem", tsa.first().expect("a leaf")),
        }
    }

    /// The variables by which cosign takes them.
    pub fn variables(&self) -> [(&'static str, &Path); 3] {
        [
            ("SIGSTORE_ROOT_FILE", &self.fulcio),
            ("SIGSTORE_REKOR_PUBLIC_KEY", &self.rekor),
            ("SIGSTORE_CT_LOG_PUBLIC_KEY_FILE", &self.ctfe),
        ]
    }
}

fn pem(label: &str, base64: &Value) -> String {
    let raw = STANDARD.decode(base64.as_str().expect("text"));
    let base64 = STANDARD.encode(raw.expect("base64"));
    let lines: Vec<_> = base64
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}
