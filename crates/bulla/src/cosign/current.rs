//! Whether a certificate is valid now.
//!
//! Without a log and without `--use-signed-timestamps`, cosign knows no other
//! time. A timestamp in the bundle would prove one, but whoever did not ask for
//! timestamps is not given the benefit of one.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::limits;
use bulla_crypto::x509::{Certificate, parse_certificate, parse_pem_chain};
use jiff::Timestamp;
use serde_json::Value;

use super::failure::Failure;

/// Checks the signing certificate of a bundle.
///
/// # Errors
/// If it is not valid at `now`, or cannot be read.
pub fn of_bundle(bundle: &[u8], now: Timestamp) -> Result<(), Failure> {
    let parsed: Value = limits::parse_json(bundle, limits::BUNDLE_BYTES, "bundle")
        .map_err(|error| Failure::from_error("", &error))?;
    let places = [
        "/verificationMaterial/certificate/rawBytes",
        "/verificationMaterial/x509CertificateChain/certificates/0/rawBytes",
    ];
    let raw = places
        .iter()
        .find_map(|place| parsed.pointer(place)?.as_str());
    let der = raw.and_then(|raw| STANDARD.decode(raw).ok());
    let certificate = der.and_then(|der| parse_certificate(&der).ok());
    check(certificate.as_ref(), now)
}

/// Checks a certificate in PEM, leaf first.
///
/// # Errors
/// As [`of_bundle`].
pub fn of_pem(pem: Option<&String>, now: Timestamp) -> Result<(), Failure> {
    let chain = pem.and_then(|pem| parse_pem_chain(pem.as_bytes()).ok());
    check(chain.as_ref().and_then(|chain| chain.first()), now)
}

fn check(certificate: Option<&Certificate>, now: Timestamp) -> Result<(), Failure> {
    let validity = certificate.map(|one| &one.parsed().tbs_certificate.validity);
    let now = u64::try_from(now.as_second()).unwrap_or_default();
    let is_valid = validity.is_some_and(|validity| {
        let start = validity.not_before.to_unix_duration().as_secs();
        let end = validity.not_after.to_unix_duration().as_secs();
        (start..=end).contains(&now)
    });
    if is_valid {
        return Ok(());
    }
    Err(Failure::coded(
        "CLI-0444",
        "expected a signed timestamp to verify an expired certificate",
    )
    .hint("add --use-signed-timestamps, or leave out --insecure-ignore-tlog"))
}
