//! A registry and a notary that say what a test wants.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{
    Code, Descriptor, Digest, FixedClock, Identity, Reason, Reference, RootId, Statement, Subject,
    statement::predicate_type,
};
use bulla_policy::{Evidence, Policy, Seal};
use bulla_trust::test_evidence;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{
    Admission, Answer, ImageSource, JsonLines, Settings, Verifier,
    resolve::{Found, SourceError},
};

pub(super) const NOW: &str = "2026-11-21T12:00:00Z";
pub(super) const POLICY: &str = r#"
apiVersion: policy.bulla.dev/v1alpha1
kind: ArtifactPolicy
metadata: {name: signed}
spec:
  images: [{glob: "r.example/**"}]
  authorities:
    - name: dana
      keyless:
        root: sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        identities: [{issuer: "https://issuer.example", subject: dana@example.com}]
  rules:
    - {name: image-signed, signature: {authorities: [dana]}}
    - {name: noted, mode: warn, attestation: {authorities: [dana], predicateType: "https://example.com/note"}}
"#;

/// Tags and bundles; a bundle is the signer's address, or `panic`.
#[derive(Default)]
pub(super) struct Registry {
    pub(super) tags: Mutex<HashMap<String, Digest>>,
    pub(super) signers: Mutex<HashMap<String, Vec<&'static str>>>,
    pub(super) resolved: AtomicUsize,
    pub(super) fetched: AtomicUsize,
    pub(super) gap: Option<&'static str>,
    pub(super) down: bool,
    pub(super) slow: bool,
    /// Another digest at each question.
    pub(super) fickle: bool,
}

impl Registry {
    pub(super) fn with(self, tag: &str, content: &str, signers: &[&'static str]) -> Self {
        let digest = Digest::sha256(content.as_bytes());
        let image: Reference = tag.parse().unwrap();
        let by_digest = image.by_digest(digest.clone()).to_string();
        self.tags.lock().unwrap().insert(tag.into(), digest);
        self.signers
            .lock()
            .unwrap()
            .insert(by_digest, signers.to_vec());
        self
    }
}

pub(super) fn error(text: &str) -> SourceError {
    SourceError::Unavailable {
        code: Code("OCI-0099"),
        text: text.into(),
        hint: None,
    }
}

impl ImageSource for Arc<Registry> {
    async fn resolve(&self, image: &Reference) -> Result<Descriptor, SourceError> {
        let asked = self.resolved.fetch_add(1, Ordering::SeqCst);
        if self.slow {
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        if self.down {
            return Err(error("r.example did not answer"));
        }
        if self.fickle && asked > 0 {
            return Ok(Descriptor::new("m", Digest::sha256(b"evil"), 1));
        }
        let digest = self.tags.lock().unwrap().get(&image.to_string()).cloned();
        match digest {
            Some(digest) => Ok(Descriptor::new("m", digest, 1)),
            None => Err(SourceError::Missing {
                code: Code("OCI-0098"),
                text: format!("{image} is not there"),
                hint: None,
            }),
        }
    }

    async fn seals(&self, image: &Reference) -> Result<Found, SourceError> {
        self.fetched.fetch_add(1, Ordering::SeqCst);
        assert!(image.tag().is_none(), "evidence goes by digest");
        if self.down {
            return Err(error("r.example did not answer"));
        }
        let signers = self
            .signers
            .lock()
            .unwrap()
            .get(&image.to_string())
            .cloned();
        Ok(Found {
            seals: signers
                .unwrap_or_default()
                .iter()
                .map(|s| Seal::Bundle(s.as_bytes().to_vec()))
                .collect(),
            gaps: self
                .gap
                .iter()
                .map(|gap| Reason::new("OCI-0097", *gap))
                .collect(),
        })
    }
}

pub(super) struct Notary;

impl Verifier for Notary {
    fn roots(&self) -> Digest {
        Digest::sha256(b"roots")
    }

    fn collect(&self, seals: &[Seal], digest: &Digest, now: jiff::Timestamp) -> Evidence {
        let said = |seal: &Seal| {
            let Seal::Bundle(bundle) = seal else {
                panic!("{seal:?}")
            };
            let subject = String::from_utf8(bundle.clone()).unwrap();
            assert_ne!(subject, "panic");
            let signer = Identity {
                root: RootId(format!("sha256:{}", "a".repeat(64)).parse().unwrap()),
                issuer: "https://issuer.example".into(),
                subject: subject.clone(),
            };
            let about = vec![Subject::new("", digest)];
            let statement = Statement::new(about, predicate_type::COSIGN_SIGN_V1, json!({}));
            test_evidence::verified(statement, test_evidence::proof(signer, &subject, now))
        };
        Evidence {
            attestations: seals.iter().map(said).collect(),
            ..Evidence::default()
        }
    }
}

pub(super) type Hook = Admission<Arc<Registry>, Notary>;

pub(super) fn hook(registry: Registry) -> (Arc<Hook>, Arc<Registry>, Arc<JsonLines<Vec<u8>>>) {
    let registry = Arc::new(registry);
    let sink = Arc::new(JsonLines::new(Vec::new()));
    let admission = Admission::new(
        Policy::parse(POLICY.as_bytes(), None).unwrap(),
        Arc::clone(&registry),
        Notary,
        Arc::new(FixedClock(NOW.parse().unwrap())),
        sink.clone(),
        Settings::default(),
    );
    (Arc::new(admission), registry, sink)
}

pub(super) fn signed() -> Registry {
    Registry::default().with("r.example/app:1", "app", &["dana@example.com"])
}

pub(super) fn pod(images: &[&str]) -> Value {
    let containers: Vec<_> = images
        .iter()
        .enumerate()
        .map(|(index, image)| json!({"name": format!("c{index}"), "image": image}))
        .collect();
    review(json!({"kind": "Pod", "spec": {"containers": containers}}))
}

pub(super) fn review(object: Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "namespace": "default", "name": "hello", "operation": "CREATE",
            "object": object
        }
    })
}

pub(super) async fn ask(hook: &Hook, review: &Value) -> Answer {
    hook.review(review.to_string().as_bytes()).await.unwrap()
}

pub(super) fn patch(answer: &Answer) -> Value {
    let json = answer.to_json();
    let Some(patch) = json["response"]["patch"].as_str() else {
        return json!([]);
    };
    assert_eq!(json["response"]["patchType"], "JSONPatch");
    serde_json::from_slice(&STANDARD.decode(patch).unwrap()).unwrap()
}

pub(super) fn record_lines(hook: Arc<Hook>, sink: Arc<JsonLines<Vec<u8>>>) -> Vec<Value> {
    drop(hook);
    let sink = Arc::try_unwrap(sink).map_err(|_| "still held").unwrap();
    let text = String::from_utf8(sink.into_inner()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
