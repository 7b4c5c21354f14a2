//! The forms of single tools: PEM files for cosign 2 and notation, a policy of
//! either kind for Kyverno, a trust root for policy-controller.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::{
    PublicKey,
    x509::{parse_certificate, to_pem_chain},
};
use serde_json::{Value, json};

/// Whose form it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Tool {
    /// cosign 2 and 3
    Cosign,
    /// Kyverno: ClusterPolicy and ImageValidatingPolicy
    Kyverno,
    /// Sigstore's policy-controller: TrustRoot and ClusterImagePolicy
    PolicyController,
    /// sigstore-python
    SigstorePython,
    /// notation: its timestamp trust store
    Notation,
}

impl Tool {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::Cosign,
        Self::Kyverno,
        Self::PolicyController,
        Self::SigstorePython,
        Self::Notation,
    ];

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosign => "cosign",
            Self::Kyverno => "kyverno",
            Self::PolicyController => "policy-controller",
            Self::SigstorePython => "sigstore-python",
            Self::Notation => "notation",
        }
    }

    /// What is written for it, beside the documents that all share.
    pub fn files(self) -> &'static [&'static str] {
        match self {
            Self::Cosign => &[
                "cosign.sh",
                "fulcio.pem",
                "ctfe.pub",
                "rekor.pub",
                "tsa.pem",
            ],
            Self::Kyverno => &[
                "kyverno-clusterpolicy.yaml",
                "kyverno-imagevalidatingpolicy.yaml",
            ],
            Self::PolicyController => &["policy-controller.yaml"],
            Self::SigstorePython => &["sigstore-python.sh"],
            Self::Notation => &["notation.sh", "notation-tsa.pem"],
        }
    }
}

/// A trust root, taken apart.
pub(super) struct Material {
    url: String,
    issuer: String,
    tuf: Option<(String, String)>,
    root: Value,
    ca: String,
    ct: String,
    rekor: String,
    tsa: String,
    tsa_root: String,
}

impl Material {
    /// Takes the newest of each kind.
    pub(super) fn read(
        root: &Value,
        services: Option<&Value>,
        tuf: Option<(&str, &str)>,
    ) -> Option<Self> {
        let last = |list: &str| root[list].as_array()?.last();
        let ca = last("certificateAuthorities")?;
        let tsa = chain(last("timestampAuthorities")?)?;
        // cosign 2 and the controllers read Rekor v1: its key is ECDSA.
        let rekor = root["tlogs"].as_array()?.iter().find(|log| {
            let details = log["publicKey"]["keyDetails"].as_str();
            details.is_some_and(|details| details.contains("ECDSA"))
        });
        let issuer = services.and_then(|services| services["oidcUrls"][0]["url"].as_str());
        let (_, tsa_root) = tsa.rsplit_once("-----BEGIN")?;
        Some(Self {
            url: ca["uri"].as_str()?.into(),
            issuer: issuer.unwrap_or("https://ISSUER").into(),
            tuf: tuf.map(|(url, root)| (url.into(), root.into())),
            ca: chain(ca)?,
            ct: key(last("ctlogs")?)?,
            rekor: key(rekor.or_else(|| last("tlogs"))?)?,
            tsa_root: format!("-----BEGIN{tsa_root}"),
            tsa,
            root: root.clone(),
        })
    }

    /// The files of one tool: names and contents.
    pub(super) fn of(&self, tool: Tool) -> Vec<(&'static str, String)> {
        let contents = match tool {
            Tool::Cosign => vec![
                self.cosign(),
                self.ca.clone(),
                self.ct.clone(),
                self.rekor.clone(),
                self.tsa.clone(),
            ],
            Tool::Kyverno => vec![self.cluster_policy(), self.image_validating_policy()],
            Tool::PolicyController => vec![self.policy_controller()],
            Tool::SigstorePython => vec![self.sigstore_python()],
            Tool::Notation => vec![NOTATION.into(), self.tsa_root.clone()],
        };
        tool.files().iter().copied().zip(contents).collect()
    }

    fn cosign(&self) -> String {
        let initialize = match &self.tuf {
            Some((url, root)) => {
                let sum = bulla_core::Digest::sha256(root.as_bytes());
                format!(
                    "cosign initialize --mirror {url} --root {url}/1.root.json --root-checksum {}\n",
                    sum.hex()
                )
            }
            None => String::new(),
        };
        format!(
            "# cosign 3, and cosign 2 with --trusted-root: once, then no flags are needed\n{initialize}\
             # cosign 2 without it: run this with `.`, in the directory of this file\n\
             export SIGSTORE_ROOT_FILE=\"$PWD/fulcio.pem\"\n\
             export SIGSTORE_CT_LOG_PUBLIC_KEY_FILE=\"$PWD/ctfe.pub\"\n\
             export SIGSTORE_REKOR_PUBLIC_KEY=\"$PWD/rekor.pub\"\n\
             export SIGSTORE_TSA_CERTIFICATE_FILE=\"$PWD/tsa.pem\"\n"
        )
    }

    fn sigstore_python(&self) -> String {
        let trust = match &self.tuf {
            Some((url, _)) => {
                format!("sigstore --instance {url} trust-instance tuf_root.json\n")
            }
            None => String::new(),
        };
        format!(
            "# by the repository, which brings what is new:\n{trust}\
             # or by one file, as it is now:\n\
             # sigstore --trust-config client_trust_config.json sign FILE\n"
        )
    }

