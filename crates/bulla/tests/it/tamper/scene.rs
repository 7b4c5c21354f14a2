//! What these tests share: one running instance, images shipped to it, and a
//! plain registry client that does what an attacker with the credential could.
//!
//! The instance lives as long as one test holds it. The client speaks HTTP/1.1
//! over a socket, so that nothing of bulla's own client stands in the way.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::Digest;
use bulla_testkit::{Instance, Outcome, Repository, World};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

pub const EMAIL: &str = "dana@example.com";
pub const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const SIGNATURE: &str = "https://sigstore.dev/cosign/sign/v1";
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
pub const CYCLONEDX: &str = "https://cyclonedx.org/bom";
pub const SPDX: &str = "https://spdx.dev/Document";

/// One running instance.
pub struct Scene {
    // Dropped before the folders that it writes to.
    pub instance: Instance,
    pub world: World,
    next: AtomicUsize,
}

/// An image in an instance's registry.
#[derive(Clone, Debug)]
pub struct Image {
    pub repository: String,
    pub reference: String,
    pub digest: String,
}

/// What the registry answered.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// The instance that all tests share.
pub fn shared() -> Arc<Scene> {
    static SHARED: Mutex<Weak<Scene>> = Mutex::new(Weak::new());
    let mut held = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    held.upgrade().unwrap_or_else(|| {
        let scene = Arc::new(Scene::new());
        *held = Arc::downgrade(&scene);
        scene
    })
}

impl Scene {
    /// An instance of its own, under a trust root of its own.
    pub fn new() -> Self {
        let world = World::new();
        Self {
            instance: Instance::start(&world),
            world,
            next: AtomicUsize::new(1),
        }
    }

