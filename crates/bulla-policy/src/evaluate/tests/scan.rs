use super::*;

fn scanned(edit: impl FnOnce(&mut Value)) -> Verified<Statement> {
    let mut predicate = scan();
    edit(&mut predicate);
    said(&service("scanner"), types::VULNS_V02, "11:00", predicate)
}

fn edited(edit: impl FnOnce(&mut Value)) -> Decision {
    decide(
        &default_policy(),
        with(types::VULNS_V02, vec![scanned(edit)]),
    )
}

fn finding(id: &str, score: Value) -> Value {
    json!({"id": id, "severity": [{"method": "bulla", "score": score}],
           "annotations": [{"purl": "pkg:cargo/foo@1.2.3", "fixedIn": "1.2.4", "aliases": ["CVE-2026-0001"]}]})
}

#[test]
fn the_gate_is_at_the_stated_severity() {
    for (score, outcome, code) in [
        (json!("critical"), Outcome::Deny, code::FINDING),
        (json!("9.8"), Outcome::Deny, code::FINDING),
        (json!(9.8), Outcome::Deny, code::FINDING),
        (json!("high"), Outcome::Allow, code::SATISFIED),
        (json!("moderate"), Outcome::Allow, code::SATISFIED),
        (json!("unknown"), Outcome::Warn, code::FINDING),
        (json!("dreadful"), Outcome::Deny, code::PREDICATE),
        (json!(11), Outcome::Deny, code::PREDICATE),
        (Value::Null, Outcome::Deny, code::PREDICATE),
    ] {
        let decision = edited(|p| {
            p["scanner"]["result"] = json!([finding("RUSTSEC-2026-0101", score.clone())])
        });
        let (got, got_code, text) = rule(&decision, "no-critical-finding");
        assert_eq!((got, got_code), (outcome, code), "{score} {text}");
    }
}

#[test]
fn a_denied_finding_names_what_mends_it() {
    let decision = edited(|p| {
        p["scanner"]["result"] = json!([finding("RUSTSEC-2026-0101", json!("critical"))])
    });
    let text = rule(&decision, "no-critical-finding").2;
    assert_eq!(
        text,
        "RUSTSEC-2026-0101 in pkg:cargo/foo@1.2.3 is critical, the gate is critical; 1.2.4 mends it"
    );
}

#[test]
fn the_worst_finding_is_told_first_and_many_are_counted() {
    let decision = edited(|p| {
        let mut all: Vec<_> = (0..50)
            .map(|i| finding(&format!("X-{i}"), json!("unknown")))
            .collect();
        all.push(finding("WORST", json!("critical")));
        p["scanner"]["result"] = json!(all);
    });
    let result = decision
        .rules
        .iter()
        .find(|r| r.rule == "no-critical-finding")
        .unwrap();
    assert!(
        result.reasons[0].text.starts_with("WORST"),
        "{:?}",
        result.reasons
    );
    assert!(result.reasons.last().unwrap().text.contains("31 more"));
}

#[test]
fn a_scan_without_a_result_is_not_a_clean_scan() {
    for edit in [
        (|p: &mut Value| p["scanner"]["result"] = Value::Null) as fn(&mut Value),
        |p| {
            p["scanner"].as_object_mut().unwrap().remove("result");
        },
        |p| p["scanner"]["result"] = json!("none"),
    ] {
        let decision = edited(edit);
        assert_eq!(rule(&decision, "no-critical-finding").1, code::PREDICATE);
        assert_eq!(decision.outcome, Outcome::Deny);
    }
}

