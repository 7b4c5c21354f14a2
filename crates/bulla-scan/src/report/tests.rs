use super::*;
use serde_json::json;

pub(crate) fn report() -> ScanReport {
    let found = |id: &str, severity, purl: &str| Match {
        finding: Finding {
            id: id.into(),
            aliases: vec!["CVE-2026-1".into()],
            severity,
            purl: Some(purl.into()),
            location: Some("Cargo.lock".into()),
            fixed_in: Some("1.2.4".into()),
            title: "foo 1.2.3: vulnerability, fixed in 1.2.4".into(),
        },
        kind: AdvisoryKind::Vulnerability,
        name: "foo".into(),
        version: "1.2.3".into(),
        origin: None,
        decided: true,
    };
    ScanReport {
        findings: vec![
            found("RUSTSEC-2026-0101", Severity::Medium, "pkg:cargo/foo@1.2.3"),
            found(
                "GO-2026-7",
                Severity::Unknown,
                "pkg:golang/x.example/y@v1.0.0",
            ),
        ],
        suppressed: Vec::new(),
        coverage: vec![
            Coverage {
                ecosystem: "cargo".into(),
                release: None,
                components: 15,
                covered: true,
                data_date: Some(Date::constant(2026, 11, 20)),
            },
            Coverage {
                ecosystem: "npm".into(),
                release: None,
                components: 1,
                covered: false,
                data_date: None,
            },
        ],
        database: DatabaseInfo {
            name: "embedded".into(),
            digest: Digest::sha256(b"database"),
            date: Some(Date::constant(2026, 11, 20)),
        },
        started: "2026-11-21T10:00:00Z".parse().unwrap(),
        finished: "2026-11-21T10:00:01Z".parse().unwrap(),
    }
}

#[test]
fn the_predicate_has_the_agreed_shape() {
    let predicate = report().predicate();
    assert_eq!(
        predicate["scanner"]["db"]["lastUpdate"],
        "2026-11-20T00:00:00Z"
    );
    let version = Digest::sha256(b"database").to_string();
    assert_eq!(predicate["scanner"]["db"]["version"], version);
    let first = &predicate["scanner"]["result"][0];
    assert_eq!(first["id"], "RUSTSEC-2026-0101");
    assert_eq!(
        first["severity"],
        json!([{ "method": "bulla", "score": "medium" }])
    );
    assert_eq!(first["annotations"][0]["purl"], "pkg:cargo/foo@1.2.3");
    assert_eq!(first["annotations"][0]["fixedIn"], "1.2.4");
    assert_eq!(first["annotations"][0]["aliases"], json!(["CVE-2026-1"]));
    let coverage = json!([
        { "ecosystem": "cargo", "components": 15, "covered": true, "dataDate": "2026-11-20" },
        { "ecosystem": "npm", "components": 1, "covered": false },
    ]);
    assert_eq!(predicate["coverage"], coverage);
    assert_eq!(
        predicate["metadata"]["scanFinishedOn"],
        "2026-11-21T10:00:01Z"
    );
}

#[test]
fn a_report_comes_back_from_its_predicate() {
    let report = report();
    assert_eq!(
        ScanReport::from_predicate(&report.predicate()).unwrap(),
        report
    );
}

#[test]
fn a_report_that_does_not_say_enough_is_refused() {
    let whole = report().predicate();
    for (pointer, value) in [
        ("/scanner/db/version", json!("latest")),
        ("/scanner/result/0/severity", json!([])),
        ("/scanner/result/0/severity/0/score", json!("so-so")),
        ("/scanner/result", json!(null)),
        ("/metadata/scanFinishedOn", json!("yesterday")),
        ("/coverage/0/covered", json!("yes")),
    ] {
        let mut broken = whole.clone();
        *broken.pointer_mut(pointer).unwrap() = value;
        assert!(
            ScanReport::from_predicate(&broken).is_err(),
            "{pointer} was accepted"
        );
    }
    assert!(ScanReport::from_predicate(&json!(null)).is_err());
}

#[test]
fn people_read_one_line() {
    let report = report();
    let expected = "0 critical, 0 high, 1 medium, 0 low, 1 unrated · data of 2026-11-20, covers cargo, no data for npm";
    assert_eq!(report.summary(), expected);
    assert_eq!(report.worst(), Some(Severity::Medium));
    assert_eq!(report.at_least(Severity::Medium).count(), 1);
    assert!(!report.is_covered());
}
