//! The two registries of the matrix, spoken to without any client of anybody:
//! images are pushed here, and what was attached to one is moved to another or
//! edited on the way.
//!
//! bulla's answers the referrers API; distribution's does not, so there the
//! index tag `sha256-<hex>` is written, as clients do.

use std::{fs, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::Digest;
use bulla_testkit::Distribution;
use serde_json::{Value, json};

use super::super::stage::{self, Answer};
use super::{Act, Layout, Place};

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Where the old layout keeps a signature.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

static DISTRIBUTION: LazyLock<Option<Distribution>> = LazyLock::new(Distribution::start);

/// A registry, and how to get in.
#[derive(Clone, Debug)]
pub struct Site {
    pub host: String,
    auth: Option<String>,
    /// Whether it lists what refers to an image.
    has_referrers: bool,
}

/// An image or an index in a repository of a site.
#[derive(Clone, Debug)]
pub struct Image {
    pub site: Site,
    pub repository: String,
    pub media_type: &'static str,
    bytes: Vec<u8>,
}

/// What a twin of the evidence has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Nothing: it only lies elsewhere.
    None,
    /// The signed bytes, which still say the same.
    Payload,
    /// One bit of the signature.
    Signature,
}

impl Image {
    /// `HOST/REPOSITORY@DIGEST`.
    pub fn pinned(&self) -> String {
        format!("{}/{}@{}", self.site.host, self.repository, self.digest())
    }

    pub fn digest(&self) -> String {
        Digest::sha256(&self.bytes).to_string()
    }

    pub fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest(), "size": self.bytes.len()})
    }
}

impl Site {
    /// The registry of that place; `None` after saying `SKIP`.
    pub fn of(place: Place) -> Option<Self> {
        match place {
            Place::Bulla => {
                let instance = stage::shared().instance();
                let host = instance.registry().to_owned();
                let config = fs::read(instance.path("docker_config")).expect("the docker config");
                let config: Value = serde_json::from_slice(&config).expect("a docker config");
                let auth = config["auths"][&host]["auth"].as_str();
                let auth = Some(format!("Basic {}", auth.expect("a credential")));
                Some(Self {
                    host,
                    auth,
                    has_referrers: true,
                })
            }
            Place::Distribution => Some(Self {
                host: DISTRIBUTION.as_ref()?.host(),
                auth: None,
                has_referrers: false,
            }),
        }
    }

    fn request(&self, method: &str, target: &str, kind: Option<&str>, body: &[u8]) -> Answer {
        // distribution hides an OCI manifest from those who do not ask for one.
        let accept = format!("{MANIFEST}, {INDEX}, */*");
        let mut headers = vec![("Accept", accept.as_str())];
        headers.extend(self.auth.as_deref().map(|auth| ("Authorization", auth)));
        headers.extend(kind.map(|kind| ("Content-Type", kind)));
        stage::http(
            method,
            &format!("http://{}{target}", self.host),
            &headers,
            body,
        )
    }

    fn get(&self, target: &str) -> Option<Vec<u8>> {
        let answer = self.request("GET", target, None, &[]);
        (answer.status == 200).then_some(answer.body)
    }

    fn blob(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = Digest::sha256(bytes).to_string();
        let begun = self.request(
            "POST",
            &format!("/v2/{repository}/blobs/uploads/"),
            None,
            &[],
        );
        let place = begun.location.expect("where to upload");
        let own = format!("http://{}", self.host);
        let place = place.strip_prefix(&own).unwrap_or(&place);
        let sign = if place.contains('?') { '&' } else { '?' };
        let target = format!("{place}{sign}digest={digest}");
        let done = self.request("PUT", &target, Some("application/octet-stream"), bytes);
        assert_eq!(done.status, 201, "{}", String::from_utf8_lossy(&done.body));
        digest
    }

    fn manifest(&self, repository: &str, reference: &str, kind: &str, bytes: &[u8]) {
        let target = format!("/v2/{repository}/manifests/{reference}");
        let done = self.request("PUT", &target, Some(kind), bytes);
        assert_eq!(done.status, 201, "{}", String::from_utf8_lossy(&done.body));
    }

    /// Pushes an image that differs from others by its seed alone.
    pub fn image(&self, repository: &str, seed: &str) -> Image {
        let config = json!({"architecture": "amd64", "os": "linux",
            "config": {"Labels": {"seed": seed}}, "rootfs": {"type": "layers", "diff_ids": []}})
        .to_string();
        let digest = self.blob(repository, config.as_bytes());
        let bytes = json!({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
            "config": {"mediaType": CONFIG, "digest": digest, "size": config.len()}})
        .to_string();
        self.pushed(repository, MANIFEST, bytes)
    }

    /// Pushes an index over images of the same repository.
    pub fn index(&self, repository: &str, children: &[&Image]) -> Image {
        let platforms = ["amd64", "arm64", "riscv64"];
        let entry = |(child, architecture): (&&Image, &str)| {
            let mut entry = child.descriptor();
            entry["platform"] = json!({"os": "linux", "architecture": architecture});
            entry
        };
        let manifests: Vec<Value> = children.iter().zip(platforms).map(entry).collect();
        let bytes = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        self.pushed(repository, INDEX, bytes.to_string())
    }

