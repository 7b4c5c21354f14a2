//! The TUF repository as clients that share no code with it read it: python-tuf
//! through two root rotations and everything a bad mirror does, and cosign.

use axum::{
    Router, body::Body, extract::Request, http::StatusCode, middleware, response::Response,
};
use bulla_authority::{
    key_slot::KeySlots,
    tuf::{Legacy, Offline, Publisher, Seed, TufSettings, top_targets},
};
use bulla_core::SystemClock;
use bulla_crypto::{
    Scheme, SigningKey,
    x509::{CaProfile, Issuer, Validity},
};
use bulla_store::Store;
use bulla_testkit::require;
use bulla_trust::tuf::metadata::{Document, Role, RoleKeys, Root, TargetFile, Targets, TufKey};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
};

mod rotation;

/// What python-tuf is asked: to refresh, and for targets; it prints their texts.
const SCRIPT: &str = r#"
import os, sys
from tuf.ngclient import Updater
url, state, root, targets = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
os.makedirs(state + "/targets", exist_ok=True)
with open(root, "rb") as file:
    first = file.read()
try:
    updater = Updater(state, url, state + "/targets", url + "/targets", bootstrap=first)
    updater.refresh()
    print(updater._trusted_set.root.version)
    for path in targets:
        info = updater.get_targetinfo(path)
        if info is None:
            print(path, None)
            continue
        with open(updater.download_target(info), "rb") as file:
            print(path, file.read().decode()[:40])
except Exception as error:
    print(type(error).__name__)
    sys.exit(1)
"#;

/// What a mirror answers instead of what is there.
type Overlay = Arc<Mutex<BTreeMap<String, Option<Vec<u8>>>>>;

struct Repository {
    dir: tempfile::TempDir,
    slots: KeySlots,
    publisher: Publisher,
    url: String,
    overlay: Overlay,
}

impl Repository {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let slots = KeySlots::open(&dir.path().join("keys")).await.unwrap();
        let seed = Seed {
            since: Timestamp::now(),
            ..Seed::default()
        };
        let (values, settings) = (store.values(), TufSettings::default());
        let publisher =
            Publisher::new(values, slots.clone(), settings, Arc::new(SystemClock), seed);
        assert!(publisher.open(documents("first")).await.unwrap());
        let first = publisher.first_root().await.unwrap();
        std::fs::write(dir.path().join("root.json"), first).unwrap();
        let overlay = Overlay::default();
        let app = Router::new().nest("/tuf", publisher.router());
        let mirror = overlay.clone();
        let app = app.layer(middleware::from_fn(
            move |request: Request, next: middleware::Next| {
                let path = request.uri().path().trim_start_matches("/tuf/").to_owned();
                let instead = mirror.lock().unwrap().get(&path).cloned();
                async move {
                    match instead {
                        Some(Some(bytes)) => Response::new(Body::from(bytes)),
                        Some(None) => {
                            let mut response = Response::new(Body::empty());
                            *response.status_mut() = StatusCode::NOT_FOUND;
                            response
                        }
                        None => next.run(request).await,
                    }
                }
            },
        ));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/tuf", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            dir,
            slots,
            publisher,
            url,
            overlay,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    async fn file(&self, path: &str) -> Vec<u8> {
        self.publisher.file(path).await.unwrap().unwrap()
    }

    async fn root(&self) -> Root {
        Root::first(&self.file("root.json").await).unwrap()
    }

    /// The next root, by these people and whoever was before them, with targets.
    async fn rotate(
        &self,
        people: &[SigningKey],
        threshold: u32,
        before: &[SigningKey],
        text: &str,
    ) {
        let root = self.root().await;
        let keys = people
            .iter()
            .map(|key| TufKey::new(key.public().clone()).unwrap());
        let role = RoleKeys::new(keys, threshold).unwrap();
        let expires = Timestamp::now()
            .checked_add(SignedDuration::from_hours(24 * 90))
            .unwrap();
        let expires = Timestamp::from_second(expires.as_second()).unwrap();
        let next = Root {
            version: root.version + 1,
            expires,
            root: role.clone(),
            targets: role,
            ..root.clone()
        };
        let mut document = next.document().unwrap();
        let own = self.slots.get("tuf-root").await.unwrap();
        own.iter().for_each(|key| document.sign(key).unwrap());
        before
            .iter()
            .chain(people)
            .for_each(|key| document.sign(key).unwrap());
        let version = self.targets_version().await + 1;
        let listed = Targets::read(
            &Document::parse(&self.file(&format!("{}.targets.json", version - 1)).await).unwrap(),
        )
        .unwrap();
        let top = documents(text);
        let targets = Targets {
            version,
            expires,
            files: top
                .iter()
                .map(|target| {
                    let custom = target.custom.clone();
                    (
                        target.path.clone(),
                        TargetFile {
                            custom,
                            ..TargetFile::of(&target.bytes)
                        },
                    )
                })
                .collect(),
            delegation: listed.delegation,
        };
        let mut signed = targets.document().unwrap();
        people
            .iter()
            .take(threshold as usize)
            .for_each(|key| signed.sign(key).unwrap());
        let offline = Offline {
            roots: vec![document.to_bytes().unwrap()],
            targets: Some(signed.to_bytes().unwrap()),
            contents: top
                .into_iter()
                .map(|target| (target.path, target.bytes))
                .collect(),
        };
        let installed = self.publisher.install(&offline).await.unwrap();
        assert_eq!(installed.root_version, root.version + 1);
    }

