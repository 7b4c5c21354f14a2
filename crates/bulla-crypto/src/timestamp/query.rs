//! Queries: DER (`application/timestamp-query`), or Sigstore's JSON form.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use der::{Decode, asn1::Int};
use serde::Deserialize;
use spki::ObjectIdentifier;
use x509_tsp::TimeStampReq;

use super::TimestampError;
use crate::key::Hash;

pub(super) const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
pub(super) const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
pub(super) const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const MAX_NONCE_BYTES: usize = 64;

/// What somebody wants to have stamped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampQuery {
    /// The hash function of the imprint.
    pub hash: Hash,
    /// The imprint.
    pub imprint: Vec<u8>,
    /// Whether the reply shall carry the signer's certificates.
    pub certificates: bool,
    pub(super) nonce: Option<Int>,
    pub(super) policy: Option<ObjectIdentifier>,
    /// Whether the query wrote NULL parameters beside its hash: the reply must
    /// hold the very same imprint.
    pub(super) null_parameters: bool,
}

impl TimestampQuery {
    /// A query without nonce for the hash of `message`.
    pub fn over(hash: Hash, message: &[u8]) -> Self {
        Self {
            hash,
            imprint: hash.digest(message),
            certificates: false,
            nonce: None,
            policy: None,
            null_parameters: false,
        }
    }

    fn checked(self) -> Result<Self, TimestampError> {
        let nonce = self
            .nonce
            .as_ref()
            .map_or(0, |nonce| nonce.as_bytes().len());
        if nonce > MAX_NONCE_BYTES {
            return Err(TimestampError::Malformed);
        }
        if self.imprint.len() != self.hash.output_bytes() {
            return Err(TimestampError::Algorithm);
        }
        Ok(self)
    }
}

/// Reads a DER `TimeStampReq`.
///
/// # Errors
/// [`TimestampError`] if it is none, or asks for what is not given here.
pub fn parse_timestamp_query(der: &[u8]) -> Result<TimestampQuery, TimestampError> {
    let request = TimeStampReq::from_der(der).map_err(|_| TimestampError::Malformed)?;
    if request
        .extensions
        .is_some_and(|extensions| !extensions.is_empty())
    {
        return Err(TimestampError::Extension);
    }
    let algorithm = request.message_imprint.hash_algorithm;
    let null_parameters = match algorithm.parameters {
        None => false,
        Some(any) if any.is_null() => true,
        Some(_) => return Err(TimestampError::Algorithm),
    };
    TimestampQuery {
        hash: match algorithm.oid {
            SHA256 => Hash::Sha256,
            SHA384 => Hash::Sha384,
            SHA512 => Hash::Sha512,
            _ => return Err(TimestampError::Algorithm),
        },
        imprint: request.message_imprint.hashed_message.as_bytes().to_vec(),
        certificates: request.cert_req,
        nonce: request.nonce,
        policy: request.req_policy,
        null_parameters,
    }
    .checked()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonQuery {
    artifact_hash: String,
    hash_algorithm: String,
    #[serde(default)]
    certificates: bool,
    #[serde(default)]
    nonce: Option<serde_json::Number>,
    #[serde(default, rename = "tsaPolicyOID")]
    tsa_policy_oid: Option<String>,
}

/// Reads the JSON form of Sigstore's timestamp authority.
///
/// # Errors
/// As [`parse_timestamp_query`].
pub fn parse_timestamp_query_json(json: &[u8]) -> Result<TimestampQuery, TimestampError> {
    let malformed = || TimestampError::Malformed;
    let query: JsonQuery = serde_json::from_slice(json).map_err(|_| malformed())?;
    let nonce = query
        .nonce
        .map(|number| unsigned(number.as_u64().ok_or_else(malformed)?))
        .transpose()?;
    let policy = query.tsa_policy_oid.filter(|text| !text.is_empty());
    TimestampQuery {
        hash: match query.hash_algorithm.to_ascii_lowercase().as_str() {
            "sha256" | "sha-256" => Hash::Sha256,
            "sha384" | "sha-384" => Hash::Sha384,
            "sha512" | "sha-512" => Hash::Sha512,
            _ => return Err(TimestampError::Algorithm),
        },
        imprint: STANDARD
            .decode(query.artifact_hash)
            .map_err(|_| malformed())?,
        certificates: query.certificates,
        nonce,
        policy: match policy {
            None => None,
            Some(text) => Some(ObjectIdentifier::new(&text).map_err(|_| malformed())?),
        },
        null_parameters: true,
    }
    .checked()
}

/// An ASN.1 INTEGER of a non-negative number, in its shortest form.
pub(super) fn unsigned(number: u64) -> Result<Int, TimestampError> {
    let bytes = number.to_be_bytes();
    let mut shortest: &[u8] = &bytes;
    while let [0, rest @ ..] = shortest
        && rest.first().is_some_and(|next| next & 0x80 == 0)
    {
        shortest = rest;
    }
    let padded = match shortest.first() {
        Some(first) if first & 0x80 != 0 => [&[0], shortest].concat(),
        _ => shortest.to_vec(),
    };
    Int::new(&padded).map_err(TimestampError::Encode)
}