    fn cluster_policy(&self) -> String {
        let keyless = json!({
            "issuer": self.issuer, "subject": "SUBJECT", "roots": self.ca,
            "rekor": {"url": self.url, "pubkey": self.rekor},
            "ctlog": {"pubkey": self.ct, "tsaCertChain": self.tsa},
        });
        yaml(&json!({
            "apiVersion": "kyverno.io/v1",
            "kind": "ClusterPolicy",
            "metadata": {"name": "bulla-signed"},
            "spec": {
                "background": false,
                "rules": [{
                    "name": "signed",
                    "match": {"any": [{"resources": {"kinds": ["Pod"]}}]},
                    "verifyImages": [{
                        "imageReferences": ["REGISTRY/*"],
                        "failureAction": "Enforce",
                        "attestors": [{"count": 1, "entries": [{"keyless": keyless}]}],
                    }],
                }],
            },
        }))
    }

    fn image_validating_policy(&self) -> String {
        yaml(&json!({
            "apiVersion": "policies.kyverno.io/v1beta1",
            "kind": "ImageValidatingPolicy",
            "metadata": {"name": "bulla-signed"},
            "spec": {
                "failurePolicy": "Fail",
                "validationActions": ["Deny"],
                "matchConstraints": {"resourceRules": [{
                    "apiGroups": [""], "apiVersions": ["v1"],
                    "operations": ["CREATE", "UPDATE"], "resources": ["pods"],
                }]},
                "matchImageReferences": [{"glob": "REGISTRY/*"}],
                "attestors": [{"name": "bulla", "cosign": {
                    "keyless": {
                        "identities": [{"issuer": self.issuer, "subject": "SUBJECT"}],
                        "roots": self.ca,
                    },
                    "ctlog": {
                        "url": self.url, "rekorPubKey": self.rekor,
                        "ctLogPubKey": self.ct, "tsaCertChain": self.tsa,
                    },
                }}],
                "validations": [{
                    "expression": "images.containers.map(image, verifyImageSignatures(image, [attestors.bulla])).all(count, count > 0)",
                    "message": "every image has to be signed by SUBJECT",
                }],
            },
        }))
    }

    fn policy_controller(&self) -> String {
        let encoded = |text: &str| STANDARD.encode(text);
        let authority = |entry: &Value| {
            let chain = chain(entry).unwrap_or_default();
            json!({"subject": entry["subject"], "uri": entry["uri"], "certChain": encoded(&chain)})
        };
        let log = |key: &str| json!([{"baseURL": self.url, "hashAlgorithm": "sha-256", "publicKey": encoded(key)}]);
        let all = |list: &str| {
            let entries = self.root[list].as_array();
            entries
                .into_iter()
                .flatten()
                .map(authority)
                .collect::<Vec<_>>()
        };
        let spec = json!({"sigstoreKeys": {
            "certificateAuthorities": all("certificateAuthorities"),
            "tLogs": log(&self.rekor),
            "ctLogs": log(&self.ct),
            "timestampAuthorities": all("timestampAuthorities"),
        }});
        let root = json!({
            "apiVersion": "policy.sigstore.dev/v1alpha1",
            "kind": "TrustRoot",
            "metadata": {"name": "bulla"},
            "spec": spec,
        });
        let policy = json!({
            "apiVersion": "policy.sigstore.dev/v1beta1",
            "kind": "ClusterImagePolicy",
            "metadata": {"name": "bulla-signed"},
            "spec": {
                "images": [{"glob": "REGISTRY/**"}],
                "authorities": [{
                    "keyless": {
                        "url": self.url, "trustRootRef": "bulla",
                        "identities": [{"issuer": self.issuer, "subject": "SUBJECT"}],
                    },
                    "ctlog": {"url": self.url, "trustRootRef": "bulla"},
                }],
            },
        });
        format!("{}---\n{}", yaml(&root), body(&policy))
    }
}

const NOTATION: &str = "# timestamps of this instance are trusted in notation's store `bulla`\n\
    notation certificate add --type tsa --store bulla notation-tsa.pem\n\
    # then name it in the trust policy: \"trustStores\": [\"ca:…\", \"tsa:bulla\"]\n";

/// The certificates of an authority, as PEM.
fn chain(authority: &Value) -> Option<String> {
    let certificates = authority["certChain"]["certificates"].as_array()?;
    let certificates = certificates.iter().map(|certificate| {
        let der = STANDARD.decode(certificate["rawBytes"].as_str()?).ok()?;
        parse_certificate(&der).ok()
    });
    let certificates = certificates.collect::<Option<Vec<_>>>()?;
    Some(to_pem_chain(&certificates))
}

/// The key of a log, as PEM.
fn key(log: &Value) -> Option<String> {
    let der = STANDARD
        .decode(log["publicKey"]["rawBytes"].as_str()?)
        .ok()?;
    Some(PublicKey::from_spki_der(&der).ok()?.to_pem())
}

/// A manifest, with what is left to whoever applies it.
fn yaml(manifest: &Value) -> String {
    format!(
        "# Replace REGISTRY by where your images are, and SUBJECT by who may sign them.\n{}",
        body(manifest)
    )
}

fn body(manifest: &Value) -> String {
    yaml_serde::to_string(manifest).unwrap_or_default()
}