    /// A name that no other test uses.
    pub fn name(&self, stem: &str) -> String {
        format!("{stem}{}", self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// A new repository of a tiny project whose one step runs `script`; `more`
    /// stands at the end of its `bulla.toml`.
    pub fn project(&self, script: &str, more: &str) -> Option<Repository<'_>> {
        let name = self.name("tiny");
        let repository = Repository::new(&self.world, &name)?;
        repository.write("bulla.toml", recipe(&name, script, more));
        repository.write("hello.txt", format!("hello from {name}\n"));
        repository.commit("Say hello");
        Some(repository)
    }

    /// `bulla ship`, as a person would with that project.
    pub fn ship(&self, repository: &Repository<'_>, more: &[&str]) -> Outcome {
        let dir = repository.dir().display().to_string();
        let mut args = vec!["ship", &dir, "--email", EMAIL];
        args.extend(more);
        self.world.bulla(args)
    }

    /// A tiny image, shipped and allowed.
    pub fn image(&self) -> Option<Image> {
        let repository = self.project("cp hello.txt out", "")?;
        let outcome = self.ship(&repository, &["-o", "json"]);
        let json = outcome.success().json();
        Some(Image::of(&json))
    }

    /// `bulla verify -o json`.
    pub fn verify(&self, image: &Image, more: &[&str]) -> Outcome {
        let mut args = vec!["verify", &image.reference, "-o", "json"];
        args.extend(more);
        self.world.bulla(args)
    }

    /// Writes the review of a pod with that image, and has it judged.
    pub fn admit(&self, reference: &str) -> Outcome {
        let review = self.world.write(
            format!("{}.json", self.name("review")),
            review(reference).to_string(),
        );
        self.world
            .bulla(["admit", "--review", &review.display().to_string()])
    }

    /// Where the registry keeps a blob.
    pub fn blob_file(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").expect("a SHA-256 digest");
        let blobs = self.instance.data().join("blobs/sha256");
        blobs.join(&hex[..2]).join(hex)
    }

    /// A request to the registry with the instance's credential.
    pub fn http(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
        let host = self.instance.registry();
        let config = fs::read(self.instance.path("docker_config")).expect("the docker config");
        let config: Value = serde_json::from_slice(&config).expect("JSON");
        let credential = config["auths"][host]["auth"]
            .as_str()
            .expect("a credential");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {credential}\r\n\
             Accept: */*\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(host).expect("the registry");
        stream.write_all(head.as_bytes()).expect("a request");
        stream.write_all(body).expect("a request body");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer");
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.expect("the end of the headers");
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let body = bytes[end + 4..].to_vec();
        let chunked = head.contains("transfer-encoding: chunked");
        Answer {
            status: status.expect("a status"),
            body: if chunked { unchunked(&body) } else { body },
        }
    }

    fn get(&self, path: &str) -> Vec<u8> {
        let answer = self.http("GET", path, MANIFEST, b"");
        assert_eq!(answer.status, 200, "GET {path}");
        answer.body
    }

    pub fn manifest(&self, image: &Image) -> Vec<u8> {
        self.get(&format!(
            "/v2/{}/manifests/{}",
            image.repository, image.digest
        ))
    }

    fn blob(&self, repository: &str, digest: &Value) -> Vec<u8> {
        let digest = digest.as_str().expect("a digest");
        self.get(&format!("/v2/{repository}/blobs/{digest}"))
    }

    pub fn push_blob(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = Digest::sha256(bytes).to_string();
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let answer = self.http("POST", &path, "application/octet-stream", bytes);
        assert_eq!(answer.status, 201, "POST {path}");
        digest
    }

    /// Puts a manifest, and answers what the registry said.
    pub fn put_manifest(&self, repository: &str, name: &str, bytes: &[u8]) -> Answer {
        let path = format!("/v2/{repository}/manifests/{name}");
        self.http("PUT", &path, MANIFEST, bytes)
    }

    /// The bundles that refer to an image, by predicate type.
    pub fn bundles(&self, image: &Image) -> Vec<(String, Value)> {
        let path = format!("/v2/{}/referrers/{}", image.repository, image.digest);
        let index: Value = serde_json::from_slice(&self.get(&path)).expect("an index");
        let entries = index["manifests"].as_array().expect("manifests");
        let read = |entry: &Value| {
            let digest = entry["digest"].as_str().expect("a digest");
            let path = format!("/v2/{}/manifests/{digest}", image.repository);
            let manifest: Value = serde_json::from_slice(&self.get(&path)).expect("a manifest");
            let bytes = self.blob(&image.repository, &manifest["layers"][0]["digest"]);
            let bundle: Value = serde_json::from_slice(&bytes).expect("a bundle");
            (predicate_type(&bundle), bundle)
        };
        entries.iter().map(read).collect()
    }

    /// The one bundle of that type.
    pub fn bundle(&self, image: &Image, kind: &str) -> Value {
        let mut bundles = self.bundles(image).into_iter();
        let found = bundles.find(|(of, _)| of == kind);
        found.unwrap_or_else(|| panic!("no {kind} at {image:?}")).1
    }

    /// Attaches a bundle to an image, whatever it says.
    pub fn attach(&self, image: &Image, bundle: &Value) {
        let subject = self.manifest(image);
        let bytes = serde_json::to_vec(bundle).expect("JSON");
        let layer = self.push_blob(&image.repository, &bytes);
        let config = self.push_blob(&image.repository, b"{}");
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": BUNDLE,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2},
            "layers": [{"mediaType": BUNDLE, "digest": layer, "size": bytes.len()}],
            "subject": {"mediaType": MANIFEST, "digest": image.digest, "size": subject.len()},
            "annotations": {"dev.sigstore.bundle.predicateType": predicate_type(bundle)},
        });
        let manifest = serde_json::to_vec(&manifest).expect("JSON");
        let name = Digest::sha256(&manifest).to_string();
        let answer = self.put_manifest(&image.repository, &name, &manifest);
        assert_eq!(
            answer.status,
            201,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
    }

    /// The image of `source` in a fresh repository of this registry, bare.
    pub fn copy_bare(&self, source: &Self, image: &Image) -> Image {
        let repository = self.name("copy");
        let bytes = source.manifest(image);
        let manifest: Value = serde_json::from_slice(&bytes).expect("a manifest");
        let layers = manifest["layers"].as_array().expect("layers");
        for descriptor in std::iter::once(&manifest["config"]).chain(layers) {
            let blob = source.blob(&image.repository, &descriptor["digest"]);
            self.push_blob(&repository, &blob);
        }
        let answer = self.put_manifest(&repository, "v1", &bytes);
        assert_eq!(answer.status, 201);
        Image {
            reference: format!("{}/{repository}:v1", self.instance.registry()),
            repository,
            digest: image.digest.clone(),
        }
    }

    /// The same with the bundles that `edit` lets through, as it leaves them.
    pub fn copy(&self, image: &Image, edit: impl Fn(&str, Value) -> Option<Value>) -> Image {
        let copy = self.copy_bare(self, image);
        for (kind, bundle) in self.bundles(image) {
            if let Some(bundle) = edit(&kind, bundle) {
                self.attach(&copy, &bundle);
            }
        }
        copy
    }
}

impl Image {
    /// The image of `ship -o json`.
    pub fn of(json: &Value) -> Self {
        let reference = json["reference"].as_str().expect("a reference");
        let (_, name) = reference.split_once('/').expect("a registry");
        let (repository, _) = name.rsplit_once(':').expect("a tag");
        Self {
            repository: repository.into(),
            reference: reference.into(),
            digest: json["digest"].as_str().expect("a digest").into(),
        }
    }
}

/// The `bulla.toml` of a project of one step.
pub fn recipe(name: &str, script: &str, more: &str) -> String {
    format!(
        "version = 1\nname = \"{name}\"\n\n[[step]]\nname = \"make\"\nrun = [\"sh\", \"-c\", '{script}']\n\n\
         [[output]]\npath = \"out\"\nto = \"/usr/share/hello\"\nmode = \"0644\"\n\n\
         [image]\nbase = \"scratch\"\nentrypoint = [\"/usr/share/hello\"]\nuser = \"65532:65532\"\n\n{more}"
    )
}

/// The AdmissionReview of a pod with one image.
pub fn review(image: &str) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "7f1c1b5a-8f9e-4f4e-9d43-0d7c2f0c9a11",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "operation": "CREATE", "name": "web", "namespace": "default",
            "userInfo": {"username": "dana"}, "object": pod(image),
        },
    })
}

/// A pod with one image.
pub fn pod(image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"containers": [{"name": "web", "image": image}]},
    })
}

/// The image that the answer to a review puts in place of the one asked for.
pub fn pinned(answer: &Value) -> String {
    let patch = answer["response"]["patch"].as_str().expect("a patch");
    let patch = STANDARD.decode(patch).expect("base64");
    let patch: Value = serde_json::from_slice(&patch).expect("a JSON Patch");
    patch[0]["value"].as_str().expect("a value").to_owned()
}

/// The statement in a bundle.
pub fn statement(bundle: &Value) -> Value {
    let payload = bundle["dsseEnvelope"]["payload"]
        .as_str()
        .expect("a payload");
    let payload = STANDARD.decode(payload).expect("base64");
    serde_json::from_slice(&payload).expect("a statement")
}

/// The bundle with another statement under the same signature.
pub fn with_statement(mut bundle: Value, statement: &Value) -> Value {
    let payload = STANDARD.encode(statement.to_string());
    bundle["dsseEnvelope"]["payload"] = payload.into();
    bundle
}

fn predicate_type(bundle: &Value) -> String {
    let kind = statement(bundle)["predicateType"].clone();
    kind.as_str().unwrap_or_default().to_owned()
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = String::from_utf8_lossy(&rest[..end]).into_owned();
        let size = usize::from_str_radix(size.trim(), 16).expect("the size of a chunk");
        if size == 0 {
            break;
        }
        let from = end + 2;
        body.extend_from_slice(&rest[from..from + size]);
        rest = &rest[from + size + 2..];
    }
    body
}
