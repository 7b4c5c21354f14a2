//! `cosign trusted-root create`: a `trusted_root.json` from keys and chains.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::Digest;
use bulla_crypto::{
    PublicKey,
    x509::{Certificate, parse_pem_chain},
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;

use super::{failure::Failure, given::Given, material, say, spec::Spec};

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
const CHAIN_KEYS: [&str; 4] = ["url", "certificate-chain", "start-time", "end-time"];
const LOG_KEYS: [&str; 5] = ["url", "public-key", "start-time", "end-time", "origin"];

/// Flag, flag that leaves the default out, field.
const KINDS: [(&str, &str, &str); 4] = [
    ("rekor", "no-default-rekor", "tlogs"),
    ("fulcio", "no-default-fulcio", "certificateAuthorities"),
    ("ctfe", "no-default-ctfe", "ctlogs"),
    ("tsa", "no-default-tsa", "timestampAuthorities"),
];

/// Runs it.
///
/// # Errors
/// If a flag cannot be read, or names a file that is not what it should be.
pub fn create(given: &Given) -> Result<(), Failure> {
    let mut document = Map::new();
    document.insert("mediaType".into(), MEDIA_TYPE.into());
    let default: Value = if given.on("with-default-services") {
        serde_json::from_str(SIGSTORE_PRODUCTION_TRUSTED_ROOT)
            .map_err(|error| Failure::new(format!("getting default trusted root: {error}")))?
    } else {
        Value::Null
    };
    for (flag, without, field) in KINDS {
        let mut list = match default.get(field).and_then(Value::as_array) {
            Some(list) if !given.on(without) => list.clone(),
            _ => Vec::new(),
        };
        let old = old_specs(given, flag)?;
        if !old.is_empty() && !given.all(flag).is_empty() {
            return Err(Failure::coded(
                "CLI-0424",
                format!("cannot use --{flag} and old {flag} flags at the same time"),
            ));
        }
        let new = given
            .all(flag)
            .into_iter()
            .map(|text| (text.to_owned(), true));
        for (text, is_new) in new.chain(old.into_iter().map(|text| (text, false))) {
            let keys: &[&str] = match flag {
                "fulcio" | "tsa" => &CHAIN_KEYS,
                _ => &LOG_KEYS,
            };
            if is_new {
                Spec::parse(flag, &text, keys)?.need("url")?;
            }
            let entry = match flag {
                "fulcio" | "tsa" => chain(flag, &text, is_new)?,
                _ => log(flag, &text)?,
            };
            list.push(entry);
        }
        if !list.is_empty() {
            document.insert(field.into(), list.into());
        }
    }
    say::document(given, &Value::Object(document))
}

/// The deprecated flags, one for each part, as the descriptions they stand for.
fn old_specs(given: &Given, flag: &'static str) -> Result<Vec<String>, Failure> {
    let (what, url, times): (&str, &str, Option<(&str, &str)>) = match flag {
        "fulcio" => ("certificate-chain", "fulcio-uri", None),
        "tsa" => ("timestamp-certificate-chain", "timestamp-uri", None),
        "rekor" => (
            "rekor-key",
            "rekor-url",
            Some(("rekor-start-time", "rekor-end-time")),
        ),
        _ => (
            "ctfe-key",
            "ctfe-url",
            Some(("ctfe-start-time", "ctfe-end-time")),
        ),
    };
    let mut specs = Vec::new();
    for (at, file) in given.all(what).into_iter().enumerate() {
        let part = |name: &str| given.all(name).get(at).map(|value| (*value).to_owned());
        let (file, origin) = match file.split_once(',') {
            Some((file, origin)) if flag == "rekor" => (file, Some(origin.to_owned())),
            _ => (file, None),
        };
        let key = if times.is_some() {
            "public-key"
        } else {
            "certificate-chain"
        };
        let mut spec = format!("{key}={file}");
        let (start, end) = match times {
            Some((start, end)) => (
                Some(part(start).unwrap_or_else(|| "1970-01-01T00:00:00Z".into())),
                part(end),
            ),
            None => (None, None),
        };
        for (key, value) in [
            ("url", part(url)),
            ("origin", origin),
            ("start-time", start),
            ("end-time", end),
        ] {
            if let Some(value) = value {
                if value.contains(',') {
                    return Err(Failure::coded("CLI-0420", format!("{value:?} has a comma")));
                }
                spec.push_str(&format!(",{key}={value}"));
            }
        }
        specs.push(spec);
    }
    Ok(specs)
}

/// What is not said begins with the root; of an authority named by `--tsa`, with
/// the certificate that signs.
fn chain(flag: &'static str, text: &str, is_new: bool) -> Result<Value, Failure> {
    let spec = Spec::parse(flag, text, &CHAIN_KEYS)?;
    let path = spec.need("certificate-chain")?;
    let certificates = parse_pem_chain(&material::small(path, "certificate chain")?)
        .map_err(|error| Failure::from_error(path, &error))?;
    let (Some(first), Some(root)) = (certificates.first(), certificates.last()) else {
        return Err(spec.wrong(&format!("no certificates in file {path}")));
    };
    if flag == "tsa" && (certificates.len() < 2 || first.der() == root.der()) {
        return Err(spec.wrong("the chain must hold the leaf first and its CA after it"));
    }
    let raw = certificates
        .iter()
        .map(|one| json!({"rawBytes": STANDARD.encode(one.der())}))
        .collect::<Vec<_>>();
    let mut entry = Map::new();
    entry.insert("subject".into(), subject(root));
    if let Some(url) = spec.get("url") {
        entry.insert("uri".into(), url.into());
    }
    entry.insert("certChain".into(), json!({"certificates": raw}));
    let oldest = if flag == "tsa" && is_new { first } else { root };
    let valid = spec.valid_for(Some(not_before(oldest)?))?;
    entry.insert("validFor".into(), valid);
    Ok(entry.into())
}

fn log(flag: &'static str, text: &str) -> Result<Value, Failure> {
    let spec = Spec::parse(flag, text, &LOG_KEYS)?;
    let path = spec.need("public-key")?;
    let pem = material::small(path, "public key")?;
    let key = PublicKey::from_pem(&String::from_utf8_lossy(&pem))
        .map_err(|error| Failure::from_error(path, &error))?;
    let details = key.scheme().sigstore_name();
    let id = match spec.get("origin") {
        None => Digest::sha256(key.spki_der()),
        // A checkpoint's signer is named by the origin and the raw key.
        Some(origin) if details == "PKIX_ED25519" => {
            let raw = key.spki_der().get(12..).unwrap_or_default();
            Digest::sha256(&[origin.as_bytes(), b"\n\x01", raw].concat())
        }
        Some(_) if details.starts_with("PKIX_ECDSA") => Digest::sha256(key.spki_der()),
        Some(_) => return Err(spec.wrong("a log with an origin has an Ed25519 or ECDSA key")),
    };
    let mut entry = Map::new();
    if let Some(url) = spec.get("url") {
        entry.insert("baseUrl".into(), url.into());
    }
    entry.insert("hashAlgorithm".into(), "SHA2_256".into());
    entry.insert(
        "publicKey".into(),
        json!({
            "rawBytes": STANDARD.encode(key.spki_der()), "keyDetails": details,
            "validFor": spec.valid_for(None)?,
        }),
    );
    entry.insert(
        "logId".into(),
        json!({"keyId": STANDARD.encode(id.bytes())}),
    );
    Ok(entry.into())
}

/// Organization and common name of a CA.
fn subject(certificate: &Certificate) -> Value {
    let mut subject = Map::new();
    let names = certificate.subject().0.iter().flat_map(|set| set.0.iter());
    for attribute in names {
        let field = match attribute.oid.to_string().as_str() {
            "2.5.4.10" => "organization",
            "2.5.4.3" => "commonName",
            _ => continue,
        };
        let value = String::from_utf8_lossy(attribute.value.value()).into_owned();
        subject.insert(field.into(), value.into());
    }
    subject.into()
}

fn not_before(certificate: &Certificate) -> Result<Timestamp, Failure> {
    let time = certificate.parsed().tbs_certificate.validity.not_before;
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds)
        .map_err(|error| Failure::new(format!("a certificate's first day cannot be read: {error}")))
}
