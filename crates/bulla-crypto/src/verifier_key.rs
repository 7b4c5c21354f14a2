//! Verifier keys (C2SP signed-note, "vkeys"): `NAME+HASH+BASE64`, the text by
//! which logs and witnesses publish the keys of their notes.
//!
//! Four kinds: Ed25519 (1), ECDSA as Rekor and the checksum database's tools
//! write it (2), timestamped Ed25519 cosignatures of witnesses (4), and the tree
//! heads of RFC 6962 in static-ct-api logs (5). The hash must fit name and key.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Code, Diagnose};

use crate::{
    checkpoint::parse_checkpoint,
    cosignature,
    key::{PublicKey, Scheme},
    note::{self, Note, NoteError},
};

/// Bytes of the text of a key: an RSA key would not fit, and none is expected.
const MAX_BYTES: usize = 1024;

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Notes, with Ed25519.
    Ed25519,
    /// Notes, with ECDSA.
    Ecdsa,
    /// Checkpoints of others, with the time: a witness.
    Cosignature,
    /// Tree heads of a certificate transparency log.
    Rfc6962,
}

impl Kind {
    const ALL: [(Self, u8); 4] = [
        (Self::Ed25519, 1),
        (Self::Ecdsa, 2),
        (Self::Cosignature, 4),
        (Self::Rfc6962, 5),
    ];

    fn number(self) -> u8 {
        Self::ALL
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or(0, |(_, number)| *number)
    }
}

/// A name, a key and what the key signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: Kind,
    id: [u8; 4],
    key: PublicKey,
}

impl VerifierKey {
    /// The key of `name` for `kind`.
    ///
    /// # Errors
    /// [`VerifierKeyError`] if the name cannot sign notes, or the key is not of that kind.
    pub fn new(name: &str, kind: Kind, key: PublicKey) -> Result<Self, VerifierKeyError> {
        let wrong = |detail| VerifierKeyError {
            text: name.chars().take(120).collect(),
            detail,
        };
        if !note::is_name(name) {
            return Err(wrong("has no name, or spaces or + in it"));
        }
        let fits = match kind {
            Kind::Ed25519 | Kind::Cosignature => key.scheme() == Scheme::Ed25519,
            Kind::Ecdsa => matches!(
                key.scheme(),
                Scheme::EcdsaP256 | Scheme::EcdsaP384 | Scheme::EcdsaP521
            ),
            Kind::Rfc6962 => key.scheme() == Scheme::EcdsaP256,
        };
        if !fits {
            return Err(wrong("has a key of another kind than it says"));
        }
        let full = match kind {
            Kind::Ed25519 | Kind::Ecdsa => note::key_id(name, &key),
            Kind::Cosignature => note::typed_key_id(name, kind.number(), key.raw()),
            Kind::Rfc6962 => note::typed_key_id(name, kind.number(), &key.id().bytes()),
        };
        Ok(Self {
            name: name.to_owned(),
            kind,
            id: note::short(&full),
            key,
        })
    }

    /// Reads `NAME+HASH+BASE64`.
    ///
    /// # Errors
    /// [`VerifierKeyError`] if it is none, of an unknown kind, or its hash does not fit.
    pub fn parse(text: &str) -> Result<Self, VerifierKeyError> {
        let wrong = |detail| VerifierKeyError {
            text: text.chars().take(120).collect(),
            detail,
        };
        if text.len() > MAX_BYTES {
            return Err(wrong("is too long"));
        }
        let (name, rest) = text.split_once('+').ok_or_else(|| wrong("has no +"))?;
        let (hash, key) = rest
            .split_once('+')
            .ok_or_else(|| wrong("has one + only"))?;
        let typed = STANDARD.decode(key).map_err(|_| wrong("is no base64"))?;
        let (number, raw) = typed.split_first().ok_or_else(|| wrong("has no key"))?;
        let kind = Kind::ALL
            .iter()
            .find(|(_, known)| known == number)
            .map(|(kind, _)| *kind)
            .ok_or_else(|| wrong("is of a kind that is not known here"))?;
        let key = match kind {
            Kind::Ed25519 | Kind::Cosignature => PublicKey::from_ed25519(raw),
            Kind::Ecdsa | Kind::Rfc6962 => PublicKey::from_spki_der(raw),
        };
        let key = key.map_err(|_| wrong("has no such key in it"))?;
        let found = Self::new(name, kind, key)?;
        if hex::decode(hash).ok().as_deref() != Some(&found.id) {
            return Err(wrong(
                "has no hash of eight hex digits that fits name and key",
            ));
        }
        Ok(found)
    }

    /// Who signs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The id that stands in signature lines.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Checks that this key signed `note`, and tells the time where the signature
    /// has one (cosignatures in seconds, tree heads in milliseconds since 1970).
    ///
    /// # Errors
    /// [`NoteError::Unsigned`] if it did not, [`NoteError::Key`] if its line is wrong.
    pub fn verify(&self, note: &Note) -> Result<Option<u64>, NoteError> {
        match self.kind {
            Kind::Ed25519 | Kind::Ecdsa => note.verify(&self.name, &self.key).map(|()| None),
            Kind::Cosignature => {
                let ours =
                    |line: &&note::NoteSignature| line.name == self.name && line.key_id == self.id;
                let line = note.signatures.iter().find(ours);
                let line = line.ok_or_else(|| NoteError::Unsigned(self.name.clone()))?;
                cosignature::verify(&note.text, line, &self.key).map(Some)
            }
            Kind::Rfc6962 => parse_checkpoint(note.text.as_bytes())?
                .verify_rfc6962(note, &self.key)
                .map(Some),
        }
    }
}

impl std::fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let raw = match self.kind {
            Kind::Ed25519 | Kind::Cosignature => self.key.raw(),
            Kind::Ecdsa | Kind::Rfc6962 => self.key.spki_der(),
        };
        let typed = [&[self.kind.number()], raw].concat();
        let (name, id) = (&self.name, hex::encode(self.id));
        write!(f, "{name}+{id}+{}", STANDARD.encode(typed))
    }
}

/// Not the key of a log or witness.
#[derive(Debug, thiserror::Error)]
#[error("the verifier key {text:?} {detail}")]
pub struct VerifierKeyError {
    /// As given, shortened.
    text: String,
    /// What is wrong.
    detail: &'static str,
}

impl VerifierKeyError {
    /// What is wrong with it.
    pub fn detail(&self) -> &'static str {
        self.detail
    }
}

impl Diagnose for VerifierKeyError {
    fn code(&self) -> Code {
        Code("CRYPTO-0055")
    }

    fn hint(&self) -> Option<String> {
        Some("a log or witness publishes its key as NAME+HASH+BASE64; see its own pages".into())
    }
}

#[cfg(test)]
mod tests;
