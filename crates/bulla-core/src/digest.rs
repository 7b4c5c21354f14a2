//! Content digests as OCI writes them: `sha256:` and 64 lower-case hex digits.
//!
//! Of the SHA-2 family those that sign: SHA-256, SHA-384 and SHA-512; anything
//! weaker cannot name an artifact here. See the OCI image specification, section
//! *Digests*, which registers all but SHA-384: that one names signed files.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;
use std::{fmt, io, str::FromStr};

use crate::diagnose::{Code, Diagnose};

/// The hash function of a [`Digest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// SHA-256, 32 bytes: what bulla computes itself.
    Sha256,
    /// SHA-384, 48 bytes: what keys on P-384 sign.
    Sha384,
    /// SHA-512, 64 bytes: accepted from others.
    Sha512,
}

impl Algorithm {
    /// The name before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// The digest that names an artifact.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    hex: String,
}

impl Digest {
    /// SHA-256 of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::from_sha256(sha2::Sha256::digest(bytes).into())
    }

    /// SHA-384 of `bytes`.
    pub fn sha384(bytes: &[u8]) -> Self {
        Self {
            algorithm: Algorithm::Sha384,
            hex: hex::encode(sha2::Sha384::digest(bytes)),
        }
    }

    /// SHA-512 of `bytes`.
    pub fn sha512(bytes: &[u8]) -> Self {
        Self {
            algorithm: Algorithm::Sha512,
            hex: hex::encode(sha2::Sha512::digest(bytes)),
        }
    }

    /// A SHA-256 digest that was computed elsewhere.
    pub fn from_sha256(raw: [u8; 32]) -> Self {
        Self {
            algorithm: Algorithm::Sha256,
            hex: hex::encode(raw),
        }
    }

    /// The digest of `bytes` under the algorithm of `self`.
    pub fn of_same_kind(&self, bytes: &[u8]) -> Self {
        match self.algorithm {
            Algorithm::Sha256 => Self::sha256(bytes),
            Algorithm::Sha384 => Self::sha384(bytes),
            Algorithm::Sha512 => Self::sha512(bytes),
        }
    }

    /// Whether `bytes` hash to this digest.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        self.of_same_kind(bytes) == *self
    }

    /// The hash function.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Lower-case hex, whole.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// The first 12 hex digits: for talk, never for data.
    pub fn short(&self) -> &str {
        self.hex.get(..12).unwrap_or(&self.hex)
    }

    /// The raw bytes.
    pub fn bytes(&self) -> Vec<u8> {
        hex::decode(&self.hex).unwrap_or_default()
    }

    /// The registry tag under which clients without a referrers API look for
    /// what refers to this digest: `sha256-<hex>`, of which the first 64 digits
    /// (OCI distribution specification, *Referrers Tag Schema*).
    pub fn fallback_tag(&self) -> String {
        let hex = self.hex.get(..64).unwrap_or(&self.hex);
        format!("{}-{hex}", self.algorithm.name())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let malformed = || DigestError::Malformed {
            text: text.chars().take(150).collect(),
        };
        let (name, hex) = text.split_once(':').ok_or_else(malformed)?;
        let algorithm = match name {
            "sha256" => Algorithm::Sha256,
            "sha384" => Algorithm::Sha384,
            "sha512" => Algorithm::Sha512,
            _ => {
                return Err(DigestError::Algorithm {
                    name: name.chars().take(40).collect(),
                });
            }
        };
        let lower_hex = hex
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if hex.len() != algorithm.len() * 2 || !lower_hex {
            return Err(malformed());
        }
        Ok(Self {
            algorithm,
            hex: hex.to_owned(),
        })
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Computes a SHA-256 [`Digest`] over a stream, and counts its bytes.
#[derive(Clone, Default)]
pub struct DigestHasher {
    state: sha2::Sha256,
    length: u64,
}

impl DigestHasher {
    /// An empty stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// The digest and the number of bytes seen.
    pub fn finish(self) -> (Digest, u64) {
        (
            Digest::from_sha256(self.state.finalize().into()),
            self.length,
        )
    }
}

impl io::Write for DigestHasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why a text is not a digest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// The hash function is unknown or too weak.
    #[error("digest algorithm {name:?} is not accepted")]
    Algorithm {
        /// What stood before the colon.
        name: String,
    },
    /// Not `ALGORITHM:HEX`.
    #[error("{text:?} is not a digest")]
    Malformed {
        /// The text, cut.
        text: String,
    },
}

impl Diagnose for DigestError {
    fn code(&self) -> Code {
        match self {
            Self::Algorithm { .. } => Code("CORE-0001"),
            Self::Malformed { .. } => Code("CORE-0002"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some("write it as sha256: followed by 64 lower-case hex digits".into())
    }
}

#[cfg(test)]
mod tests;
