use super::*;
use crate::database::Database;
use bulla_core::Diagnose as _;
use bulla_inventory::Ecosystem;
use serde_json::json;
use std::io::Write as _;

fn database(records: &[Value]) -> Database {
    let mut builder = Builder::new();
    for record in records {
        add(record.to_string().as_bytes(), None, &mut builder).unwrap();
    }
    builder.build("test").unwrap()
}

fn record(id: &str, more: Value) -> Value {
    let mut record = json!({
        "id": id,
        "modified": "2026-03-04T05:06:07Z",
        "aliases": ["CVE-2026-1"],
        "affected": [{
            "package": { "ecosystem": "crates.io", "name": "a" },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "2.0.0" }] }],
        }],
    });
    for (key, value) in more.as_object().unwrap() {
        record[key] = value.clone();
    }
    record
}

fn one(more: Value) -> Advisory {
    let database = database(&[record("X-1", more)]);
    database.advisory("X-1").unwrap().clone()
}

#[test]
fn severities_are_computed_or_taken_from_words() {
    let vector = |vector: &str| json!({ "severity": [{ "type": "CVSS", "score": vector }] });
    let severity = |more| one(more).severity;
    let critical = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
    assert_eq!(severity(vector(critical)), Severity::Critical);
    assert_eq!(
        severity(vector("CVSS:3.0/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N")),
        Severity::Low
    );
    let fourth = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H";
    assert_eq!(severity(vector(fourth)), Severity::Critical);
    assert_eq!(severity(vector("nonsense")), Severity::Unknown);
    assert_eq!(
        severity(json!({ "database_specific": { "severity": "MODERATE" } })),
        Severity::Medium
    );
    let two = json!({ "severity": [{ "score": "CVSS:3.0/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N" }, { "score": critical }] });
    assert_eq!(severity(two), Severity::Critical, "the worst counts");
    assert_eq!(severity(json!({})), Severity::Unknown);
}

#[test]
fn kinds_are_kept() {
    let with = |specific: Value| {
        let mut affected = record("X-1", json!({}))["affected"].clone();
        affected[0]["database_specific"] = specific;
        one(json!({ "affected": affected }))
    };
    let unmaintained = with(json!({ "informational": "unmaintained", "cvss": null }));
    assert_eq!(
        (unmaintained.kind, unmaintained.severity),
        (AdvisoryKind::Unmaintained, Severity::Low)
    );
    let unsound = with(json!({ "informational": "unsound" }));
    assert_eq!(
        (unsound.kind, unsound.severity),
        (AdvisoryKind::Unsound, Severity::Unknown)
    );
    let malicious = with(json!({ "categories": ["malicious"] }));
    assert_eq!(
        (malicious.kind, malicious.severity),
        (AdvisoryKind::Malicious, Severity::Critical)
    );
    let mal = record("MAL-2026-1", json!({}));
    let kind = database(&[mal]).advisory("MAL-2026-1").unwrap().kind;
    assert_eq!(kind, AdvisoryKind::Malicious);
}

#[test]
fn withdrawn_records_and_git_ranges_say_nothing() {
    let withdrawn = record("X-1", json!({ "withdrawn": "2026-01-01T00:00:00Z" }));
    let git = record(
        "X-2",
        json!({ "affected": [{
        "package": { "ecosystem": "PyPI", "name": "B.b" },
        "ranges": [{ "type": "GIT", "events": [{ "introduced": "0" }] },
                   { "type": "ECOSYSTEM", "events": [{ "introduced": "1" }, { "fixed": "2" }] }],
        "versions": ["1.5", "0.9", "0.9"],
    }] }),
    );
    let database = database(&[withdrawn, git]);
    assert!(database.advisory("X-1").is_none());
    assert!(
        database.coverage(&Scope::of(Ecosystem::Cargo)).is_some(),
        "the ecosystem is covered"
    );
    let found = database
        .look_up(&Scope::of(Ecosystem::Pypi), "b-b")
        .unwrap();
    assert_eq!(found[0].1.ranges.len(), 1);
    assert_eq!(found[0].1.versions, ["0.9"], "1.5 is in the range already");
}

#[test]
fn releases_are_scopes_of_their_own() {
    let affected = json!([{ "package": { "ecosystem": "Debian:12", "name": "openssl" },
        "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": "3.0.9-1" }] }] }]);
    let database = database(&[record("DSA-1", json!({ "affected": affected }))]);
    assert_eq!(database.sources()[0].scope.to_string(), "deb/debian-12");
}

#[test]
fn a_date_that_no_record_states_is_that_of_the_archive() {
    let unknown = record("X-1", json!({ "modified": "0001-01-01T00:00:00Z" }));
    let mut builder = Builder::new();
    let packed = Date::constant(2026, 8, 21);
    add(unknown.to_string().as_bytes(), Some(packed), &mut builder).unwrap();
    assert_eq!(builder.build("x").unwrap().date(), Some(packed));
}

#[test]
fn archives_and_folders_give_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    std::fs::create_dir_all(records.join("deep")).unwrap();
    let path = folder.path().join("all.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    for (id, place) in [("X-1", "a.json"), ("X-2", "deep/b.json")] {
        let body = record(id, json!({})).to_string();
        std::fs::write(records.join(place), &body).unwrap();
        zip.start_file(place, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(body.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    let digest = |path: &Path| {
        let mut builder = Builder::new();
        assert_eq!(import(path, &mut builder).unwrap(), 2);
        builder.build("x").unwrap().digest().clone()
    };
    assert_eq!(digest(&path), digest(&records));
}

#[test]
fn bad_sources_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let code = |path: &Path| import(path, &mut Builder::new()).unwrap_err().code().0;
    assert_eq!(code(folder.path()), "SCAN-0002");
    assert_eq!(code(&folder.path().join("missing.zip")), "SCAN-0006");
    std::fs::write(folder.path().join("a.json"), "{\"id\": 1}").unwrap();
    assert_eq!(code(folder.path()), "SCAN-0003");
    let not_zip = folder.path().join("a.json");
    assert_eq!(code(&not_zip), "SCAN-0006");
}

proptest::proptest! {
    #[test]
    fn records_never_panic(text in "[{}\\[\\]\":,a-z0-9.-]{0,100}", version in "[0-9a-z.-]{0,8}") {
        let _ = add(text.as_bytes(), None, &mut Builder::new());
        let events = json!([{ "introduced": version }, { "limit": version }, { "last_affected": text }]);
        let odd = record("X", json!({ "affected": [{ "package": { "ecosystem": "PyPI", "name": text },
            "ranges": [{ "type": "ECOSYSTEM", "events": events }], "versions": [version] }] }));
        let _ = add(odd.to_string().as_bytes(), None, &mut Builder::new());
    }
}
