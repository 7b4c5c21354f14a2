use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::root::SigningConfig;

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn service(url: &str, version: u32, since: &str, operator: &str) -> Value {
    json!({"url": url, "majorApiVersion": version, "operator": operator,
        "validFor": {"start": format!("{since}T00:00:00Z")}})
}

/// A config with these logs, one authority and one stamper.
fn with_logs(logs: Value, selection: Value) -> Value {
    json!({
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": [service("https://ca.example/", 1, "2025-01-01", "o")],
        "oidcUrls": [],
        "rekorTlogUrls": logs,
        "rekorTlogConfig": selection,
        "tsaUrls": [service("https://tsa.example/ts", 1, "2025-01-01", "o")],
        "tsaConfig": {"selector": "ANY"},
    })
}

fn parse(document: &Value) -> Result<SigningConfig, RootError> {
    SigningConfig::parse(document.to_string().as_bytes())
}

fn logs(document: &Value, choice: LogChoice) -> Result<Vec<(String, u32)>, RootError> {
    let services = parse(document)?.services(now(), choice)?;
    Ok(services
        .logs
        .into_iter()
        .map(|log| (log.url, log.api.number()))
        .collect())
}

fn found(url: &str, version: u32) -> (String, u32) {
    (url.into(), version)
}

fn mixed() -> Value {
    json!([
        service("https://old.example", 1, "2020-01-01", "a"),
        service("https://a2024.example", 2, "2024-01-01", "a"),
        service("https://a2025.example", 2, "2025-01-01", "a"),
        service("https://later.example", 2, "2027-01-01", "a"),
        service("https://b.example", 2, "2023-01-01", "b"),
        service("https://future.example", 3, "2020-01-01", "c"),
    ])
}

#[test]
fn the_newest_of_the_highest_version_is_taken() {
    let any = with_logs(mixed(), json!({"selector": "ANY"}));
    let a2025 = found("https://a2025.example", 2);
    assert_eq!(
        logs(&any, LogChoice::Newest).unwrap(),
        std::slice::from_ref(&a2025)
    );
    assert_eq!(
        logs(&any, LogChoice::V2).unwrap(),
        std::slice::from_ref(&a2025)
    );
    let old = found("https://old.example", 1);
    assert_eq!(logs(&any, LogChoice::V1).unwrap(), [old]);
    assert_eq!(logs(&any, LogChoice::None).unwrap(), []);
    let services = parse(&any)
        .unwrap()
        .services(now(), LogChoice::Newest)
        .unwrap();
    assert_eq!(services.ca().unwrap(), "https://ca.example");
    assert_eq!(services.tsas, ["https://tsa.example/ts"]);
    assert_eq!(services.oidc, None);
}

#[test]
fn several_are_of_distinct_operators_and_one_version() {
    let both = [
        found("https://a2025.example", 2),
        found("https://b.example", 2),
    ];
    let choose = |selection: Value| logs(&with_logs(mixed(), selection), LogChoice::Newest);
    assert_eq!(choose(json!({"selector": "ALL"})).unwrap(), both);
    let exact = |count: u32| choose(json!({"selector": "EXACT", "count": count}));
    assert_eq!(exact(2).unwrap(), both);
    assert_eq!(exact(1).unwrap(), both[..1]);
    for count in [0, 3] {
        let error = exact(count).unwrap_err();
        assert!(matches!(error, RootError::TooFewServices { .. }), "{error}");
    }
    assert!(choose(json!({"selector": "EXACT"})).is_err());
}

#[test]
fn a_kind_that_is_named_in_vain_is_an_error() {
    let any = || json!({"selector": "ANY"});
    let later = json!([service("https://later.example", 2, "2027-01-01", "a")]);
    let ended = json!([{"url": "https://e.example", "majorApiVersion": 2, "validFor":
        {"start": "2020-01-01T00:00:00Z", "end": "2025-12-31T23:59:59Z"}}]);
    let unknown = json!([service("https://f.example", 3, "2020-01-01", "a")]);
    let versionless = json!([{"url": "https://v.example"}]);
    for offer in [later, ended, unknown, versionless] {
        let error = logs(&with_logs(offer, any()), LogChoice::Newest).unwrap_err();
        assert!(matches!(error, RootError::NoService { .. }), "{error}");
    }
    // Named not at all: not used.
    let none = with_logs(json!([]), any());
    assert_eq!(logs(&none, LogChoice::Newest).unwrap(), []);
    let mut keys_only = none.clone();
    keys_only["caUrls"] = json!([]);
    let services = parse(&keys_only).unwrap().services(now(), LogChoice::V2);
    assert!(services.unwrap().ca().is_err());
    // The last instant still counts.
    let last = json!([{"url": "https://e.example", "majorApiVersion": 2, "validFor":
        {"start": "2020-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}}]);
    logs(&with_logs(last, any()), LogChoice::Newest).unwrap();
}

#[test]
fn what_is_not_understood_is_refused() {
    let good = with_logs(mixed(), json!({"selector": "ANY"}));
    parse(&good).unwrap();
    for (path, value) in [
        ("/mediaType", json!("application/json")),
        ("/rekorTlogConfig", json!({"selector": "SOME"})),
        (
            "/rekorTlogConfig",
            json!({"selector": "SERVICE_SELECTOR_UNDEFINED"}),
        ),
        ("/tsaConfig", json!({"selector": "ANY", "weight": 2})),
        ("/caUrls/0/onlyFor", json!("docs")),
        ("/caUrls", json!(vec![json!({"url": "u"}); 65])),
        ("/only", json!(true)),
    ] {
        let mut bad = good.clone();
        let (parent, field) = path.rsplit_once('/').unwrap();
        bad.pointer_mut(parent).unwrap()[field] = value;
        assert!(parse(&bad).is_err(), "{path}");
    }
}

#[test]
fn the_public_instance_offers_both_logs() {
    let now = "2026-11-01T00:00:00Z".parse().unwrap();
    let config = SigningConfig::public_good().unwrap();
    let services = config.services(now, LogChoice::Newest).unwrap();
    assert_eq!(services.ca().unwrap(), "https://fulcio.sigstore.dev");
    assert_eq!(services.logs[0].url, "https://rekor.sigstore.dev");
    assert_eq!(services.logs[0].api, LogApi::V1);
    assert!(config.services(now, LogChoice::V2).is_err());
    let config = SigningConfig::public_good_v2().unwrap();
    let services = config.services(now, LogChoice::Newest).unwrap();
    assert_eq!(services.logs[0].url, "https://log2025-1.rekor.sigstore.dev");
    assert_eq!(services.logs[0].api, LogApi::V2);
    assert_eq!(
        services.tsas,
        ["https://timestamp.sigstore.dev/api/v1/timestamp"]
    );
}
