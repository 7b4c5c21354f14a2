use super::*;
use crate::report::tests::report;
use serde_json::{Value, json};

const PURL: &str = "pkg:cargo/foo@1.2.3";

fn document(statements: Value) -> Value {
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.com/vex/1",
        "author": "dana@example.com",
        "timestamp": "2026-11-01T00:00:00Z",
        "version": 1,
        "statements": statements,
    })
}

fn statement(product: Value, status: &str) -> Value {
    json!({
        "vulnerability": { "name": "CVE-2026-1" },
        "products": [product],
        "status": status,
        "justification": "vulnerable_code_not_in_execute_path",
    })
}

fn parse(document: &Value) -> Result<OpenVex, VexError> {
    OpenVex::parse(document.to_string().as_bytes())
}

/// How many findings of the report the statements settle.
fn settled(statements: Value, subject: Option<&Digest>) -> usize {
    let mut report = report();
    let before = report.findings.len();
    apply(
        &mut report,
        &[parse(&document(statements)).unwrap()],
        subject,
    );
    assert_eq!(
        report.findings.len() + report.suppressed.len(),
        before,
        "nothing gets lost"
    );
    report.suppressed.len()
}

#[test]
fn a_statement_about_the_component_settles_its_finding() {
    let product = json!({ "@id": PURL });
    assert_eq!(
        settled(json!([statement(product.clone(), "not_affected")]), None),
        1
    );
    assert_eq!(
        settled(json!([statement(product.clone(), "fixed")]), None),
        1
    );
    assert_eq!(
        settled(json!([statement(product.clone(), "affected")]), None),
        0
    );
    assert_eq!(
        settled(json!([statement(product, "under_investigation")]), None),
        0
    );
    assert_eq!(
        settled(
            json!([statement(json!({ "@id": "pkg:cargo/foo" }), "fixed")]),
            None
        ),
        1
    );
    assert_eq!(
        settled(
            json!([statement(json!({ "@id": "pkg:cargo/foo@1.2.4" }), "fixed")]),
            None
        ),
        0
    );
    let by_identifier = json!({ "@id": "x", "identifiers": { "purl": PURL } });
    assert_eq!(settled(json!([statement(by_identifier, "fixed")]), None), 1);
}

#[test]
fn a_statement_about_the_image_needs_its_digest() {
    let digest = Digest::sha256(b"image");
    let other = Digest::sha256(b"other");
    let image = |digest: &Digest| format!("pkg:oci/hello@{digest}");
    let whole = json!([statement(json!({ "@id": image(&digest) }), "not_affected")]);
    assert_eq!(
        settled(whole.clone(), Some(&digest)),
        2,
        "both findings have that alias"
    );
    assert_eq!(settled(whole.clone(), Some(&other)), 0);
    assert_eq!(settled(whole, None), 0);
    let part = json!({ "@id": image(&digest), "subcomponents": [{ "@id": PURL }] });
    assert_eq!(
        settled(json!([statement(part, "not_affected")]), Some(&digest)),
        1
    );
    let hashed = json!({ "@id": "hello", "hashes": { "sha-256": digest.hex() } });
    assert_eq!(
        settled(json!([statement(hashed, "not_affected")]), Some(&digest)),
        2
    );
    let unknown = json!({ "@id": image(&digest), "subcomponents": [{ "@id": "who knows" }] });
    assert_eq!(
        settled(json!([statement(unknown, "not_affected")]), Some(&digest)),
        0
    );
}

/// A purl with subcomponents speaks of the product's parts, not of the product.
#[test]
fn a_part_of_another_product_settles_nothing() {
    let product = json!({ "@id": PURL, "subcomponents": [{ "@id": "pkg:cargo/bar@1.0.0" }] });
    assert_eq!(
        settled(json!([statement(product, "not_affected")]), None),
        0
    );
}

#[test]
fn the_latest_statement_wins_and_doubt_wins_a_tie() {
    let at = |status: &str, time: &str| {
        let mut statement = statement(json!({ "@id": PURL }), status);
        statement["timestamp"] = time.into();
        statement
    };
    let (early, late) = ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
    assert_eq!(
        settled(json!([at("affected", early), at("fixed", late)]), None),
        1
    );
    assert_eq!(
        settled(json!([at("fixed", early), at("affected", late)]), None),
        0
    );
    assert_eq!(
        settled(json!([at("affected", late), at("fixed", late)]), None),
        0
    );
}

#[test]
fn a_settled_finding_stays_visible_with_its_statement() {
    let mut report = report();
    let document = parse(&document(json!([statement(
        json!({ "@id": PURL }),
        "not_affected"
    )])))
    .unwrap();
    apply(&mut report, std::slice::from_ref(&document), None);
    let (found, suppression) = &report.suppressed[0];
    assert_eq!(found.finding.id, "RUSTSEC-2026-0101");
    assert_eq!(suppression.status, Status::NotAffected);
    assert_eq!(suppression.digest, document.digest);
    assert_eq!(
        suppression.justification.as_deref(),
        Some("vulnerable_code_not_in_execute_path")
    );
    let predicate = report.predicate();
    // Whoever judges sees every finding, settled or not.
    let results = predicate["scanner"]["result"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    let settled = &results[1]["annotations"][0]["vex"];
    assert_eq!(settled["status"], "not_affected");
    assert_eq!(ScanReport::from_predicate(&predicate).unwrap(), report);
    assert!(report.summary().contains("1 settled by VEX"));
}

#[test]
fn documents_that_break_the_rules_are_refused() {
    let with = |key: &str, value: Value| {
        let mut statement = statement(json!({ "@id": PURL }), "not_affected");
        statement[key] = value;
        parse(&document(json!([statement])))
    };
    assert!(with("justification", Value::Null).is_err());
    assert!(with("status", json!("ok")).is_err());
    assert!(with("products", json!([])).is_err());
    assert!(with("vulnerability", json!({})).is_err());
    let mut timeless = document(json!([statement(json!({ "@id": PURL }), "fixed")]));
    timeless["timestamp"] = Value::Null;
    assert!(parse(&timeless).is_err());
    let mut other = document(json!([]));
    other["@context"] = "https://example.com".into();
    assert!(matches!(parse(&other), Err(VexError::Context)));
}

proptest::proptest! {
    #[test]
    fn parsing_never_panics(text in "[{}\\[\\]\":,@a-z0-9/.-]{0,120}") {
        let _ = OpenVex::parse(text.as_bytes());
        let _ = parse(&document(json!([statement(json!({ "@id": text }), "fixed")])));
    }
}
