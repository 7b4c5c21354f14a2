//! Whole reviews against registries that lie, with the real client and the real
//! verification: whatever they say, nothing is allowed, and it ends.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use bulla_admission::{Admission, Answer, Settings};
use bulla_core::{Descriptor, Digest, Outcome, SystemClock, descriptor::media_type};
use bulla_net::HttpClient;
use bulla_oci::{
    Credentials, Limits, Registry,
    cosign::{NewLayer, Slot, annotation},
};
use bulla_policy::Policy;
use bulla_trust::TrustRoot;
use futures_util::stream;
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// What a path below `/v2/app/` answers with.
#[derive(Clone)]
enum Says {
    Bytes(&'static str, Vec<u8>),
    Refuses(StatusCode),
    WithoutEnd(&'static str),
}

type Content = HashMap<String, Says>;

impl Says {
    fn respond(&self) -> Response {
        let of = |kind: &'static str, body: Body| ([("content-type", kind)], body).into_response();
        match self {
            Self::Bytes(kind, bytes) => of(kind, Body::from(bytes.clone())),
            Self::Refuses(status) => status.into_response(),
            Self::WithoutEnd(kind) => {
                let drops = stream::unfold((), |()| async {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    Some((Ok::<_, std::io::Error>("  "), ()))
                });
                of(kind, Body::from_stream(drops))
            }
        }
    }
}

fn image() -> Vec<u8> {
    let config = Descriptor::of(media_type::CONFIG, b"{}");
    json!({"schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config, "layers": []})
        .to_string()
        .into_bytes()
}

fn subject() -> Digest {
    Digest::sha256(&image())
}

fn manifest(bytes: Vec<u8>) -> Says {
    Says::Bytes(media_type::MANIFEST, bytes)
}

fn blob(text: &str) -> Says {
    Says::Bytes("application/octet-stream", text.into())
}

/// The image, and nothing that hangs on it.
fn bare() -> Content {
    let list = json!({"schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": []});
    let list = list.to_string().into_bytes();
    Content::from([
        ("manifests/1".into(), manifest(image())),
        (format!("manifests/{}", subject()), manifest(image())),
        (
            format!("referrers/{}", subject()),
            Says::Bytes(media_type::INDEX, list),
        ),
    ])
}

/// The same with layers under a tag of the old layout.
fn tagged(slot: Slot, layers: &[NewLayer]) -> Content {
    let entries: Vec<Descriptor> = layers.iter().map(NewLayer::descriptor).collect();
    let text = json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST,
        "config": Descriptor::of(media_type::CONFIG, b"{}"), "layers": entries,
    });
    let mut content = bare();
    let tag = format!("manifests/{}", slot.tag(&subject()));
    content.insert(tag, manifest(text.to_string().into_bytes()));
    for layer in layers {
        let path = format!("blobs/{}", layer.descriptor().digest);
        let bytes = layer.bytes.to_vec();
        content.insert(path, Says::Bytes("application/octet-stream", bytes));
    }
    content
}

/// A signature whose form is right.
fn signature(of: &Digest) -> NewLayer {
    let payload = json!({
        "critical": {
            "identity": {"docker-reference": "r.example/app"},
            "image": {"docker-manifest-digest": of},
            "type": "cosign container image signature",
        },
        "optional": null,
    });
    NewLayer::signature(payload.to_string(), "c2lnbmF0dXJl")
}

fn policy() -> Policy {
    let root = TrustRoot::public_good().unwrap().id().0.to_string();
    let text = format!(
        "apiVersion: policy.bulla.dev/v1alpha1\nkind: ArtifactPolicy\nmetadata: {{name: signed}}\n\
         spec:\n  images: [{{glob: \"**\"}}]\n  authorities:\n    - name: dana\n      keyless: \
         {{root: \"{root}\", identities: [{{issuer: \"https://issuer.example\", subject: dana@example.com}}]}}\n  \
         rules:\n    - {{name: signed, signature: {{authorities: [dana]}}}}\n"
    );
    Policy::parse(text.as_bytes(), None).unwrap()
}

async fn ask(content: Content) -> Answer {
    let content = Arc::new(content);
    let answer = move |request: Request| {
        let content = Arc::clone(&content);
        async move {
            let path = request.uri().path().trim_start_matches("/v2/app/");
            let says = content.get(path).cloned();
            says.unwrap_or(Says::Refuses(StatusCode::NOT_FOUND))
                .respond()
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let registry = Registry::new(HttpClient::loopback(), Credentials::none()).within(Limits {
        answer: Duration::from_millis(500),
        ..Limits::default()
    });
    let admission = Admission::new(
        policy(),
        registry,
        vec![TrustRoot::public_good().unwrap()],
        Arc::new(SystemClock),
        Arc::new(()),
        Settings::default(),
    );
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "namespace": "default", "name": "hello", "operation": "CREATE",
            "object": {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [
                {"name": "app", "image": format!("{address}/app:1")},
            ]}},
        },
    });
    admission
        .review(review.to_string().as_bytes())
        .await
        .unwrap()
}

