//! The instance and the image that the tests here share, and their tampered twins.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{LazyLock, Mutex, OnceLock},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_testkit::{Outcome, Repository, Shared, World, require};
use serde_json::{Value, json};

/// Who ships the image and signs the files.
pub const DANA: &str = "dana@example.com";
/// Who signs with foreign programs.
pub const ERIN: &str = "erin@example.com";

/// One step, one output that a cataloger knows, nothing to fetch.
const RECIPE: &str = r#"version = 1
name = "tiny"

[[step]]
name = "write"
run = ["sh", "-c", "printf 'Metadata-Version: 2.1\nName: tiny-words\nVersion: 1.2.3\nLicense: MIT\n' > METADATA"]

[[output]]
path = "METADATA"
to = "/usr/lib/python3/dist-packages/tiny_words-1.2.3.dist-info/METADATA"

[[output]]
path = "words.txt"
to = "/words.txt"

[image]
base = "scratch"
entrypoint = ["/words.txt"]
user = "65532:65532"
"#;

static SHARED: LazyLock<Shared> = LazyLock::new(Shared::start);
static IMAGE: OnceLock<Option<String>> = OnceLock::new();
/// Held while the image is shipped: a test that waits must not ship another.
static SHIPPING: Mutex<()> = Mutex::new(());

/// The instance that the tests share.
pub fn shared() -> &'static Shared {
    &SHARED
}

/// The world of it.
pub fn world() -> &'static World {
    shared().world()
}

/// The shipped image by tag, for a test of that program; `None` after saying `SKIP`.
#[track_caller]
pub fn image_for(program: &str) -> Option<&'static str> {
    require(program)?;
    image()
}

/// The shipped image by tag; `None` after saying `SKIP`.
pub fn image() -> Option<&'static str> {
    if IMAGE.get().is_none() && require("git").is_none() {
        return None;
    }
    let _held = SHIPPING.lock().unwrap_or_else(|held| held.into_inner());
    IMAGE.get_or_init(ship).as_deref()
}

fn ship() -> Option<String> {
    let repository = Repository::new(world(), "tiny")?;
    repository
        .write("bulla.toml", RECIPE)
        .write("words.txt", "list, seal, witness, check\n");
    repository.commit("a tiny image");
    let mut command = world().command(world().binary());
    command
        .current_dir(repository.dir())
        .args(["ship", ".", "--email", DANA]);
    let outcome = world().run(&mut command);
    outcome.success();
    Some(outcome.stdout.trim().to_owned())
}

/// The digest that the registry itself says.
pub fn digest(image: &str) -> String {
    let rest = image
        .strip_prefix(&format!("{}/", shared().instance().registry()))
        .expect("an image of the instance's registry");
    let (name, reference) = rest
        .split_once('@')
        .or_else(|| rest.split_once(':'))
        .expect("a tag or a digest");
    let manifest = registry(
        "GET",
        &format!("/v2/{name}/manifests/{reference}"),
        &[],
        &[],
    );
    bulla_core::Digest::sha256(&manifest.body).to_string()
}

/// The issuer of asserted identities.
pub fn issuer() -> &'static str {
    shared().instance().url("oidc")
}

/// The identity of one of the instance's own services.
pub fn service(name: &str) -> (String, String) {
    let issuer = issuer().replace("/oidc/asserted", "/oidc/service");
    (format!("{issuer}/{name}"), issuer)
}

/// A foreign client; `None` after saying `SKIP` without it.
#[track_caller]
pub fn client(program: &str) -> Option<Command> {
    let program = require(program)?;
    Some(shared().instance().client(world(), program))
}

/// Runs it.
pub fn run(mut command: Command) -> Outcome {
    world().run(&mut command)
}

/// That it was refused, and not for a reason that has nothing to do with it: a
/// program that could not read its arguments, or reach anybody, has refused nothing.
#[track_caller]
pub fn refused(outcome: &Outcome) -> &Outcome {
    assert!(outcome.code != 0, "accepted\n{}", outcome.account());
    let said = format!("{}{}", outcome.stdout, outcome.stderr).to_lowercase();
    for trouble in [
        "unknown flag",
        "unexpected argument",
        "usage:",
        "no such file",
        "no file found",
        "cannot find module",
        "connection refused",
        "econnrefused",
        "panic",
    ] {
        assert!(!said.contains(trouble), "{trouble}\n{}", outcome.account());
    }
    outcome
}

/// A file of the ready file, as an argument.
pub fn trust_file(name: &str) -> String {
    shared().instance().path(name).display().to_string()
}

/// A file that Dana signed, and its bundle.
pub fn signed_file(test: &str) -> (PathBuf, PathBuf) {
    let folder = shared().folder(test);
    let (file, bundle) = (folder.join("notes.txt"), folder.join("notes.sigstore.json"));
    fs::write(&file, format!("notes of {test}\n")).expect("a file");
    let mut command = world().command(world().binary());
    command
        .args(["sign-blob", "--email", DANA])
        .arg(&file)
        .arg("--bundle")
        .arg(&bundle);
    run(command).success();
    (file, bundle)
}

