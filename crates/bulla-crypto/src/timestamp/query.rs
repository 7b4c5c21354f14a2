//! Queries: DER (`application/timestamp-query`), or Sigstore's JSON form.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::limits;
use der::{Decode, asn1::Int};
use serde::Deserialize;
use serde_json::value::RawValue;
use spki::ObjectIdentifier;
use x509_tsp::TimeStampReq;

use super::TimestampError;
use crate::key::Hash;

pub(super) const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
pub(super) const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
pub(super) const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const MAX_NONCE_BYTES: usize = 64;
/// Digits of a nonce in JSON: more make more than 64 bytes.
const MAX_NONCE_DIGITS: usize = 154;
/// Longest JSON query, in bytes.
const JSON_BYTES: u64 = 4096;

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
            return Err(TimestampError::Imprint);
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
            SHA1 => return Err(TimestampError::Weak),
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
    nonce: Option<Box<RawValue>>,
    #[serde(default, rename = "tsaPolicyOID")]
    tsa_policy_oid: Option<String>,
}

/// Reads the JSON form of Sigstore's timestamp authority.
///
/// # Errors
/// As [`parse_timestamp_query`].
pub fn parse_timestamp_query_json(json: &[u8]) -> Result<TimestampQuery, TimestampError> {
    let malformed = || TimestampError::Malformed;
    let query: JsonQuery =
        limits::parse_json(json, JSON_BYTES, "timestamp query").map_err(|_| malformed())?;
    let nonce = query.nonce.as_deref().map(RawValue::get);
    let nonce = nonce.map(unsigned).transpose()?;
    let policy = query.tsa_policy_oid.filter(|text| !text.is_empty());
    TimestampQuery {
        hash: match query.hash_algorithm.to_ascii_lowercase().as_str() {
            "sha256" | "sha-256" => Hash::Sha256,
            "sha384" | "sha-384" => Hash::Sha384,
            "sha512" | "sha-512" => Hash::Sha512,
            "sha1" | "sha-1" => return Err(TimestampError::Weak),
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

/// An ASN.1 INTEGER of a decimal number that is not negative, in its shortest
/// form. Some clients draw nonces of more than 64 bits.
pub(super) fn unsigned(digits: &str) -> Result<Int, TimestampError> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    if !plain || digits.is_empty() || digits.len() > MAX_NONCE_DIGITS {
        return Err(TimestampError::Malformed);
    }
    // Little-endian, so that carries go on at the end.
    let mut bytes: Vec<u8> = Vec::new();
    for digit in digits.bytes() {
        let mut carry = u16::from(digit - b'0');
        for byte in &mut bytes {
            let value = u16::from(*byte) * 10 + carry;
            *byte = value as u8;
            carry = value >> 8;
        }
        bytes.extend((carry > 0).then_some(carry as u8));
    }
    if bytes.last().is_none_or(|highest| highest & 0x80 != 0) {
        bytes.push(0);
    }
    bytes.reverse();
    Int::new(&bytes).map_err(TimestampError::Encode)
}
