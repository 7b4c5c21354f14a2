//! Signed certificate timestamps (RFC 6962 v1).
//!
//! Also the leaves of a static-ct-api log (`static-ct-api` v1.1): the same
//! signed bytes, with the leaf's index as an extension. SHA-256 with ECDSA only,
//! since that is what the clients of Sigstore check.

use bulla_core::{Code, Diagnose};

use crate::key::{KeyError, PublicKey, Scheme, Signer};

const VERSION_V1: u8 = 0;
const CERTIFICATE_TIMESTAMP: u8 = 0;
const X509_ENTRY: u16 = 0;
const PRECERT_ENTRY: u16 = 1;
const SHA256_ECDSA: [u8; 2] = [4, 3];
const MAX_SCTS: usize = 32;

/// What a log promises about: a certificate before its SCTs.
#[derive(Clone, Copy, Debug)]
pub struct PrecertEntry<'a> {
    /// SHA-256 of the issuer's SubjectPublicKeyInfo.
    pub issuer_key_hash: [u8; 32],
    /// DER TBSCertificate without poison and SCTs.
    pub tbs: &'a [u8],
}

/// What a log promises about: a certificate, before its SCTs or as it is.
#[derive(Clone, Copy, Debug)]
pub enum CtEntry<'a> {
    /// A certificate, DER.
    Certificate(&'a [u8]),
    /// A certificate before its SCTs.
    Precertificate(PrecertEntry<'a>),
}

impl<'a> From<&PrecertEntry<'a>> for CtEntry<'a> {
    fn from(entry: &PrecertEntry<'a>) -> Self {
        Self::Precertificate(*entry)
    }
}

/// A log's promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sct {
    /// SHA-256 of the log's SubjectPublicKeyInfo.
    pub log_id: [u8; 32],
    /// Milliseconds since 1970.
    pub timestamp_ms: u64,
    /// `CtExtensions`: for a static-ct-api log the leaf's index.
    pub extensions: Vec<u8>,
    /// DER ECDSA signature over SHA-256.
    pub signature: Vec<u8>,
}

impl Sct {
    /// Signs for the leaf at `leaf_index`.
    ///
    /// # Errors
    /// [`SctError::Scheme`] unless the key is ECDSA P-256, [`SctError::Length`]
    /// if the entry is too long.
    pub fn sign<'a>(
        key: &dyn Signer,
        entry: impl Into<CtEntry<'a>>,
        timestamp_ms: u64,
        leaf_index: u64,
    ) -> Result<Self, SctError> {
        if key.scheme() != Scheme::EcdsaP256 {
            return Err(SctError::Scheme);
        }
        let extensions = leaf_index_extension(leaf_index)?;
        let signed = signed_bytes(entry.into(), timestamp_ms, &extensions)?;
        let mut log_id = [0; 32];
        log_id.copy_from_slice(&key.public().id().bytes());
        Ok(Self {
            log_id,
            timestamp_ms,
            signature: key.sign(&signed)?,
            extensions,
        })
    }

    /// Checks that the log with this key promised to include `entry`.
    ///
    /// # Errors
    /// [`SctError::LogId`] for another log, [`SctError::Key`] for a wrong signature.
    pub fn verify<'a>(
        &self,
        key: &PublicKey,
        entry: impl Into<CtEntry<'a>>,
    ) -> Result<(), SctError> {
        if key.scheme() != Scheme::EcdsaP256 {
            return Err(SctError::Scheme);
        }
        if key.id().bytes() != self.log_id {
            return Err(SctError::LogId);
        }
        let signed = signed_bytes(entry.into(), self.timestamp_ms, &self.extensions)?;
        Ok(key.verify(&signed, &self.signature)?)
    }

    /// The leaf's index, if the log says it.
    pub fn leaf_index(&self) -> Option<u64> {
        let (kind, rest) = self.extensions.split_first_chunk::<3>()?;
        let (index, []) = rest.split_first_chunk::<5>()? else {
            return None;
        };
        (kind == &[0, 0, 5]).then(|| {
            index
                .iter()
                .fold(0, |all, &byte| (all << 8) | u64::from(byte))
        })
    }

    /// The TLS form of one SCT.
    ///
    /// # Errors
    /// [`SctError::Length`] if a part does not fit its length.
    pub fn encode(&self) -> Result<Vec<u8>, SctError> {
        let mut out = vec![VERSION_V1];
        out.extend_from_slice(&self.log_id);
        out.extend_from_slice(&self.timestamp_ms.to_be_bytes());
        put_u16(&mut out, &self.extensions)?;
        out.extend_from_slice(&SHA256_ECDSA);
        put_u16(&mut out, &self.signature)?;
        Ok(out)
    }
}