/// Whoever runs the scanner cannot clear a finding for it.
#[test]
fn what_the_scanner_passed_over_is_found_all_the_same() {
    let scan = || {
        let hidden = finding("RUSTSEC-2026-0101", json!("critical"));
        scanned(|p| p["suppressed"] = json!([hidden]))
    };
    let decision = decide(&default_policy(), with(types::VULNS_V02, vec![scan()]));
    assert_eq!(rule(&decision, "no-critical-finding").0, Outcome::Deny);
    let because = json!({"justification": "component_not_present"});
    let vex = vex(
        "not_affected",
        because,
        json!({"@id": "pkg:cargo/foo@1.2.3"}),
    );
    let mut all = with(types::VULNS_V02, vec![scan()]);
    all.push(said(&dana(), types::OPENVEX, "11:45", vex));
    assert_eq!(
        rule(&decide(&default_policy(), all), "no-critical-finding").0,
        Outcome::Warn
    );
}

#[test]
fn the_newest_scan_counts_in_whatever_order_they_come() {
    let at = |time: &str, result: Value| {
        let mut predicate = scan();
        predicate["scanner"]["result"] = result;
        said(&service("scanner"), types::VULNS_V02, time, predicate)
    };
    let clean = || json!([]);
    let bad = || json!([finding("A", json!("critical"))]);
    for (scans, allowed) in [
        (vec![at("11:00", clean()), at("11:30", bad())], false),
        (vec![at("11:30", bad()), at("11:00", clean())], false),
        (vec![at("11:00", bad()), at("11:30", clean())], true),
    ] {
        let decision = decide(&default_policy(), with(types::VULNS_V02, scans));
        assert_eq!(decision.outcome.is_allowed(), allowed);
    }
}

#[test]
fn coverage_must_be_stated_and_whole() {
    let entry = |ecosystem: &str, components: u64, covered: bool| json!({"ecosystem": ecosystem, "components": components, "covered": covered});
    for (coverage, outcome) in [
        (json!([entry("cargo", 15, true)]), Outcome::Allow),
        (
            json!([entry("cargo", 15, true), entry("npm", 0, false)]),
            Outcome::Allow,
        ),
        (
            json!([entry("cargo", 15, true), entry("npm", 2, false)]),
            Outcome::NoEvidence,
        ),
        (json!([entry("npm", 2, false)]), Outcome::NoEvidence),
        (json!([]), Outcome::Warn),
        (Value::Null, Outcome::NoEvidence),
        (json!([{"ecosystem": "cargo"}]), Outcome::Deny),
        (json!({"cargo": true}), Outcome::Deny),
    ] {
        let decision = edited(|p| p["coverage"] = coverage.clone());
        assert_eq!(rule(&decision, "scan-coverage").0, outcome, "{coverage}");
    }
}

#[test]
fn an_ecosystem_without_data_needs_its_own_allowance() {
    let lenient = policy(
        "    - name: coverage\n      coverage: {authorities: [instance/scanner], allowWithoutData: [npm]}\n",
    );
    for (ecosystem, outcome) in [
        ("npm", Outcome::Warn),
        ("pypi", Outcome::NoEvidence),
        ("NPM", Outcome::NoEvidence),
    ] {
        let attestation = scanned(|p| {
            p["coverage"] = json!([{"ecosystem": ecosystem, "components": 2, "covered": false}])
        });
        assert_eq!(
            decide(&lenient, vec![attestation]).outcome,
            outcome,
            "{ecosystem}"
        );
    }
}

#[test]
fn the_age_of_the_data_counts() {
    let strict = policy(
        "    - name: coverage\n      coverage: {authorities: [instance/scanner], warnDatabaseAge: 7d, maxDatabaseAge: 30d}\n",
    );
    for (date, outcome) in [
        (json!("2026-11-20T00:00:00Z"), Outcome::Allow),
        (json!("2026-11-22T00:00:00Z"), Outcome::Allow),
        (json!("2026-11-10T00:00:00Z"), Outcome::Warn),
        (json!("2026-10-01T00:00:00Z"), Outcome::Deny),
        (json!("2026-12-21T00:00:00Z"), Outcome::Deny),
        (json!("yesterday"), Outcome::Deny),
        (Value::Null, Outcome::Deny),
    ] {
        let attestation = scanned(|p| p["scanner"]["db"]["lastUpdate"] = date.clone());
        assert_eq!(
            decide(&strict, vec![attestation]).outcome,
            outcome,
            "{date}"
        );
    }
}