#[track_caller]
fn refused(answer: &Answer, outcome: Outcome, code: &str) {
    let json = answer.to_json();
    assert_eq!(json["response"]["allowed"], false, "{json}");
    assert_eq!(json["response"]["patch"], Value::Null, "{json}");
    assert_eq!(answer.outcome, outcome, "{json}");
    let message = answer.message().expect("why it is refused");
    assert!(message.contains(code), "not {code}: {message}");
}

#[tokio::test]
async fn nothing_in_either_layout_is_no_evidence() {
    refused(&ask(bare()).await, Outcome::NoEvidence, "POLICY-0012");
}

#[tokio::test]
async fn a_signature_of_the_old_layout_that_proves_nothing_is_denied() {
    let none = signature(&subject());
    let answer = ask(tagged(Slot::Signatures, std::slice::from_ref(&none))).await;
    refused(&answer, Outcome::Deny, "TRUST-");
    // What stands beside it is read or fails; it is never left out.
    for (name, value) in [
        (annotation::CERTIFICATE, "nonsense"),
        (annotation::BUNDLE, "{}"),
        (annotation::TIMESTAMP, "[]"),
    ] {
        let layer = none.clone().with(name, value);
        let answer = ask(tagged(Slot::Signatures, &[layer])).await;
        refused(&answer, Outcome::Deny, "TRUST-");
    }
    let foreign = signature(&Digest::sha256(b"another image"));
    let answer = ask(tagged(Slot::Signatures, &[foreign])).await;
    refused(&answer, Outcome::Deny, "TRUST-");
    // An envelope that cannot be read could have been anything.
    let nonsense = NewLayer::attestation("nonsense", "https://sigstore.dev/cosign/sign/v1");
    let answer = ask(tagged(Slot::Attestations, &[nonsense])).await;
    refused(&answer, Outcome::Deny, "TRUST-");
}

#[tokio::test]
async fn a_registry_that_lies_about_the_old_layout_leaves_it_undecided() {
    let layer = signature(&subject());
    let path = format!("blobs/{}", layer.descriptor().digest);
    let honest = tagged(Slot::Signatures, &[layer]);
    let tag = format!("manifests/{}", Slot::Signatures.tag(&subject()));
    let many: Vec<NewLayer> = (0..1_001)
        .map(|n| NewLayer::signature("payload", &n.to_string()))
        .collect();
    let with = |path: &str, says: Says| {
        let mut content = honest.clone();
        content.insert(path.to_owned(), says);
        content
    };
    for (content, code) in [
        (with(&path, blob("something else")), "OCI-0077"),
        (with(&path, Says::WithoutEnd("text/plain")), "POLICY-0018"),
        (
            with(&path, Says::Refuses(StatusCode::FORBIDDEN)),
            "POLICY-0018",
        ),
        (
            with(&tag, Says::Refuses(StatusCode::INTERNAL_SERVER_ERROR)),
            "POLICY-0018",
        ),
        (
            with(&tag, Says::WithoutEnd(media_type::MANIFEST)),
            "POLICY-0018",
        ),
        (with(&tag, manifest(b"{".to_vec())), "POLICY-0018"),
        (tagged(Slot::Signatures, &many), "1001 layers"),
        (tagged(Slot::Attestations, &many), "1001 layers"),
    ] {
        refused(&ask(content).await, Outcome::Undecided, code);
    }
}
