//! A timestamp, described: when, over which hash, under which policy.

use cms::signed_data::SignedData;
use jiff::Timestamp;
use serde::Serialize;
use x509_cert::der::{Decode, Encode, asn1::OctetString};
use x509_tsp::{TimeStampResp, TstInfo};

use super::seconds;

/// A timestamp.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimestampView {
    /// When, as the authority says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// Its serial number, hex.
    pub serial: String,
    /// The authority's policy, an object identifier.
    pub policy: String,
    /// The algorithm of the hash, an object identifier.
    pub hash_algorithm: String,
    /// The hash of the signature that was stamped, hex.
    pub imprint: String,
    /// Certificates that came with it.
    pub certificates: usize,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

impl TimestampView {
    pub(super) fn of(der: &[u8]) -> Self {
        read(der).unwrap_or_else(|error| Self {
            unreadable: Some(error),
            ..Self::default()
        })
    }
}

fn read(der: &[u8]) -> Result<TimestampView, String> {
    let text = |error: x509_cert::der::Error| error.to_string();
    let reply = TimeStampResp::from_der(der).map_err(text)?;
    let token = reply.time_stamp_token.ok_or("it holds no token")?;
    let signed: SignedData = token.content.decode_as().map_err(text)?;
    let content = signed.encap_content_info.econtent.ok_or("it is empty")?;
    let content: OctetString = content.decode_as().map_err(text)?;
    let info = TstInfo::from_der(content.as_bytes()).map_err(text)?;
    let unix = info.gen_time.to_unix_duration().as_secs();
    Ok(TimestampView {
        time: i64::try_from(unix).ok().and_then(seconds),
        serial: hex::encode(info.serial_number.as_bytes()),
        policy: info.policy.to_string(),
        hash_algorithm: info.message_imprint.hash_algorithm.oid.to_string(),
        imprint: hex::encode(info.message_imprint.hashed_message.as_bytes()),
        certificates: signed
            .certificates
            .map_or(0, |set| set.0.iter().filter(|c| c.to_der().is_ok()).count()),
        unreadable: None,
    })
}