    async fn targets_version(&self) -> u64 {
        for version in 1.. {
            if self
                .publisher
                .file(&format!("{version}.targets.json"))
                .await
                .unwrap()
                .is_none()
            {
                return version - 1;
            }
        }
        0
    }

    /// python-tuf with the state in `state`: whether it was content, and what it said.
    async fn python(&self, python: &Path, state: &str, targets: &[&str]) -> (bool, String) {
        let mut command = Command::new(python);
        let root = self.path("root.json");
        command
            .arg("-c")
            .arg(SCRIPT)
            .arg(&self.url)
            .arg(self.path(state))
            .arg(root)
            .args(targets);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let said = match text.is_empty() {
            true => String::from_utf8_lossy(&output.stderr).into_owned(),
            false => text,
        };
        (output.status.success(), said)
    }
}

/// The documents of an instance, with all that old clients look for.
fn documents(text: &str) -> Vec<bulla_authority::tuf::TopTarget> {
    let key = || SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let validity = Validity::seconds(Timestamp::now(), 86_400 * 365).unwrap();
    let root = Issuer::create_root(key(), "tests", "root", validity).unwrap();
    let ca = root
        .create_intermediate(key(), CaProfile::CodeSigning, "ca", validity)
        .unwrap();
    let tsa = root
        .issue_timestamping(key().public(), "tsa", validity)
        .unwrap();
    let (log, ct) = (key(), key());
    let legacy = Legacy {
        base_url: "http://127.0.0.1:1",
        tsa_url: "http://127.0.0.1:1/api/v1/timestamp",
        ca_chain: &[ca.certificate().clone(), root.certificate().clone()],
        tsa_chain: &[tsa, root.certificate().clone()],
        log_v1_key: log.public(),
        ct_key: ct.public(),
    };
    let media_type = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
    let trusted_root = json!({"mediaType": media_type, "tlogs": [], "subject": text});
    let media_type = "application/vnd.dev.sigstore.signingconfig.v0.2+json";
    top_targets(&trusted_root, &json!({"mediaType": media_type}), &legacy).unwrap()
}

fn people(count: usize) -> Vec<SigningKey> {
    let scheme = |index: usize| [Scheme::EcdsaP256, Scheme::Ed25519][index % 2];
    (0..count)
        .map(|index| SigningKey::generate(scheme(index)).unwrap())
        .collect()
}

fn python() -> Option<PathBuf> {
    Some(require("sigstore")?.with_file_name("python"))
}

