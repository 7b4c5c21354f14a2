//! The extensions that our profiles use, encoded.

use der::{
    Encode,
    asn1::{OctetString, Utf8StringRef},
};
use sha2::{Digest as _, Sha256};
use spki::ObjectIdentifier;
use x509_cert::ext::{
    Extension,
    pkix::{
        AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
        SubjectAltName, SubjectKeyIdentifier, name::GeneralName,
    },
};

use super::X509Error;

pub(crate) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(crate) const KEY_USAGE: &str = "2.5.29.15";
pub(crate) const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
pub(crate) const SUBJECT_KEY_ID: &str = "2.5.29.14";
pub(crate) const AUTHORITY_KEY_ID: &str = "2.5.29.35";
pub(crate) const SUBJECT_ALT_NAME: &str = "2.5.29.17";
pub(crate) const FULCIO_ARC: &str = "1.3.6.1.4.1.57264.1";
pub(crate) const FULCIO_USERNAME: &str = "1.3.6.1.4.1.57264.1.7";
pub(crate) const POISON: &str = "1.3.6.1.4.1.11129.2.4.3";
pub(crate) const SCT_LIST: &str = "1.3.6.1.4.1.11129.2.4.2";

/// id-kp-serverAuth
pub(crate) const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
/// id-kp-clientAuth
pub(crate) const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
/// id-kp-codeSigning
pub(crate) const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
/// id-kp-timeStamping
pub(crate) const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";

/// An extension of a DER value.
pub(crate) fn extension(
    oid: &str,
    critical: bool,
    value: &impl Encode,
) -> Result<Extension, X509Error> {
    raw(oid, critical, value.to_der().map_err(X509Error::Encode)?)
}

/// An extension of bytes that are its value as they stand.
pub(crate) fn raw(oid: &str, critical: bool, value: Vec<u8>) -> Result<Extension, X509Error> {
    Ok(Extension {
        extn_id: object_id(oid)?,
        critical,
        extn_value: OctetString::new(value).map_err(X509Error::Encode)?,
    })
}

pub(crate) fn object_id(oid: &str) -> Result<ObjectIdentifier, X509Error> {
    ObjectIdentifier::new(oid).map_err(|_| X509Error::Encode(der::ErrorKind::Failed.into()))
}

pub(crate) fn utf8(oid: &str, text: &str) -> Result<Extension, X509Error> {
    let text = Utf8StringRef::new(text).map_err(X509Error::Encode)?;
    extension(oid, false, &text)
}

pub(crate) fn basic_constraints(path_length: Option<u8>) -> Result<Extension, X509Error> {
    let value = BasicConstraints {
        ca: true,
        path_len_constraint: path_length,
    };
    extension(BASIC_CONSTRAINTS, true, &value)
}

pub(crate) fn key_usage(
    usages: impl IntoIterator<Item = KeyUsages>,
) -> Result<Extension, X509Error> {
    let flags = usages
        .into_iter()
        .map(der::flagset::FlagSet::from)
        .fold(der::flagset::FlagSet::default(), |all, one| all | one);
    extension(KEY_USAGE, true, &KeyUsage(flags))
}

pub(crate) fn extended_key_usage(oid: &str, critical: bool) -> Result<Extension, X509Error> {
    extended_key_usages(&[oid], critical)
}

pub(crate) fn extended_key_usages(oids: &[&str], critical: bool) -> Result<Extension, X509Error> {
    let usages = oids.iter().map(|oid| object_id(oid));
    let value = ExtendedKeyUsage(usages.collect::<Result<_, _>>()?);
    extension(EXTENDED_KEY_USAGE, critical, &value)
}

pub(crate) fn subject_alt_name(
    names: Vec<GeneralName>,
    critical: bool,
) -> Result<Extension, X509Error> {
    extension(SUBJECT_ALT_NAME, critical, &SubjectAltName(names))
}

pub(crate) fn subject_key_id(key_id: &[u8]) -> Result<Extension, X509Error> {
    let value = SubjectKeyIdentifier(OctetString::new(key_id).map_err(X509Error::Encode)?);
    extension(SUBJECT_KEY_ID, false, &value)
}

pub(crate) fn authority_key_id(key_id: &[u8]) -> Result<Extension, X509Error> {
    let value = AuthorityKeyIdentifier {
        key_identifier: Some(OctetString::new(key_id).map_err(X509Error::Encode)?),
        ..Default::default()
    };
    extension(AUTHORITY_KEY_ID, false, &value)
}

/// The key identifier of RFC 7093 §2, method 1: 160 bits of SHA-256 over the key.
pub(crate) fn key_id(raw_key: &[u8]) -> Vec<u8> {
    Sha256::digest(raw_key).into_iter().take(20).collect()
}
