//! Entries of certificate transparency logs as data tiles of static-ct-api hold
//! them (`TileLeaf`, v1.1), read one after the other.
//!
//! A tile has no lengths between its leaves: each is read to its end, and the
//! next begins there. [`crate::sct::tile_leaf`] writes what is read here.

use crate::sct::{Reader, SctError};

const X509_ENTRY: u16 = 0;
const PRECERT_ENTRY: u16 = 1;
/// Certificates of one chain.
const MAX_CHAIN: usize = 16;

/// One logged certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileLeaf {
    /// When it was logged, in milliseconds since 1970.
    pub timestamp_ms: u64,
    /// What was logged.
    pub entry: LoggedEntry,
    /// The issuers' fingerprints (SHA-256), the nearest first.
    pub chain: Vec<[u8; 32]>,
    /// The bytes whose hash is in the tree (RFC 6962 §3.4).
    pub merkle: Vec<u8>,
}

/// What was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoggedEntry {
    /// A certificate, DER.
    Certificate(Vec<u8>),
    /// A certificate before its SCTs.
    Precertificate {
        /// SHA-256 of the issuer's SubjectPublicKeyInfo.
        issuer_key_hash: [u8; 32],
        /// DER TBSCertificate without poison and SCTs.
        tbs: Vec<u8>,
        /// The precertificate as it was submitted, DER.
        submitted: Vec<u8>,
    },
}

impl LoggedEntry {
    /// The certificate that says whose it is: the one with the poison, if there is one.
    pub fn certificate(&self) -> &[u8] {
        match self {
            Self::Certificate(der) | Self::Precertificate { submitted: der, .. } => der,
        }
    }
}

/// Reads the first leaf of `bytes` and gives what follows it.
///
/// # Errors
/// [`SctError::Malformed`] if there is none.
pub fn parse_tile_leaf(bytes: &[u8]) -> Result<(TileLeaf, &[u8]), SctError> {
    let mut reader = Reader(bytes);
    let timestamp_ms = u64::from_be_bytes(reader.array()?);
    let kind = u16::from_be_bytes(reader.array()?);
    let key_hash = match kind {
        X509_ENTRY => None,
        PRECERT_ENTRY => Some(reader.array()?),
        _ => return Err(SctError::Malformed),
    };
    let signed = reader.vector_u24()?.to_vec();
    reader.vector_u16()?;
    let read = bytes.len() - reader.0.len();
    let merkle = [&[0, 0], bytes.get(..read).unwrap_or_default()].concat();
    let entry = match key_hash {
        None => LoggedEntry::Certificate(signed),
        Some(issuer_key_hash) => LoggedEntry::Precertificate {
            issuer_key_hash,
            tbs: signed,
            submitted: reader.vector_u24()?.to_vec(),
        },
    };
    let (chain, []) = reader.vector_u16()?.as_chunks::<32>() else {
        return Err(SctError::Malformed);
    };
    if chain.len() > MAX_CHAIN {
        return Err(SctError::Malformed);
    }
    let leaf = TileLeaf {
        timestamp_ms,
        entry,
        chain: chain.to_vec(),
        merkle,
    };
    Ok((leaf, reader.0))
}

#[cfg(test)]
mod tests;