/// A file that Dana attested something about, its bundle, and the predicate's type.
pub fn attested_file(test: &str) -> (PathBuf, PathBuf, &'static str) {
    let kind = "https://example.com/review/v1";
    let folder = shared().folder(test);
    let (file, bundle) = (folder.join("app.tar"), folder.join("app.sigstore.json"));
    let predicate = folder.join("review.json");
    fs::write(&file, format!("an application of {test}")).expect("a file");
    fs::write(&predicate, r#"{"reviewed": true}"#).expect("a file");
    let mut command = world().command(world().binary());
    command
        .arg("attest-blob")
        .arg(&file)
        .args(["--type", kind, "--email", DANA, "--predicate"])
        .arg(&predicate)
        .arg("--bundle")
        .arg(&bundle);
    run(command).success();
    (file, bundle, kind)
}

/// A copy of `file` with another content.
pub fn changed(file: &Path) -> PathBuf {
    let mut bytes = fs::read(file).expect("the file");
    bytes[0] ^= 1;
    let twin = file.with_extension("changed");
    fs::write(&twin, bytes).expect("a file");
    twin
}

/// Copies of a bundle, each with one thing edited. The proof's `rootHash` is not
/// among them: nothing signs it, the checkpoint's counts, and cosign looks no further.
pub fn edited(bundle: &Path) -> Vec<(&'static str, PathBuf)> {
    let bytes = fs::read(bundle).expect("the bundle");
    let whole: Value = serde_json::from_slice(&bytes).expect("a bundle");
    let (content, about) = if whole["dsseEnvelope"].is_object() {
        ("payload", "/dsseEnvelope/payload")
    } else {
        ("signature", "/messageSignature/signature")
    };
    let entry = "/verificationMaterial/tlogEntries/0";
    let stamps = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";
    [
        (content, about.to_owned()),
        (
            "certificate",
            "/verificationMaterial/certificate/rawBytes".into(),
        ),
        (
            "checkpoint",
            format!("{entry}/inclusionProof/checkpoint/envelope"),
        ),
        ("entry", format!("{entry}/canonicalizedBody")),
        ("proof", format!("{entry}/inclusionProof/hashes/0")),
        ("timestamp", format!("{stamps}/0/signedTimestamp")),
    ]
    .into_iter()
    .map(|(what, pointer)| {
        let mut twin = whole.clone();
        let field = twin.pointer_mut(&pointer).expect(what);
        let text = field.as_str().expect(what);
        *field = match STANDARD.decode(text) {
            Ok(mut bytes) => {
                flip(&mut bytes, 5);
                STANDARD.encode(bytes).into()
            }
            // The checkpoint is text; its last line ends with a signature.
            Err(_) => {
                let place = text.len() - 12;
                let letter = if &text[place..=place] == "A" {
                    "B"
                } else {
                    "A"
                };
                format!("{}{letter}{}", &text[..place], &text[place + 1..]).into()
            }
        };
        let path = bundle.with_extension(format!("{what}.json"));
        fs::write(&path, twin.to_string()).expect("a file");
        (what, path)
    })
    .collect()
}

/// Flips a bit of the byte that is so many from the end: beyond all framing.
pub fn flip(bytes: &mut [u8], from_the_end: usize) {
    let place = bytes.len() - from_the_end;
    bytes[place] ^= 1;
}

/// What a server answered.
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub body: Vec<u8>,
}

/// One request to the instance's registry, with the instance's credential.
pub fn registry(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let config = fs::read(shared().instance().path("docker_config")).expect("the docker config");
    let config: Value = serde_json::from_slice(&config).expect("a docker config");
    let host = shared().instance().registry();
    let auth = config["auths"][host]["auth"]
        .as_str()
        .expect("a credential");
    let auth = format!("Basic {auth}");
    let mut all = vec![("Authorization", auth.as_str())];
    all.extend(headers);
    http(method, &format!("http://{host}{target}"), &all, body)
}

/// One plain HTTP/1.0 request: so that a test needs no client of anybody.
pub fn http(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    use std::io::{Read as _, Write as _};
    let rest = url.strip_prefix("http://").expect("a plain URL");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut head = format!(
        "{method} /{path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut stream = std::net::TcpStream::connect(host).expect("the server");
    stream.write_all(head.as_bytes()).expect("to send");
    stream.write_all(body).expect("to send");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("the end of the head");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let location = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("location")
            .then(|| value.to_owned())
    });
    Answer {
        status: status.expect("a status"),
        location,
        body: answer.split_off(end + 4),
    }
}

