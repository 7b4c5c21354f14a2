//! The one SCT of a certificate, read (RFC 6962 §3.3, and §3.2 for what it signs).
//!
//! Exactly one, version 1; extensions are kept, because they are signed.

use sigstore_verify::crypto::SigningScheme;

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
    /// What is signed for a precertificate, or `None` if it is too long.
    pub(super) fn signed_bytes(&self, issuer_key_hash: &[u8; 32], tbs: &[u8]) -> Option<Vec<u8>> {
        let [0, length @ ..] = u32::try_from(tbs.len()).ok()?.to_be_bytes() else {
            return None;
        };
        let mut out = vec![0, 0];
        out.extend_from_slice(&self.timestamp_ms.to_be_bytes());
        out.extend_from_slice(&[0, 1]);
        out.extend_from_slice(issuer_key_hash);
        out.extend_from_slice(&length);
        out.extend_from_slice(tbs);
        out.extend_from_slice(&u16::try_from(self.extensions.len()).ok()?.to_be_bytes());
        out.extend_from_slice(self.extensions);
        Some(out)
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
        let signed = read.signed_bytes(&[7; 32], b"tbs").unwrap();
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
        }
    }
}