#[test]
fn an_inventory_is_a_document_of_an_accepted_format() {
    let spdx = json!({"spdxVersion": "SPDX-2.3", "packages": [{"name": "hello"}]});
    for (kind, predicate, outcome) in [
        (types::CYCLONEDX, bom(), Outcome::Allow),
        (types::SPDX, spdx.clone(), Outcome::Allow),
        (types::SPDX, bom(), Outcome::Deny),
        (types::CYCLONEDX, spdx, Outcome::Deny),
        (
            types::SPDX,
            json!({"spdxVersion": "SPDX-2.3", "packages": []}),
            Outcome::Deny,
        ),
        (types::CYCLONEDX, json!({}), Outcome::Deny),
        (types::CYCLONEDX, Value::Null, Outcome::Deny),
        (types::COSIGN_SIGN_V1, bom(), Outcome::NoEvidence),
    ] {
        let all = with(
            types::CYCLONEDX,
            vec![said(&service("scanner"), kind, "11:30", predicate.clone())],
        );
        let decision = decide(&default_policy(), all);
        assert_eq!(
            rule(&decision, "sbom-present").0,
            outcome,
            "{kind} {predicate}"
        );
    }
    let by_dana = with(
        types::CYCLONEDX,
        vec![said(&dana(), types::CYCLONEDX, "11:30", bom())],
    );
    assert_eq!(
        rule(&decide(&default_policy(), by_dana), "sbom-present").1,
        code::SIGNER
    );
}

fn vex(status: &str, extra: Value, product: Value) -> Value {
    let mut statement = json!({
        "vulnerability": {"name": "CVE-2026-0001"},
        "products": [product],
        "status": status,
    });
    for (key, value) in extra.as_object().unwrap() {
        statement[key] = value.clone();
    }
    json!({"@context": "https://openvex.dev/ns/v0.2.0", "timestamp": "2026-11-20T10:00:00Z", "statements": [statement]})
}

#[test]
fn vex_clears_only_with_a_reason_the_right_product_and_the_right_signer() {
    let because = json!({"justification": "vulnerable_code_not_in_execute_path"});
    let oci = |hex: &str| json!({"@id": format!("pkg:oci/hello@sha256%3A{hex}?repository_url=x")});
    let (own, other) = (image(), Digest::sha256(b"other"));
    let purl = json!({"@id": "pkg:cargo/foo@1.2.3"});
    let cases = [
        (
            dana(),
            vex("not_affected", because.clone(), oci(own.hex())),
            true,
        ),
        (
            dana(),
            vex("not_affected", because.clone(), purl.clone()),
            true,
        ),
        (
            dana(),
            vex(
                "not_affected",
                because.clone(),
                json!({"hashes": {"sha-256": own.hex()}}),
            ),
            true,
        ),
        (
            dana(),
            vex(
                "not_affected",
                because.clone(),
                json!({"hashes": {"sha-256": own.hex()}, "subcomponents": [purl]}),
            ),
            true,
        ),
        (
            dana(),
            vex(
                "not_affected",
                because.clone(),
                json!({"hashes": {"sha-256": own.hex()}, "subcomponents": [{"@id": "pkg:cargo/bar@1"}]}),
            ),
            false,
        ),
        (
            dana(),
            vex("not_affected", because.clone(), oci(other.hex())),
            false,
        ),
        (
            dana(),
            vex("not_affected", json!({}), oci(own.hex())),
            false,
        ),
        (
            dana(),
            vex(
                "not_affected",
                json!({"justification": " "}),
                oci(own.hex()),
            ),
            false,
        ),
        (
            dana(),
            vex("affected", because.clone(), oci(own.hex())),
            false,
        ),
        (dana(), vex("fixed", because.clone(), oci(own.hex())), false),
        (
            service("scanner"),
            vex("not_affected", because.clone(), oci(own.hex())),
            false,
        ),
        (dana(), json!({"statements": "none"}), false),
    ];
    for (who, document, cleared) in cases {
        let mut all = with(
            types::VULNS_V02,
            vec![scanned(|p| {
                p["scanner"]["result"] = json!([finding("RUSTSEC-2026-0101", json!("critical"))])
            })],
        );
        all.push(said(&who, types::OPENVEX, "11:45", document.clone()));
        let decision = decide(&default_policy(), all);
        let (outcome, _, text) = rule(&decision, "no-critical-finding");
        let expected = if cleared {
            Outcome::Warn
        } else {
            Outcome::Deny
        };
        assert_eq!(outcome, expected, "{text} {document}");
    }
}