    fn pushed(&self, repository: &str, media_type: &'static str, bytes: String) -> Image {
        let image = Image {
            site: self.clone(),
            repository: repository.to_owned(),
            media_type,
            bytes: bytes.into_bytes(),
        };
        self.manifest(repository, &image.digest(), media_type, &image.bytes);
        image
    }
}

impl Image {
    /// The manifests of what is attached to it in that layout.
    pub fn evidence(&self, layout: Layout, act: Act) -> Vec<Value> {
        let (site, digest) = (&self.site, self.digest());
        let manifest = |reference: &str| {
            let bytes = site.get(&format!("/v2/{}/manifests/{reference}", self.repository))?;
            Some(serde_json::from_slice::<Value>(&bytes).expect("a manifest"))
        };
        match layout {
            Layout::Tags => manifest(&tag(&digest, act.suffix())).into_iter().collect(),
            Layout::Referrers | Layout::Both => {
                let api = site.get(&format!("/v2/{}/referrers/{digest}", self.repository));
                let index = match api {
                    Some(bytes) => serde_json::from_slice(&bytes).expect("an index"),
                    None => manifest(&tag(&digest, "")).unwrap_or_default(),
                };
                let entries = index["manifests"].as_array().cloned().unwrap_or_default();
                let open = |entry: &Value| manifest(entry["digest"].as_str()?);
                entries.iter().filter_map(open).collect()
            }
        }
    }

    /// Attaches everything of that kind to another image, edited on the way.
    pub fn move_evidence(&self, to: &Image, layout: Layout, act: Act, edit: Edit) {
        let found = self.evidence(layout, act);
        assert!(!found.is_empty(), "nothing lies at {}", self.pinned());
        let mut entries = Vec::new();
        for mut manifest in found {
            self.copy_blob(to, &manifest["config"]["digest"]);
            for layer in manifest["layers"].as_array_mut().expect("layers") {
                let target = format!("/v2/{}/blobs/{}", self.repository, text(&layer["digest"]));
                let mut bytes = self.site.get(&target).expect("a layer");
                apply(edit, layer, &mut bytes);
                layer["size"] = bytes.len().into();
                layer["digest"] = to.site.blob(&to.repository, &bytes).into();
            }
            if layout == Layout::Referrers {
                manifest["subject"] = to.descriptor();
            }
            let bytes = manifest.to_string().into_bytes();
            let reference = match layout {
                Layout::Tags => tag(&to.digest(), act.suffix()),
                Layout::Referrers | Layout::Both => Digest::sha256(&bytes).to_string(),
            };
            to.site
                .manifest(&to.repository, &reference, MANIFEST, &bytes);
            entries.push(
                json!({"mediaType": MANIFEST, "digest": Digest::sha256(&bytes).to_string(),
                "size": bytes.len(), "artifactType": manifest["artifactType"]}),
            );
        }
        if layout == Layout::Referrers && !to.site.has_referrers {
            let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
            let bytes = index.to_string().into_bytes();
            to.site
                .manifest(&to.repository, &tag(&to.digest(), ""), INDEX, &bytes);
        }
    }

    fn copy_blob(&self, to: &Image, digest: &Value) {
        let target = format!("/v2/{}/blobs/{}", self.repository, text(digest));
        // The empty configuration need not be there: everybody knows it.
        let bytes = self.site.get(&target).unwrap_or_else(|| b"{}".to_vec());
        to.site.blob(&to.repository, &bytes);
    }
}

/// `sha256-<hex>` and a suffix.
fn tag(digest: &str, suffix: &str) -> String {
    format!("{}{suffix}", digest.replace(':', "-"))
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// Edits a layer: a simple-signing payload, an envelope, or a bundle with one.
fn apply(edit: Edit, layer: &mut Value, bytes: &mut Vec<u8>) {
    let document: Option<Value> = serde_json::from_slice(bytes).ok();
    let mut document = document.unwrap_or_default();
    let envelope = match document.get("dsseEnvelope") {
        Some(_) => &mut document["dsseEnvelope"],
        None => &mut document,
    };
    let detached = envelope.get("payload").is_none();
    match edit {
        Edit::None => return,
        // A space at the end: every claim stays as it was.
        Edit::Payload if detached => {
            bytes.push(b' ');
            return;
        }
        Edit::Signature if detached => {
            flip(&mut layer["annotations"][SIGNATURE]);
            return;
        }
        Edit::Payload => {
            let mut payload = STANDARD
                .decode(text(&envelope["payload"]))
                .expect("a payload");
            payload.push(b' ');
            envelope["payload"] = STANDARD.encode(payload).into();
        }
        Edit::Signature => flip(&mut envelope["signatures"][0]["sig"]),
    }
    *bytes = document.to_string().into_bytes();
}

/// Flips a bit of something in base64.
pub fn flip(signature: &mut Value) {
    let mut bytes = STANDARD.decode(text(signature)).expect("a signature");
    stage::flip(&mut bytes, 5);
    *signature = STANDARD.encode(bytes).into();
}
