use super::*;
use crate::database::tests::{advisory, database, ranged};
use bulla_inventory::{Origin, Purl, inventory::SourcePackage};
use proptest::prelude::*;

fn affected_by(ecosystem: Ecosystem, events: &[(&str, &str)], version: &str) -> Verdict {
    check(ecosystem, &ranged(events), version)
}

fn until(fixed: &str) -> Verdict {
    Verdict::Affected {
        fixed_in: Some(fixed.into()),
    }
}

#[test]
fn events_are_walked_in_the_order_of_versions() {
    let events = [
        ("fixed", "2.3.4"),
        ("introduced", "2.0.0"),
        ("introduced", "0"),
        ("fixed", "1.2.0"),
    ];
    let check = |version: &str| affected_by(Ecosystem::Cargo, &events, version);
    assert_eq!(check("0.0.1"), until("1.2.0"));
    assert_eq!(check("1.2.0"), Verdict::Unaffected);
    assert_eq!(check("1.9.9"), Verdict::Unaffected);
    assert_eq!(check("2.0.0"), until("2.3.4"));
    assert_eq!(check("2.3.4-rc.1"), until("2.3.4"));
    assert_eq!(check("2.3.4"), Verdict::Unaffected);
}

#[test]
fn the_last_affected_version_is_affected() {
    let events = [("introduced", "1"), ("last_affected", "2")];
    let check = |version: &str| affected_by(Ecosystem::Pypi, &events, version);
    let affected = Verdict::Affected { fixed_in: None };
    assert_eq!(check("2"), affected);
    assert_eq!(check("2.0"), affected);
    assert_eq!(check("2.0.1"), Verdict::Unaffected);
    assert_eq!(check("0.9"), Verdict::Unaffected);
}

#[test]
fn a_version_without_an_order_is_undecidable_not_fine() {
    let events = [("introduced", "0"), ("fixed", "1.0.0")];
    assert_eq!(
        affected_by(Ecosystem::Golang, &events, "(devel)"),
        Verdict::Undecidable
    );
    // What affects every version affects this one, too.
    let all = affected_by(Ecosystem::Golang, &[("introduced", "0")], "(devel)");
    assert_eq!(all, Verdict::Affected { fixed_in: None });
    let mut listed = ranged(&[]);
    listed.versions.push("1.0".into());
    assert_eq!(
        check(Ecosystem::Pypi, &listed, "1.0.0"),
        Verdict::Affected { fixed_in: None }
    );
    assert_eq!(
        check(Ecosystem::Pypi, &listed, "1.0.1"),
        Verdict::Unaffected
    );
}

fn component(purl: &str) -> Component {
    let purl = Purl::parse(purl).unwrap();
    Component {
        ecosystem: Ecosystem::of_purl_type(purl.kind()),
        name: purl.full_name(),
        version: purl.version().map(str::to_owned),
        origin: Origin::Image,
        release: purl.qualifier("distro").map(str::to_owned),
        source: None,
        licenses: Vec::new(),
        digests: Vec::new(),
        found_in: Vec::new(),
        part_of: None,
        purl: Some(purl),
    }
}

fn scan_of(database: &Database, components: Vec<Component>) -> ScanReport {
    let inventory = Inventory {
        components,
        ..Inventory::default()
    };
    let now = "2026-11-21T10:00:00Z".parse().unwrap();
    scan(database, &inventory, now).unwrap()
}

fn ids(report: &ScanReport) -> Vec<&str> {
    report
        .findings
        .iter()
        .map(|m| m.finding.id.as_str())
        .collect()
}

#[test]
fn names_of_one_weakness_are_one_finding() {
    let events = |fixed| ranged(&[("introduced", "0"), ("fixed", fixed)]);
    let database = database(&[
        (
            "pypi",
            "x",
            &advisory("GHSA-1", &["CVE-1"], Severity::Critical),
            events("1.1"),
        ),
        (
            "pypi",
            "x",
            &advisory("PYSEC-1", &["CVE-1"], Severity::Low),
            events("1.2"),
        ),
        (
            "pypi",
            "x",
            &advisory("PYSEC-2", &["CVE-2"], Severity::Low),
            events("1.3"),
        ),
    ]);
    let report = scan_of(&database, vec![component("pkg:pypi/X@1.0")]);
    assert_eq!(ids(&report), ["PYSEC-1", "PYSEC-2"]);
    let first = &report.findings[0].finding;
    assert_eq!(first.aliases, ["CVE-1", "GHSA-1"]);
    assert_eq!(
        (first.severity, first.fixed_in.as_deref()),
        (Severity::Critical, Some("1.2"))
    );
    assert_eq!(first.title, "x 1.0: vulnerability, fixed in 1.2");
}

#[test]
fn an_ecosystem_without_data_is_not_covered() {
    let one = advisory("RUSTSEC-1", &[], Severity::High);
    let database = database(&[("cargo", "bad", &one, ranged(&[("introduced", "0")]))]);
    let mut unpublished = component("pkg:cargo/ours@0.1.0");
    unpublished.purl = None;
    let report = scan_of(
        &database,
        vec![
            component("pkg:cargo/good@1.0.0"),
            component("pkg:npm/left-pad@1.0.0"),
            component("pkg:maven/org.example/x@1"),
            component("pkg:deb/debian/bash@5?distro=debian-12"),
            unpublished,
        ],
    );
    let seen: Vec<_> = report
        .coverage
        .iter()
        .map(|c| (c.name(), c.components, c.covered))
        .collect();
    let expected = [
        ("cargo".to_owned(), 1, true),
        ("deb/debian-12".to_owned(), 1, false),
        ("maven".to_owned(), 1, false),
        ("npm".to_owned(), 1, false),
    ];
    assert_eq!(seen, expected);
    assert!(report.findings.is_empty() && !report.is_covered());
    let summary = report.summary();
    assert!(
        summary.contains("covers cargo, no data for deb/debian-12, maven, npm"),
        "{summary}"
    );
}