/// The bytes of the extension in which a certificate carries its SCTs.
///
/// # Errors
/// [`SctError::Length`] if they are too many.
pub fn encode_list(scts: &[Sct]) -> Result<Vec<u8>, SctError> {
    let mut inner = Vec::new();
    for sct in scts {
        put_u16(&mut inner, &sct.encode()?)?;
    }
    let mut out = Vec::new();
    put_u16(&mut out, &inner)?;
    Ok(out)
}

/// Reads what [`encode_list`] writes.
///
/// # Errors
/// [`SctError::Malformed`] for anything else, other versions and hashes included.
pub fn parse_sct_list(bytes: &[u8]) -> Result<Vec<Sct>, SctError> {
    let mut outer = Reader(bytes);
    let mut list = Reader(outer.vector_u16()?);
    outer.end()?;
    let mut scts = Vec::new();
    while !list.0.is_empty() {
        if scts.len() == MAX_SCTS {
            return Err(SctError::Malformed);
        }
        scts.push(parse_sct(list.vector_u16()?)?);
    }
    Ok(scts)
}

/// Reads one SCT in its TLS form.
///
/// # Errors
/// As [`parse_sct_list`].
pub fn parse_sct(bytes: &[u8]) -> Result<Sct, SctError> {
    let mut reader = Reader(bytes);
    let [version] = reader.array()?;
    let log_id = reader.array()?;
    let timestamp_ms = u64::from_be_bytes(reader.array()?);
    let extensions = reader.vector_u16()?.to_vec();
    let algorithm = reader.array::<2>()?;
    let signature = reader.vector_u16()?.to_vec();
    reader.end()?;
    if version != VERSION_V1 || algorithm != SHA256_ECDSA {
        return Err(SctError::Malformed);
    }
    Ok(Sct {
        log_id,
        timestamp_ms,
        extensions,
        signature,
    })
}

/// The bytes of the Merkle leaf (RFC 6962 §3.4) of an entry.
///
/// # Errors
/// [`SctError::Length`] if it is too long.
pub fn merkle_leaf<'a>(
    entry: impl Into<CtEntry<'a>>,
    timestamp_ms: u64,
    leaf_index: u64,
) -> Result<Vec<u8>, SctError> {
    // Version v1 and leaf type timestamped_entry are zero, as are the first two
    // fields of what the SCT signs: the two byte strings are the same.
    signed_bytes(
        entry.into(),
        timestamp_ms,
        &leaf_index_extension(leaf_index)?,
    )
}

/// The entry as a data tile of static-ct-api holds it: for a precertificate with
/// the bytes that were submitted.
///
/// # Errors
/// [`SctError::Length`] if it is too long.
pub fn tile_leaf<'a>(
    entry: impl Into<CtEntry<'a>>,
    timestamp_ms: u64,
    leaf_index: u64,
    precertificate: &[u8],
    chain_fingerprints: &[[u8; 32]],
) -> Result<Vec<u8>, SctError> {
    let entry = entry.into();
    let merkle = merkle_leaf(entry, timestamp_ms, leaf_index)?;
    let mut out = merkle.get(2..).unwrap_or_default().to_vec();
    if let CtEntry::Precertificate(_) = entry {
        put_u24(&mut out, precertificate)?;
    }
    put_u16(&mut out, &chain_fingerprints.concat())?;
    Ok(out)
}

/// What a log signs of `entry` (RFC 6962 §3.2).
///
/// # Errors
/// [`SctError::Length`] if a part does not fit its length.
pub fn signed_bytes(
    entry: CtEntry<'_>,
    timestamp_ms: u64,
    extensions: &[u8],
) -> Result<Vec<u8>, SctError> {
    let mut out = vec![VERSION_V1, CERTIFICATE_TIMESTAMP];
    out.extend_from_slice(&timestamp_ms.to_be_bytes());
    match entry {
        CtEntry::Certificate(der) => {
            out.extend_from_slice(&X509_ENTRY.to_be_bytes());
            put_u24(&mut out, der)?;
        }
        CtEntry::Precertificate(entry) => {
            out.extend_from_slice(&PRECERT_ENTRY.to_be_bytes());
            out.extend_from_slice(&entry.issuer_key_hash);
            put_u24(&mut out, entry.tbs)?;
        }
    }
    put_u16(&mut out, extensions)?;
    Ok(out)
}

