use super::*;
use serde_json::json;

fn review(request: Value) -> Vec<u8> {
    json!({"apiVersion": API_VERSION, "kind": KIND, "request": request})
        .to_string()
        .into_bytes()
}

fn code(bytes: &[u8]) -> &'static str {
    parse_review(bytes).unwrap_err().code().0
}

#[test]
fn reads_what_the_api_server_sends_and_passes_over_the_rest() {
    let bytes = review(json!({
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
        "name": "hello", "namespace": "default", "operation": "CREATE",
        "userInfo": {"username": "dana", "groups": ["system:authenticated"]},
        "object": {"kind": "Pod", "spec": {}}, "oldObject": null, "dryRun": false,
        "options": {"kind": "CreateOptions"}, "aFieldOfTomorrow": [1]
    }));
    let request = parse_review(&bytes).unwrap().request;
    assert_eq!(request.uid, "705ab4f5-6393-11e8-b7cc-42010a800002");
    assert_eq!(request.operation, "CREATE");
    assert_eq!(request.dry_run, Some(false));
}

#[test]
fn what_cannot_be_answered_is_an_error() {
    assert_eq!(code(b""), "ADMIT-0002");
    assert_eq!(code(b"[]"), "ADMIT-0001");
    assert_eq!(code(&review(json!(["u", {"kind": "Pod"}]))), "ADMIT-0003");
    assert_eq!(code(b"{}"), "ADMIT-0001");
    assert_eq!(code(br#"{"apiVersion":"v1","kind":"Pod"}"#), "ADMIT-0001");
    let beta = br#"{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"}"#;
    assert_eq!(code(beta), "ADMIT-0001");
    let empty = br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#;
    assert_eq!(code(empty), "ADMIT-0003");
    let kind = json!({"kind": "Pod"});
    assert_eq!(
        code(&review(json!({"kind": kind, "operation": "CREATE"}))),
        "ADMIT-0004"
    );
    assert_eq!(
        code(&review(
            json!({"uid": "", "kind": kind, "operation": "CREATE"})
        )),
        "ADMIT-0004"
    );
    let long = "u".repeat(UID_CHARS + 1);
    assert_eq!(
        code(&review(
            json!({"uid": long, "kind": kind, "operation": "CREATE"})
        )),
        "ADMIT-0004"
    );
    assert_eq!(
        code(&review(json!({"uid": "u", "operation": "CREATE"}))),
        "ADMIT-0002"
    );
    assert_eq!(
        code(&review(json!({"uid": "u", "kind": kind}))),
        "ADMIT-0002"
    );
}

#[test]
fn too_deep_and_too_large_are_errors() {
    let deep = format!(
        r#"{{"apiVersion":"{API_VERSION}","kind":"{KIND}","request":{{"uid":"u","object":{}{}}}}}"#,
        "[".repeat(200_000),
        "]".repeat(200_000)
    );
    assert_eq!(code(deep.as_bytes()), "ADMIT-0002");
    assert_eq!(code(&vec![b' '; REVIEW_BYTES as usize + 1]), "ADMIT-0002");
}

proptest::proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        let _ = parse_review(&bytes);
    }
}
