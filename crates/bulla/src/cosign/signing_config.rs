//! `cosign signing-config create`: a `signing_config.v0.2.json` from flags.

use serde_json::{Map, Value, json};
use sigstore_trust_root::SIGSTORE_PRODUCTION_SIGNING_CONFIG;

use super::{failure::Failure, given::Given, material, say, spec::Spec};

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";
const KEYS: [&str; 5] = ["url", "api-version", "start-time", "end-time", "operator"];

/// Flag, flag that leaves the default out, field, field of the selector.
const KINDS: [(&str, &str, &str, Option<&str>); 4] = [
    ("fulcio", "no-default-fulcio", "caUrls", None),
    ("oidc-provider", "no-default-oidc", "oidcUrls", None),
    (
        "rekor",
        "no-default-rekor",
        "rekorTlogUrls",
        Some("rekorTlogConfig"),
    ),
    ("tsa", "no-default-tsa", "tsaUrls", Some("tsaConfig")),
];

/// Runs it.
///
/// # Errors
/// If a flag cannot be read.
pub fn create(given: &Given) -> Result<(), Failure> {
    for (specs, config) in [("rekor", "rekor-config"), ("tsa", "tsa-config")] {
        if !given.all(specs).is_empty() && given.text(config).is_none() {
            return Err(Failure::coded(
                "CLI-0421",
                format!("--{config} must be provided when --{specs} is specified"),
            ));
        }
    }
    let mut document = Map::new();
    document.insert("mediaType".into(), MEDIA_TYPE.into());
    for field in ["rekorTlogConfig", "tsaConfig"] {
        document.insert(field.into(), json!({}));
    }
    if let Some(path) = given.text("base-config") {
        take(
            given,
            &mut document,
            &parse(&material::trust_document(path)?)?,
            true,
        );
    }
    if given.on("with-default-services") {
        if given.on("with-default-rekor-v2") {
            return Err(Failure::coded("CLI-0422", "--with-default-rekor-v2 is not supported: the services that speak it are not published with the default ones yet")
                .hint("name the log with --rekor url=…,api-version=2,…"));
        }
        let default = parse(SIGSTORE_PRODUCTION_SIGNING_CONFIG.as_bytes())?;
        take(given, &mut document, &default, false);
    }
    for (flag, _, field, selector) in KINDS {
        for text in given.all(flag) {
            let entry = service(flag, text)?;
            let list = document.entry(field).or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(entry);
            }
        }
        let config = format!("{flag}-config");
        if let Some(selector) = selector
            && let Some(text) = given.text(&config)
        {
            document.insert(selector.into(), choice(&config, text)?);
        }
    }
    say::document(given, &Value::Object(document))
}

/// Takes the services of another config, but for those left out. Services that
/// flags name stand instead of a base's, and beside the default ones.
fn take(given: &Given, document: &mut Map<String, Value>, from: &Value, instead: bool) {
    for (flag, without, field, selector) in KINDS {
        if given.on(without) || (instead && !given.all(flag).is_empty()) {
            continue;
        }
        let more = from
            .get(field)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        if !more.is_empty() {
            let list = document.entry(field).or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.extend(more);
            }
        }
        if let Some(field) = selector
            && let Some(value) = from.get(field)
        {
            document.insert(field.into(), value.clone());
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Value, Failure> {
    // Checked by the type that signs with it, then taken as it stands.
    bulla_trust::root::SigningConfig::parse(bytes)
        .map_err(|error| Failure::from_error("loading signing config", &error))?;
    serde_json::from_slice(bytes)
        .map_err(|error| Failure::new(format!("loading signing config: {error}")))
}

fn service(flag: &'static str, text: &str) -> Result<Value, Failure> {
    let spec = Spec::parse(flag, text, &KEYS)?;
    let version: u32 = spec
        .need("api-version")?
        .parse()
        .map_err(|_| spec.wrong("api-version is no number"))?;
    Ok(json!({
        "url": spec.need("url")?, "majorApiVersion": version,
        "validFor": spec.valid_for(None)?, "operator": spec.need("operator")?,
    }))
}

fn choice(flag: &str, text: &str) -> Result<Value, Failure> {
    let wrong = || {
        Failure::coded(
            "CLI-0423",
            format!("parsing {flag}: {text:?} is not ANY, ALL or EXACT:N"),
        )
    };
    let (mode, count) = match text.split_once(':') {
        Some((mode, count)) => (mode, Some(count.parse::<u32>().map_err(|_| wrong())?)),
        None => (text, None),
    };
    match (mode.to_ascii_uppercase().as_str(), count) {
        (mode @ ("ANY" | "ALL"), None) => Ok(json!({"selector": mode})),
        ("EXACT", Some(count)) => Ok(json!({"selector": "EXACT", "count": count})),
        _ => Err(wrong()),
    }
}
