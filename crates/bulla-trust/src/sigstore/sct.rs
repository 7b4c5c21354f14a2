//! The one SCT of a certificate, read (RFC 6962 §3.3, and §3.2 for what it signs):
//! from the certificate itself, or beside it as a log answers `add-chain` (§4.1).
//!
//! Exactly one, version 1; extensions are kept, because they are signed. What is
//! beside a certificate is about the whole of it, what is inside about the rest.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::limits;
use bulla_crypto::sct::{CtEntry, signed_bytes};
use serde::Deserialize;
use sigstore_verify::crypto::SigningScheme;

use super::Failure;

/// A log's promise to include a certificate, unverified.
pub(super) struct Sct<'a> {
    pub(super) log_id: [u8; 32],
    pub(super) timestamp_ms: u64,
    extensions: &'a [u8],
    /// `None` for a scheme that is not known.
    pub(super) scheme: Option<SigningScheme>,
    pub(super) signature: &'a [u8],
}

impl Sct<'_> {
    /// What is signed for `entry`, or `None` if it is too long.
    pub(super) fn signed_bytes(&self, entry: CtEntry<'_>) -> Option<Vec<u8>> {
        signed_bytes(entry, self.timestamp_ms, self.extensions).ok()
    }
}

/// A promise that lies beside its certificate, unverified: in the form that it
/// would have inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetachedSct(Vec<u8>);

/// A log's answer to `add-chain`.
#[derive(Deserialize)]
struct Answer {
    sct_version: u8,
    id: String,
    timestamp: u64,
    #[serde(default)]
    extensions: String,
    signature: String,
}

impl DetachedSct {
    /// Reads a log's answer, JSON.
    ///
    /// # Errors
    /// [`Failure::Sct`] if it is none.
    pub fn parse(json: &[u8]) -> Result<Self, Failure> {
        let unreadable = |detail: String| Failure::Sct { detail };
        let answer: Answer = limits::parse_json(json, limits::SERVICE_ANSWER_BYTES, "SCT")
            .map_err(|error| unreadable(error.to_string()))?;
        let part = |text: &str| {
            STANDARD
                .decode(text)
                .map_err(|_| unreadable("a part of it is no base64".into()))
        };
        let (id, extensions) = (part(&answer.id)?, part(&answer.extensions)?);
        let length = u16::try_from(extensions.len())
            .map_err(|_| unreadable("its extensions are too long".into()))?;
        let encoded = [
            [answer.sct_version].as_slice(),
            id.as_slice(),
            &answer.timestamp.to_be_bytes(),
            &length.to_be_bytes(),
            &extensions,
            &part(&answer.signature)?,
        ]
        .concat();
        let sct = Self(encoded);
        match id.len() == 32 && read(&sct.0).is_some() {
            true => Ok(sct),
            false => Err(unreadable("it is no promise of version 1".into())),
        }
    }

    pub(super) fn sct(&self) -> Option<Sct<'_>> {
        read(&self.0)
    }
}

/// Reads a list of one SCT, or of none.
///
/// # Errors
/// What is wrong with it.
pub(super) fn only(list: &[u8]) -> Result<Option<Sct<'_>>, &'static str> {
    const CUT: &str = "their list cannot be read";
    let (list, rest) = vector(list).ok_or(CUT)?;
    if !rest.is_empty() {
        return Err(CUT);
    }
    if list.is_empty() {
        return Ok(None);
    }
    let (sct, rest) = vector(list).ok_or(CUT)?;
    if !rest.is_empty() {
        return Err("the certificate has several, and must have exactly one");
    }
    read(sct).map(Some).ok_or(CUT)
}

fn read(bytes: &[u8]) -> Option<Sct<'_>> {
    let (&[version], bytes) = bytes.split_first_chunk()?;
    let (log_id, bytes) = bytes.split_first_chunk()?;
    let (time, bytes) = bytes.split_first_chunk()?;
    let (extensions, bytes) = vector(bytes)?;
    let (algorithm, bytes) = bytes.split_first_chunk::<2>()?;
    let (signature, rest) = vector(bytes)?;
    (version == 0 && rest.is_empty()).then_some(Sct {
        log_id: *log_id,
        timestamp_ms: u64::from_be_bytes(*time),
        extensions,
        scheme: match algorithm {
            [4, 3] => Some(SigningScheme::EcdsaP256Sha256),
            [5, 3] => Some(SigningScheme::EcdsaP384Sha384),
            [4, 1] => Some(SigningScheme::RsaPkcs1Sha256),
            [5, 1] => Some(SigningScheme::RsaPkcs1Sha384),
            [6, 1] => Some(SigningScheme::RsaPkcs1Sha512),
            _ => None,
        },
        signature,
    })
}

fn vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bulla_crypto::{
        Scheme, SigningKey,
        sct::{PrecertEntry, Sct as Made, encode_list},
    };
    use proptest::prelude::*;

    #[test]
    fn reads_what_our_log_signs_and_no_two() {
        let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
        let entry = PrecertEntry {
            issuer_key_hash: [7; 32],
            tbs: b"tbs",
        };
        let made = Made::sign(&key, &entry, 123, 5).unwrap();
        let list = encode_list(std::slice::from_ref(&made)).unwrap();
        let read = only(&list).unwrap().unwrap();
        assert_eq!(read.timestamp_ms, 123);
        let signed = read.signed_bytes(CtEntry::from(&entry)).unwrap();
        key.public().verify(&signed, read.signature).unwrap();
        let two = encode_list(&[made.clone(), made]).unwrap();
        assert!(only(&two).is_err_and(|text| text.contains("several")));
        assert!(only(&[0, 0]).is_ok_and(|none| none.is_none()));
        assert!(only(&[]).is_err() && only(&[0, 0, 0]).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = only(&bytes);
            let _ = DetachedSct::parse(&bytes);
        }
    }
}
