//! Whole reviews through a fake source and a fake verifier.

use super::*;
use bulla_core::Digest;
use bulla_policy::Policy;
use http_body_util::BodyExt as _;
use serde_json::Value;
use std::sync::atomic::Ordering;
use tower::ServiceExt as _;

use fake::{NOW, POLICY, Registry, ask, hook, patch, pod, record_lines, review, signed};

mod fake;

#[tokio::test(start_paused = true)]
async fn a_signed_image_is_allowed_and_pinned() {
    let (hook, registry, sink) = hook(signed());
    let answer = ask(&hook, &pod(&["r.example/app:1"])).await;
    let digest = Digest::sha256(b"app");
    assert_eq!(
        patch(&answer),
        json!([{"op": "replace", "path": "/spec/containers/0/image", "value": format!("r.example/app@{digest}")}])
    );
    let json = answer.to_json();
    assert_eq!(
        json["response"]["uid"],
        "705ab4f5-6393-11e8-b7cc-42010a800002"
    );
    assert_eq!(json["response"]["allowed"], true);
    assert_eq!(json["response"]["status"], Value::Null);
    assert_eq!(registry.resolved.load(Ordering::SeqCst), 1);
    // the rule that only warns is told
    assert!(
        answer.warnings().iter().any(|w| w.starts_with("noted: ")),
        "{:?}",
        answer.warnings()
    );
    let record: Value = record_lines(hook, sink).remove(0);
    assert_eq!(record["digest"], digest.to_string());
    assert_eq!(record["requested"], "r.example/app:1");
    assert_eq!(
        record["decision"]["policyDigest"],
        Policy::parse(POLICY.as_bytes(), None)
            .unwrap()
            .digest()
            .to_string()
    );
    assert_eq!(
        record["decision"]["rules"][0]["evidence"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_say_why_and_carry_no_patch() {
    let registry = signed()
        .with("r.example/bare:1", "bare", &[])
        .with("r.example/other:1", "other", &["mallory@example.com"])
        .with("elsewhere.example/app:1", "app", &["dana@example.com"]);
    let (hook, ..) = hook(registry);
    for (image, outcome, code) in [
        ("r.example/bare:1", Outcome::NoEvidence, "[POLICY-0012]"),
        ("r.example/other:1", Outcome::Deny, "[POLICY-0013]"),
        ("r.example/missing:1", Outcome::Deny, "[OCI-0098]"),
        ("elsewhere.example/app:1", Outcome::Deny, "[POLICY-0010]"),
        ("nginx", Outcome::Deny, "[CORE-0003]"),
    ] {
        let answer = ask(&hook, &pod(&[image])).await;
        assert_eq!(answer.outcome, outcome, "{image}");
        let message = answer.message().unwrap();
        assert!(
            message.ends_with(code) && message.contains("DENIED"),
            "{message}"
        );
        assert!(message.contains(image), "{message}");
        let before_the_fix = message
            .lines()
            .take_while(|line| !line.starts_with("mend it:"))
            .count();
        assert!(before_the_fix <= 4, "{message}");
        let json = answer.to_json();
        assert_eq!(json["response"]["allowed"], false);
        assert_eq!(json["response"]["status"]["code"], 403);
        assert_eq!(json["response"]["patch"], Value::Null);
    }
}

#[tokio::test(start_paused = true)]
async fn one_bad_image_refuses_the_pod() {
    let (hook, ..) = hook(signed().with("r.example/bare:1", "bare", &[]));
    let answer = ask(
        &hook,
        &pod(&["r.example/app:1", "r.example/bare:1", "nginx"]),
    )
    .await;
    assert_eq!(answer.outcome, Outcome::Deny);
    assert!(answer.patch().is_empty());
    let message = answer.message().unwrap();
    assert!(message.starts_with("image nginx: DENIED"), "{message}");
    assert!(
        message.contains("denied as well: r.example/bare:1"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_tag_is_resolved_once_for_all_its_containers() {
    let (hook, registry, _) = hook(signed());
    let answer = ask(&hook, &pod(&["r.example/app:1"; 8])).await;
    assert_eq!(patch(&answer).as_array().unwrap().len(), 8);
    assert_eq!(registry.resolved.load(Ordering::SeqCst), 1);
    assert_eq!(registry.fetched.load(Ordering::SeqCst), 1);
}

/// Kyverno: the tag was resolved again after it had been verified.
#[tokio::test(start_paused = true)]
async fn cve_2022_47633_what_was_judged_is_what_is_pinned() {
    let (hook, registry, _) = hook(Registry {
        fickle: true,
        ..signed()
    });
    let answer = ask(&hook, &pod(&["r.example/app:1", "r.example/app:1"])).await;
    let judged = format!("r.example/app@{}", Digest::sha256(b"app"));
    assert!(
        answer
            .patch()
            .iter()
            .all(|operation| operation.value() == judged)
    );
    assert_eq!(answer.patch().len(), 2);
    assert_eq!(registry.resolved.load(Ordering::SeqCst), 1);
}

/// Kyverno: an object that was being deleted was not looked at any more.
#[tokio::test(start_paused = true)]
async fn cve_2023_34091_a_deletion_timestamp_excuses_nothing() {
    let (hook, ..) = hook(signed().with("r.example/bare:1", "bare", &[]));
    let mut update = pod(&["r.example/bare:1"]);
    update["request"]["operation"] = json!("UPDATE");
    update["request"]["object"]["metadata"] =
        json!({"deletionTimestamp": NOW, "finalizers": ["x/y"]});
    update["request"]["oldObject"] = pod(&["r.example/app:1"])["request"]["object"].clone();
    assert_eq!(ask(&hook, &update).await.outcome, Outcome::NoEvidence);
}

/// A workload cannot send the webhook to a host of its choice.
#[tokio::test(start_paused = true)]
async fn ghsa_459x_a_registry_that_is_not_allowed_is_not_asked() {
    let (hook, registry, _) =
        hook(signed().with("elsewhere.example/app:1", "app", &["dana@example.com"]));
    let digest = format!("169.254.169.254/x@{}", Digest::sha256(b"app"));
    for image in ["elsewhere.example/app:1", digest.as_str()] {
        assert_eq!(
            ask(&hook, &pod(&[image])).await.outcome,
            Outcome::Deny,
            "{image}"
        );
    }
    let asked = registry.resolved.load(Ordering::SeqCst) + registry.fetched.load(Ordering::SeqCst);
    assert_eq!(asked, 0);
}

/// Kyverno: an outcome that a user had written into an annotation was believed.
#[tokio::test(start_paused = true)]
async fn an_annotation_of_the_user_is_no_verdict() {
    let (hook, ..) = hook(signed().with("r.example/bare:1", "bare", &[]));
    let mut forged = pod(&["r.example/bare:1"]);
    forged["request"]["object"]["metadata"] = json!({"annotations": {
        "kyverno.io/verify-images": "{\"r.example/bare:1\":\"pass\"}", "decision": "allow"}});
    assert_eq!(ask(&hook, &forged).await.outcome, Outcome::NoEvidence);
}

/// A tag that was moved after a verdict is another digest, and judged anew.
#[tokio::test(start_paused = true)]
async fn a_moved_tag_finds_no_verdict() {
    let (hook, registry, _) = hook(signed());
    assert_eq!(
        ask(&hook, &pod(&["r.example/app:1"])).await.outcome,
        Outcome::Warn
    );
    let evil = Digest::sha256(b"evil");
    registry
        .tags
        .lock()
        .unwrap()
        .insert("r.example/app:1".into(), evil);
    assert_eq!(
        ask(&hook, &pod(&["r.example/app:1"])).await.outcome,
        Outcome::NoEvidence
    );
}

#[tokio::test(start_paused = true)]
async fn a_digest_needs_no_tag_and_a_tag_beside_it_is_not_asked() {
    let (hook, registry, _) = hook(signed());
    let pinned = format!("r.example/app@{}", Digest::sha256(b"app"));
    let answer = ask(&hook, &pod(&[&pinned])).await;
    assert!(answer.outcome.is_allowed() && answer.patch().is_empty());
    let both = format!("r.example/app:9@{}", Digest::sha256(b"app"));
    assert_eq!(ask(&hook, &pod(&[&both])).await.patch()[0].value(), pinned);
    assert_eq!(registry.resolved.load(Ordering::SeqCst), 0);
    assert_eq!(
        registry.fetched.load(Ordering::SeqCst),
        1,
        "the second verdict was there"
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_had_is_refused_as_undecided_and_not_kept() {
    for registry in [
        Registry {
            down: true,
            ..signed()
        },
        Registry {
            slow: true,
            ..signed()
        },
        Registry::default().with("r.example/app:1", "app", &["panic"]),
        Registry {
            gap: Some("one bundle could not be fetched"),
            ..Registry::default().with("r.example/app:1", "app", &[])
        },
    ] {
        let (hook, registry, _) = hook(registry);
        for asked in 1..=2 {
            let answer = ask(&hook, &pod(&["r.example/app:1"])).await;
            assert_eq!(answer.outcome, Outcome::Undecided);
            assert!(answer.message().unwrap().contains("undecided"));
            assert_eq!(registry.resolved.load(Ordering::SeqCst), asked);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_leaves_no_record() {
    let (hook, _, sink) = hook(signed());
    let mut dry = pod(&["r.example/app:1"]);
    dry["request"]["dryRun"] = json!(true);
    let answer = ask(&hook, &dry).await;
    assert!(answer.outcome.is_allowed() && !answer.patch().is_empty());
    assert_eq!(answer.records.len(), 1, "the caller may still look at it");
    assert!(record_lines(hook, sink).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_names_no_image_is_left_alone() {
    let (hook, registry, _) = hook(Registry::default());
    let answer = ask(&hook, &pod(&[])).await;
    assert_eq!(
        answer.to_json(),
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
               "response": {"uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "allowed": true}})
    );
    let mut map = review(json!({"kind": "ConfigMap"}));
    map["request"]["kind"]["kind"] = json!("ConfigMap");
    let answer = ask(&hook, &map).await;
    assert!(answer.outcome.is_allowed() && answer.patch().is_empty());
    assert_eq!(answer.warnings().len(), 1);
    assert_eq!(registry.resolved.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_workload_that_cannot_be_read_is_refused() {
    let (hook, ..) = hook(signed());
    let many: Vec<_> = (0..10_000)
        .map(|i| json!({"name": i.to_string(), "image": "r.example/app:1"}))
        .collect();
    for (object, code) in [
        (
            json!({"kind": "Pod", "spec": {"containers": many}}),
            "[ADMIT-0010]",
        ),
        (
            json!({"kind": "Pod", "spec": {"containers": [{"image": {}}]}}),
            "[ADMIT-0011]",
        ),
        (json!({"kind": "Secret"}), "[ADMIT-0012]"),
    ] {
        let answer = ask(&hook, &review(object)).await;
        assert_eq!(answer.outcome, Outcome::Deny);
        assert!(
            answer.message().unwrap().ends_with(code),
            "{:?}",
            answer.message()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn both_routes_answer_and_a_review_without_uid_is_a_bad_request() {
    let (hook, ..) = hook(signed());
    let post = async |path: &str, body: String| {
        let request = http::Request::post(path)
            .header("content-type", "application/json")
            .body(axum::body::Body::from(body));
        let response = router(Arc::clone(&hook))
            .oneshot(request.unwrap())
            .await
            .unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (
            status,
            serde_json::from_slice::<Value>(&bytes).unwrap_or_default(),
        )
    };
    for path in ["/validate", "/mutate", "/validate?timeout=10s"] {
        let (status, body) = post(path, pod(&["r.example/app:1"]).to_string()).await;
        assert_eq!(
            (status, &body["response"]["allowed"]),
            (200, &json!(true)),
            "{path}"
        );
    }
    let mut nameless = pod(&["r.example/app:1"]);
    nameless["request"]["uid"] = json!("");
    let (status, body) = post("/validate", nameless.to_string()).await;
    assert_eq!((status, &body["code"]), (400, &json!("ADMIT-0004")));
    assert_eq!(post("/validate", "not json".into()).await.0, 400);
    assert_eq!(
        post("/validate", " ".repeat(REVIEW_BYTES as usize + 1))
            .await
            .0,
        413
    );
}

#[test]
fn the_answer_comes_before_the_api_server_gives_up() {
    for (text, left) in [
        ("10s", Some(9_000)),
        ("1s", Some(500)),
        ("30s", Some(29_000)),
        ("1m", None),
        ("", None),
        ("-1s", None),
    ] {
        assert_eq!(time_left(text), left.map(Duration::from_millis), "{text}");
    }
}