#[test]
fn an_empty_inventory_covers_nothing() {
    let report = scan_of(&database(&[]), Vec::new());
    assert!(!report.is_covered());
}

#[test]
fn distributions_are_matched_by_source_package_and_version() {
    let fixed = advisory("DSA-1", &["CVE-1"], Severity::Unknown);
    let database = database(&[(
        "deb/debian-11",
        "openssl",
        &fixed,
        ranged(&[("introduced", "0"), ("fixed", "1.1.1n-0+deb11u4")]),
    )]);
    let installed = |binary: &str, source_version: &str| {
        let mut component = component(&format!(
            "pkg:deb/debian/libssl1.1@{binary}?distro=debian-11"
        ));
        component.name = "libssl1.1".into();
        component.source = Some(SourcePackage {
            name: "openssl".into(),
            version: source_version.into(),
        });
        component
    };
    let old = scan_of(&database, vec![installed("9:1", "1.1.1n-0+deb11u3")]);
    assert_eq!(ids(&old), ["DSA-1"]);
    let mended = scan_of(&database, vec![installed("0:1", "1.1.1n-0+deb11u4")]);
    assert!(mended.findings.is_empty() && mended.is_covered());
}

/// syft's "ownership by file overlap": Debian's python3-six is not PyPI's six.
#[test]
fn what_a_distribution_brought_is_not_held_against_upstream() {
    let one = advisory("PYSEC-1", &[], Severity::High);
    let database = database(&[("pypi", "six", &one, ranged(&[("introduced", "0")]))]);
    let mut six = component("pkg:pypi/six@1.16.0");
    six.part_of = Some(Purl::parse("pkg:deb/debian/python3-six@1.16.0-4").unwrap());
    let report = scan_of(&database, vec![six]);
    assert!(report.findings.is_empty() && report.coverage.is_empty());
    let own = scan_of(&database, vec![component("pkg:pypi/six@1.16.0")]);
    assert_eq!(ids(&own), ["PYSEC-1"]);
}

#[test]
fn an_undecidable_version_is_a_finding_that_says_so() {
    let one = advisory("GO-1", &[], Severity::High);
    let database = database(&[(
        "golang",
        "x.example/y",
        &one,
        ranged(&[("introduced", "0"), ("fixed", "1.0.0")]),
    )]);
    let report = scan_of(&database, vec![component("pkg:golang/x.example/y@unknown")]);
    assert!(!report.findings[0].decided);
    assert!(
        report.findings[0]
            .finding
            .title
            .contains("cannot be ordered")
    );
}

#[test]
fn the_embedded_database_knows_real_weaknesses() {
    let database = Database::embedded().unwrap();
    let report = scan_of(
        &database,
        vec![
            component("pkg:cargo/time@0.1.43"),
            component("pkg:cargo/itoa@1.0.1"),
            component("pkg:golang/golang.org/x/text@v0.3.6"),
            component("pkg:golang/stdlib@1.20.1"),
            component("pkg:pypi/Django@3.2.0"),
        ],
    );
    let of = |name: &str| report.findings.iter().filter(|m| m.name == name).count();
    assert!(of("time") >= 1 && of("golang.org/x/text") >= 1 && of("django") >= 10);
    assert!(of("stdlib") >= 10, "{}", of("stdlib"));
    assert_eq!(of("itoa"), 0);
    let ids = ids(&report);
    assert!(ids.contains(&"RUSTSEC-2020-0071"), "{ids:?}");
}

/// The whole way: lock file, inventory, document of either kind, scan.
#[test]
fn a_scan_of_the_document_says_the_same_as_one_of_the_inventory() {
    use bulla_inventory::{catalog_lock_file, sbom};
    let lock = b"[[package]]\nname = \"time\"\nversion = \"0.1.43\"\n\
        source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
    let inventory = catalog_lock_file("Cargo.lock", lock).unwrap();
    let database = Database::embedded().unwrap();
    let now = "2026-11-21T10:00:00Z".parse().unwrap();
    let about = sbom::About {
        name: "x".into(),
        digest: bulla_core::Digest::sha256(b"x"),
        kind: sbom::SubjectKind::Image,
        created: now,
    };
    let direct = scan(&database, &inventory, now).unwrap();
    assert!(!direct.findings.is_empty());
    for render in [sbom::cyclonedx16::render, sbom::spdx23::render] {
        let document = sbom::to_bytes(&render(&inventory, &about)).unwrap();
        let read = sbom::read(&document).unwrap();
        assert_eq!(scan(&database, &read, now).unwrap(), direct);
    }
}

proptest! {
    /// The walk says the same as the definition: affected exactly between an
    /// introduction and the next fix.
    #[test]
    fn the_walk_agrees_with_intervals(mut points in prop::collection::btree_set(0u32..40, 1..6), version in 0u32..45) {
        let sorted: Vec<u32> = std::mem::take(&mut points).into_iter().collect();
        let names: Vec<String> = sorted.iter().map(|p| format!("1.{p}.0")).collect();
        let mut events: Vec<(&str, &str)> = names
            .iter()
            .enumerate()
            .map(|(at, name)| (if at % 2 == 0 { "introduced" } else { "fixed" }, name.as_str()))
            .collect();
        events.reverse();
        let inside = sorted.chunks(2).any(|pair| version >= pair[0] && pair.get(1).is_none_or(|end| version < *end));
        let verdict = affected_by(Ecosystem::Npm, &events, &format!("1.{version}.0"));
        prop_assert_eq!(matches!(verdict, Verdict::Affected { .. }), inside);
    }
}
