//! Terms: what is looked up, as eight bytes of a hash.
//!
//! A term only says where to look: whoever finds an entry by it reads the entry
//! and compares, so that two texts with one hash cost time and nothing else.

use bulla_crypto::Hash;

use super::{Described, SearchError};

/// Longest text that is looked up, in bytes.
const LONGEST: usize = 2048;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// A name of the certificate. Mail addresses are compared without case.
    Name(String),
    /// The OIDC issuer.
    Issuer(String),
    /// A digest, `algorithm:hex`.
    Digest(String),
    /// SHA-256 of a key (DER SubjectPublicKeyInfo), in hex.
    Key(String),
}

/// The hash of a criterion.
pub(super) type Term = u64;

impl Criterion {
    /// A name.
    ///
    /// # Errors
    /// [`SearchError::Criterion`] if no entry could have it.
    pub fn name(text: &str) -> Result<Self, SearchError> {
        Ok(Self::Name(plain(text, "name")?))
    }

    /// An issuer.
    ///
    /// # Errors
    /// [`SearchError::Criterion`] if no entry could have it.
    pub fn issuer(text: &str) -> Result<Self, SearchError> {
        Ok(Self::Issuer(plain(text, "issuer")?))
    }

    /// A digest: `sha256:HEX`, or the hex alone, whose length says which hash it is.
    ///
    /// # Errors
    /// [`SearchError::Criterion`] if it is neither.
    pub fn digest(text: &str) -> Result<Self, SearchError> {
        let text = plain(text, "digest")?.to_ascii_lowercase();
        if text.contains(':') {
            return Ok(Self::Digest(text));
        }
        let hex = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let algorithm = match text.len() {
            40 if hex => "sha1",
            64 if hex => "sha256",
            96 if hex => "sha384",
            128 if hex => "sha512",
            _ => return Err(SearchError::Criterion { what: "digest" }),
        };
        Ok(Self::Digest(format!("{algorithm}:{text}")))
    }

    /// A key by the SHA-256 of its SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`SearchError::Criterion`] if it is not 64 hex digits.
    pub fn key(text: &str) -> Result<Self, SearchError> {
        let text = text.strip_prefix("sha256:").unwrap_or(text);
        match hex::decode(text) {
            Ok(bytes) if bytes.len() == 32 => Ok(Self::Key(hex::encode(bytes))),
            _ => Err(SearchError::Criterion { what: "key" }),
        }
    }

    pub(super) fn term(&self) -> Term {
        let (kind, text) = match self {
            Self::Name(text) => ("name", folded(text)),
            Self::Issuer(text) => ("issuer", text.clone()),
            Self::Digest(text) => ("digest", text.to_ascii_lowercase()),
            Self::Key(text) => ("key", text.clone()),
        };
        let hash = Hash::Sha256.digest(format!("{kind}\0{text}").as_bytes());
        hash.first_chunk()
            .map_or(0, |head| u64::from_be_bytes(*head))
    }

    /// Whether an entry has it.
    pub fn fits(&self, entry: &Described) -> bool {
        let mut signers = entry.signers.iter();
        match self {
            Self::Name(text) => {
                let wanted = folded(text);
                signers.any(|signer| signer.names.iter().any(|name| folded(name) == wanted))
            }
            Self::Issuer(text) => signers.any(|signer| signer.issuer.as_ref() == Some(text)),
            Self::Digest(text) => entry
                .digests
                .iter()
                .any(|digest| digest.eq_ignore_ascii_case(text)),
            Self::Key(text) => signers.any(|signer| &signer.key == text),
        }
    }

    /// Everything by which an entry is found.
    pub(super) fn of_entry(entry: &Described) -> Vec<Term> {
        let signers = entry.signers.iter().flat_map(|signer| {
            let names = signer.names.iter().cloned().map(Self::Name);
            let issuer = signer.issuer.iter().cloned().map(Self::Issuer);
            names
                .chain(issuer)
                .chain(std::iter::once(Self::Key(signer.key.clone())))
        });
        let digests = entry.digests.iter().cloned().map(Self::Digest);
        let mut terms: Vec<Term> = signers.chain(digests).map(|one| one.term()).collect();
        terms.sort_unstable();
        terms.dedup();
        terms
    }
}

/// Mail addresses are the same whatever their case; everything else is exact.
fn folded(name: &str) -> String {
    match name.contains('@') && !name.contains(':') {
        true => name.to_lowercase(),
        false => name.to_owned(),
    }
}

fn plain(text: &str, what: &'static str) -> Result<String, SearchError> {
    let fits = !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
        .ok_or(SearchError::Criterion { what })
}
