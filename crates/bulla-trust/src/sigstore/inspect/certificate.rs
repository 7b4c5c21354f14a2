//! A certificate, described: whose, by whom, for when, what it claims.

use bulla_core::Digest;
use bulla_crypto::sct::parse_sct_list;
use jiff::Timestamp;
use serde::Serialize;
use x509_cert::{
    Certificate,
    der::{Decode, Encode, asn1::OctetStringRef, oid::ObjectIdentifier},
    ext::pkix::{SubjectAltName, name::GeneralName},
};

use super::super::identity::CertificateClaims;

/// The list of signed certificate timestamps (RFC 6962 §3.3).
const SCT_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");

/// A certificate.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateView {
    /// SHA-256 of its DER.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Who issued it.
    pub issuer: String,
    /// Its own name; empty for signers.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The names of its holder, as `email:…` or `uri:…`.
    pub names: Vec<String>,
    /// Its serial number, hex.
    pub serial: String,
    /// From when it is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Until when it is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// The algorithm of its key, as an object identifier.
    pub key_algorithm: String,
    /// SHA-256 of its key (DER SubjectPublicKeyInfo).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Digest>,
    /// What it says beside the name.
    #[serde(skip_serializing_if = "CertificateClaims::is_empty")]
    pub claims: CertificateClaims,
    /// Which logs promised to log it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scts: Vec<PromiseView>,
    /// Why it, or a part of it, cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// A log's promise to log a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PromiseView {
    /// The log, hex.
    pub log_id: String,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
}

impl CertificateView {
    pub(super) fn of(der: &[u8]) -> Self {
        let certificate = match Certificate::from_der(der) {
            Ok(certificate) => certificate,
            Err(error) => {
                return Self {
                    unreadable: Some(error.to_string()),
                    ..Self::default()
                };
            }
        };
        let tbs = &certificate.tbs_certificate;
        let time = |time: &x509_cert::time::Time| Timestamp::try_from(time.to_system_time()).ok();
        let key = tbs.subject_public_key_info.to_der().ok();
        let (claims, unreadable) = match CertificateClaims::from_certificate(&certificate) {
            Ok(claims) => (claims, None),
            Err(failure) => (CertificateClaims::default(), Some(failure.to_string())),
        };
        Self {
            digest: Some(Digest::sha256(der)),
            issuer: tbs.issuer.to_string(),
            subject: tbs.subject.to_string(),
            names: names(&certificate),
            serial: hex::encode(tbs.serial_number.as_bytes()),
            not_before: time(&tbs.validity.not_before),
            not_after: time(&tbs.validity.not_after),
            key_algorithm: tbs.subject_public_key_info.algorithm.oid.to_string(),
            key: key.map(|der| Digest::sha256(&der)),
            claims,
            scts: promises(&certificate),
            unreadable,
        }
    }
}

fn names(certificate: &Certificate) -> Vec<String> {
    let Ok(Some((_, names))) = certificate.tbs_certificate.get::<SubjectAltName>() else {
        return Vec::new();
    };
    let name = |name: &GeneralName| match name {
        GeneralName::Rfc822Name(email) => format!("email:{}", email.as_str()),
        GeneralName::UniformResourceIdentifier(uri) => format!("uri:{}", uri.as_str()),
        GeneralName::DnsName(name) => format!("dns:{}", name.as_str()),
        GeneralName::OtherName(other) => format!("other:{}", other.type_id),
        _ => "other".into(),
    };
    super::shown(&names.0, name)
}

fn promises(certificate: &Certificate) -> Vec<PromiseView> {
    let mut extensions = certificate.tbs_certificate.extensions.iter().flatten();
    let list = extensions
        .find(|extension| extension.extn_id == SCT_LIST)
        .and_then(|extension| OctetStringRef::from_der(extension.extn_value.as_bytes()).ok())
        .and_then(|list| parse_sct_list(list.as_bytes()).ok())
        .unwrap_or_default();
    list.iter()
        .map(|sct| PromiseView {
            log_id: hex::encode(sct.log_id),
            time: i64::try_from(sct.timestamp_ms)
                .ok()
                .and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        })
        .collect()
}