#[test]
fn a_later_statement_takes_a_clearance_back() {
    let because =
        json!({"justification": "component_not_present", "timestamp": "2026-11-20T10:00:00Z"});
    let later = json!({"timestamp": "2026-11-20T12:00:00Z"});
    let product = json!({"@id": "pkg:cargo/foo@1.2.3"});
    for (first, second, outcome) in [
        (
            vex("not_affected", because.clone(), product.clone()),
            vex("affected", later.clone(), product.clone()),
            Outcome::Deny,
        ),
        (
            vex("affected", later, product.clone()),
            vex("not_affected", because.clone(), product.clone()),
            Outcome::Deny,
        ),
        (
            vex("not_affected", because.clone(), product.clone()),
            vex("affected", json!({}), product.clone()),
            Outcome::Deny,
        ),
        (
            vex("not_affected", because.clone(), product.clone()),
            vex(
                "under_investigation",
                json!({"timestamp": "2026-11-19T00:00:00Z"}),
                product.clone(),
            ),
            Outcome::Warn,
        ),
    ] {
        let mut all = with(
            types::VULNS_V02,
            vec![scanned(|p| {
                p["scanner"]["result"] = json!([finding("A", json!("critical"))])
            })],
        );
        all.push(said(&dana(), types::OPENVEX, "11:45", first));
        all.push(said(&dana(), types::OPENVEX, "11:46", second));
        assert_eq!(
            rule(&decide(&default_policy(), all), "no-critical-finding").0,
            outcome
        );
    }
}

#[test]
fn within_one_document_the_newest_statement_counts() {
    let product = || json!({"@id": "pkg:cargo/foo@1.2.3"});
    let statement = |status: &str, time: &str| {
        json!({"vulnerability": {"name": "A"}, "products": [product()], "status": status,
               "timestamp": time, "justification": "component_not_present"})
    };
    let (early, late) = ("2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z");
    for (statements, outcome) in [
        (
            [
                statement("not_affected", early),
                statement("affected", late),
            ],
            Outcome::Deny,
        ),
        (
            [
                statement("affected", late),
                statement("not_affected", early),
            ],
            Outcome::Deny,
        ),
        (
            [
                statement("affected", early),
                statement("not_affected", late),
            ],
            Outcome::Warn,
        ),
        (
            [statement("not_affected", late), statement("affected", late)],
            Outcome::Deny,
        ),
        (
            [statement("affected", late), statement("not_affected", late)],
            Outcome::Deny,
        ),
    ] {
        let mut all = with(
            types::VULNS_V02,
            vec![scanned(|p| {
                p["scanner"]["result"] = json!([finding("A", json!("critical"))])
            })],
        );
        let document = json!({"timestamp": early, "statements": statements});
        all.push(said(&dana(), types::OPENVEX, "11:45", document));
        assert_eq!(
            rule(&decide(&default_policy(), all), "no-critical-finding").0,
            outcome
        );
    }
}