/// Pushes the shipped image once more, without anything that is attached to it;
/// with bytes for one more layer it becomes another image.
pub fn copy_image(image: &str, repository: &str, layer: Option<&str>) -> String {
    let get = |kind: &str, digest: &str| {
        let answer = registry("GET", &format!("/v2/tiny/{kind}/{digest}"), &[], &[]);
        assert_eq!(answer.status, 200, "{kind} {digest}");
        answer.body
    };
    let mut bytes = get("manifests", &digest(image));
    let mut manifest: Value = serde_json::from_slice(&bytes).expect("a manifest");
    let mut config = get("blobs", manifest["config"]["digest"].as_str().expect("it"));
    if let Some(layer) = layer {
        let digest = push_blob(repository, layer.as_bytes());
        let mut edited: Value = serde_json::from_slice(&config).expect("a configuration");
        push(&mut edited["rootfs"]["diff_ids"], json!(digest));
        config = edited.to_string().into_bytes();
        manifest["config"]["digest"] = bulla_core::Digest::sha256(&config).to_string().into();
        manifest["config"]["size"] = config.len().into();
        push(
            &mut manifest["layers"],
            json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": layer.len()}),
        );
        bytes = manifest.to_string().into_bytes();
    }
    push_blob(repository, &config);
    for layer in manifest["layers"].as_array().expect("layers") {
        let digest = layer["digest"].as_str().expect("a digest");
        let path = format!("/v2/tiny/blobs/{digest}");
        let found = registry("GET", &path, &[], &[]);
        if found.status == 200 {
            push_blob(repository, &found.body);
        }
    }
    let media_type = manifest["mediaType"].as_str().expect("a type");
    push_manifest(repository, "twin", media_type, &bytes);
    let digest = bulla_core::Digest::sha256(&bytes);
    format!("{}/{repository}@{digest}", shared().instance().registry())
}

/// The file of that name, somewhere below.
pub fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        let found = if path.is_dir() {
            find(&path, name)
        } else {
            path.file_name().is_some_and(|n| n == name).then_some(path)
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

fn push(list: &mut Value, value: Value) {
    list.as_array_mut().expect("a list").push(value);
}

/// Attaches a bundle to an image of the instance's registry, whatever it says.
pub fn attach(pinned: &str, bundle: &[u8], predicate_type: &str) {
    let (name, digest) = pinned.rsplit_once('@').expect("a digest");
    let repository = name.rsplit_once('/').expect("a repository").1;
    let subject = registry(
        "GET",
        &format!("/v2/{repository}/manifests/{digest}"),
        &[],
        &[],
    );
    let media_type = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let descriptor = |media_type: &str, bytes: &[u8]| json!({"mediaType": media_type, "digest": push_blob(repository, bytes), "size": bytes.len()});
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": media_type,
        "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [descriptor(media_type, bundle)],
        "subject": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": subject.body.len()},
        "annotations": {"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": predicate_type},
    });
    let bytes = manifest.to_string().into_bytes();
    let reference = bulla_core::Digest::sha256(&bytes).to_string();
    push_manifest(
        repository,
        &reference,
        "application/vnd.oci.image.manifest.v1+json",
        &bytes,
    );
}

/// The bundle of the person's signature, as it is attached to the image.
pub fn image_bundle(image: &str, predicate_type: &str) -> Vec<u8> {
    let referrers = registry(
        "GET",
        &format!("/v2/tiny/referrers/{}", digest(image)),
        &[],
        &[],
    );
    let index: Value = serde_json::from_slice(&referrers.body).expect("an index");
    let entries = index["manifests"].as_array().expect("manifests");
    let wanted = |entry: &&Value| {
        entry["annotations"]["dev.sigstore.bundle.predicateType"] == predicate_type
    };
    let entry = entries.iter().find(wanted).expect(predicate_type);
    let digest = entry["digest"].as_str().expect("a digest");
    let manifest = registry("GET", &format!("/v2/tiny/manifests/{digest}"), &[], &[]);
    let manifest: Value = serde_json::from_slice(&manifest.body).expect("a manifest");
    let blob = manifest["layers"][0]["digest"].as_str().expect("a layer");
    registry("GET", &format!("/v2/tiny/blobs/{blob}"), &[], &[]).body
}

fn push_blob(repository: &str, bytes: &[u8]) -> String {
    let digest = bulla_core::Digest::sha256(bytes).to_string();
    let begun = registry(
        "POST",
        &format!("/v2/{repository}/blobs/uploads/"),
        &[],
        &[],
    );
    let place = begun.location.expect("where to upload");
    let host = format!("http://{}", shared().instance().registry());
    let place = place.strip_prefix(&host).unwrap_or(&place);
    let sign = if place.contains('?') { '&' } else { '?' };
    let kind = [("Content-Type", "application/octet-stream")];
    let done = registry(
        "PUT",
        &format!("{place}{sign}digest={digest}"),
        &kind,
        bytes,
    );
    assert_eq!(done.status, 201, "{}", String::from_utf8_lossy(&done.body));
    digest
}

fn push_manifest(repository: &str, reference: &str, media_type: &str, bytes: &[u8]) {
    let done = registry(
        "PUT",
        &format!("/v2/{repository}/manifests/{reference}"),
        &[("Content-Type", media_type)],
        bytes,
    );
    assert_eq!(done.status, 201, "{}", String::from_utf8_lossy(&done.body));
}