#[tokio::test(flavor = "multi_thread")]
async fn python_tuf_follows_two_rotations_of_keys_and_thresholds() {
    let Some(python) = python() else { return };
    let repository = Repository::start().await;
    let listed = "revocations/list.json";
    let (ok, said) = repository
        .python(&python, "state", &["rekor.pub", listed])
        .await;
    assert!(ok, "{said}");
    assert!(
        said.starts_with("1\nrekor.pub -----BEGIN PUBLIC KEY"),
        "{said}"
    );
    assert!(said.contains("revocations/list.json None"), "{said}");
    repository
        .publisher
        .put_target(listed, b"[1]".to_vec())
        .await
        .unwrap();
    repository
        .publisher
        .put_target("advisories/osv/all.zip", b"zip".to_vec())
        .await
        .unwrap();
    let asked = [listed, "advisories/osv/all.zip"];
    let (ok, said) = repository.python(&python, "state", &asked).await;
    assert!(
        ok && said.contains("list.json [1]") && said.contains("all.zip zip"),
        "{said}"
    );

    let (first, second) = (people(3), people(4));
    repository.rotate(&first, 2, &[], "second").await;
    let (ok, said) = repository
        .python(&python, "state", &["trusted_root.json", listed])
        .await;
    assert!(
        ok && said.starts_with("2\n") && said.contains("list.json [1]"),
        "{said}"
    );
    repository.rotate(&second, 3, &first, "third").await;
    repository
        .publisher
        .put_target(listed, b"[2]".to_vec())
        .await
        .unwrap();
    // Both a client that saw each root, and one that saw only the first.
    for state in ["state", "late"] {
        let (ok, said) = repository
            .python(&python, state, &["trusted_root.json", listed])
            .await;
        assert!(
            ok && said.starts_with("3\n") && said.contains("list.json [2]"),
            "{said}"
        );
    }
    let root = repository.root().await;
    assert_eq!(
        (
            root.role(Role::Root).threshold(),
            root.role(Role::Root).keys().len()
        ),
        (3, 4)
    );
    // Nothing of root or targets is left here, and the first root is still served.
    assert!(repository.slots.get("tuf-root").await.unwrap().is_none());
    assert!(repository.slots.get("tuf-targets").await.unwrap().is_none());
    assert_eq!(
        repository.file("1.root.json").await,
        repository.publisher.first_root().await.unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn python_tuf_refuses_what_a_bad_mirror_serves() {
    let Some(python) = python() else { return };
    let repository = Repository::start().await;
    let put = async |text: &str| {
        let bytes = text.as_bytes().to_vec();
        repository
            .publisher
            .put_target("policies/one", bytes)
            .await
            .unwrap()
    };
    let old = put("1").await;
    let frozen = repository.file("timestamp.json").await;
    let new = put("2").await;
    assert!(
        repository
            .python(&python, "state", &["policies/one"])
            .await
            .0
    );
    let serve = |path: &str, bytes: Option<Vec<u8>>| {
        let mut overlay = repository.overlay.lock().unwrap();
        overlay.clear();
        overlay.insert(path.to_owned(), bytes);
    };
    let changed = |bytes: Vec<u8>, from: &str, to: &str| {
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains(from), "{from}");
        text.replace(from, to).into_bytes()
    };
    // An older timestamp, which says nothing of what came later.
    serve("timestamp.json", Some(frozen));
    let (ok, said) = repository.python(&python, "state", &[]).await;
    assert!(
        !ok || old.timestamp_version == new.timestamp_version,
        "{said}"
    );
    assert!(said.contains("BadVersionNumberError"), "{said}");
    // Other bytes than were signed.
    let timestamp = repository.file("timestamp.json").await;
    let version = format!("\"version\": {}", new.timestamp_version);
    let later = format!("\"version\": {}", new.timestamp_version + 7);
    serve("timestamp.json", Some(changed(timestamp, &version, &later)));
    let (ok, said) = repository.python(&python, "state", &[]).await;
    assert!(!ok && said.contains("UnsignedMetadataError"), "{said}");
    let path = format!("{}.online.json", new.online_version);
    let online = repository.file(&path).await;
    serve(&path, Some(changed(online, "policies/one", "policies/two")));
    let (ok, said) = repository.python(&python, "fresh", &["policies/two"]).await;
    assert!(!ok && said.contains("LengthOrHashMismatchError"), "{said}");
    // A root that only a stranger signed.
    let root = repository.root().await;
    let stranger = people(1);
    let keys = RoleKeys::one(stranger[0].public().clone()).unwrap();
    let next = Root {
        version: 2,
        root: keys,
        ..root
    };
    let mut document = next.document().unwrap();
    document.sign(&stranger[0]).unwrap();
    serve("2.root.json", Some(document.to_bytes().unwrap()));
    let (ok, said) = repository.python(&python, "state", &[]).await;
    assert!(!ok && said.contains("UnsignedMetadataError"), "{said}");
    // And what is good goes on.
    repository.overlay.lock().unwrap().clear();
    assert!(
        repository
            .python(&python, "state", &["policies/one"])
            .await
            .0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cosign_initializes_from_it_before_and_after_a_rotation() {
    let repository = Repository::start().await;
    for (name, cosign) in [
        ("cosign", require("cosign")),
        ("cosign2", require("cosign2")),
    ] {
        let Some(cosign) = cosign else { return };
        let people = people(2);
        for version in ["before", "after"] {
            let home = repository.path(&format!("{name}-{version}"));
            std::fs::create_dir_all(&home).unwrap();
            let mut command = Command::new(&cosign);
            command
                .args(["initialize", "--mirror", &repository.url, "--root"])
                .arg(repository.path("root.json"))
                .env("HOME", &home)
                .env("TUF_ROOT", home.join("tuf"));
            let output = tokio::task::spawn_blocking(move || command.output().unwrap())
                .await
                .unwrap();
            let said =
                String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{name} {version}: {said}");
            if name == "cosign2" {
                for target in [
                    "rekor.pub",
                    "ctfe.pub",
                    "fulcio_v1.crt.pem",
                    "tsa_leaf.crt.pem",
                ] {
                    assert!(said.contains(target), "{name} {version} {target}: {said}");
                }
            }
            if version == "before" && repository.root().await.version == 1 {
                repository.rotate(&people, 1, &[], "rotated").await;
            }
        }
    }
}

#[tokio::test]
async fn what_never_changes_may_be_cached_and_the_rest_may_not() {
    use tower::ServiceExt as _;
    let repository = Repository::start().await;
    let header = async |path: &str| {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = repository
            .publisher
            .router()
            .oneshot(request)
            .await
            .unwrap();
        let cache = response.headers()["cache-control"]
            .to_str()
            .unwrap()
            .to_owned();
        (response.status().as_u16(), cache)
    };
    assert_eq!(header("/timestamp.json").await, (200, "no-cache".into()));
    assert_eq!(header("/root.json").await, (200, "no-cache".into()));
    assert_eq!(header("/2.root.json").await, (404, "no-store".into()));
    for path in [
        "/1.root.json",
        "/1.snapshot.json",
        "/1.targets.json",
        "/1.online.json",
    ] {
        let (status, cache) = header(path).await;
        assert!(
            status == 200 && cache.ends_with("immutable"),
            "{path}: {status} {cache}"
        );
    }
}