fn leaf_index_extension(index: u64) -> Result<Vec<u8>, SctError> {
    match index.to_be_bytes() {
        [0, 0, 0, rest @ ..] => Ok([&[0, 0, 5][..], &rest].concat()),
        _ => Err(SctError::Length),
    }
}

fn put_u16(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), SctError> {
    let length = u16::try_from(bytes.len()).map_err(|_| SctError::Length)?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

fn put_u24(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), SctError> {
    let length = u32::try_from(bytes.len()).map_err(|_| SctError::Length)?;
    let [0, length @ ..] = length.to_be_bytes() else {
        return Err(SctError::Length);
    };
    out.extend_from_slice(&length);
    out.extend_from_slice(bytes);
    Ok(())
}

/// Reads the presentation language of TLS from the front.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], SctError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(SctError::Malformed)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(crate) fn vector_u24(&mut self) -> Result<&'a [u8], SctError> {
        let [a, b, c] = self.array()?;
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
        let (head, rest) = self.0.split_at_checked(length).ok_or(SctError::Malformed)?;
        self.0 = rest;
        Ok(head)
    }

    pub(crate) fn vector_u16(&mut self) -> Result<&'a [u8], SctError> {
        let length = usize::from(u16::from_be_bytes(self.array()?));
        let (head, rest) = self.0.split_at_checked(length).ok_or(SctError::Malformed)?;
        self.0 = rest;
        Ok(head)
    }

    fn end(&self) -> Result<(), SctError> {
        self.0.is_empty().then_some(()).ok_or(SctError::Malformed)
    }
}

/// What can go wrong with an SCT.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SctError {
    /// The key or its signature.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A part is too long to be written.
    #[error("a certificate is too long for a transparency log")]
    Length,
    /// Another log's promise.
    #[error("the SCT is of another log")]
    LogId,
    /// Not an SCT.
    #[error("this is not an SCT of version 1 with SHA-256 and ECDSA")]
    Malformed,
    /// A key that clients cannot check.
    #[error("certificate transparency logs here sign with ECDSA P-256")]
    Scheme,
}

impl Diagnose for SctError {
    fn code(&self) -> Code {
        match self {
            Self::Key(error) => error.code(),
            Self::Length => Code("CRYPTO-0020"),
            Self::LogId => Code("CRYPTO-0021"),
            Self::Malformed => Code("CRYPTO-0022"),
            Self::Scheme => Code("CRYPTO-0023"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;
    use proptest::prelude::*;

    fn signed() -> (SigningKey, Sct) {
        let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
        let sct = Sct::sign(&key, &entry(), 1_700_000_000_123, 0x01_0203_0405).unwrap();
        (key, sct)
    }

    fn entry() -> PrecertEntry<'static> {
        PrecertEntry {
            issuer_key_hash: [7; 32],
            tbs: b"tbs",
        }
    }

    #[test]
    fn binds_every_field() {
        let (key, sct) = signed();
        sct.verify(key.public(), &entry()).unwrap();
        assert_eq!(sct.leaf_index(), Some(0x01_0203_0405));
        let other = PrecertEntry {
            tbs: b"tbz",
            ..entry()
        };
        assert!(sct.verify(key.public(), &other).is_err());
        let later = Sct {
            timestamp_ms: sct.timestamp_ms + 1,
            ..sct.clone()
        };
        assert!(later.verify(key.public(), &entry()).is_err());
        let moved = Sct {
            extensions: leaf_index_extension(9).unwrap(),
            ..sct.clone()
        };
        assert!(moved.verify(key.public(), &entry()).is_err());
        let stranger = SigningKey::generate(Scheme::EcdsaP256).unwrap();
        assert!(matches!(
            sct.verify(stranger.public(), &entry()),
            Err(SctError::LogId)
        ));
    }

    #[test]
    fn list_comes_back() {
        let (_, sct) = signed();
        let list = [sct.clone(), sct];
        assert_eq!(parse_sct_list(&encode_list(&list).unwrap()).unwrap(), list);
        assert!(leaf_index_extension(1 << 40).is_err());
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_is_exact(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(sct) = parse_sct(&bytes) {
                prop_assert_eq!(sct.encode().unwrap(), bytes);
            }
        }

        #[test]
        fn no_prefix_or_suffix_is_accepted(cut in 0usize..80) {
            let (_, sct) = signed();
            let mut list = encode_list(&[sct]).unwrap();
            list.push(0);
            prop_assert!(parse_sct_list(&list).is_err());
            list.truncate(list.len() - 2 - cut);
            prop_assert!(parse_sct_list(&list).is_err());
        }
    }
}
