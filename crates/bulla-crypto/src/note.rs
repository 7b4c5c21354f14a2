//! Signed notes (C2SP signed-note): a text, a blank line, signature lines.
//!
//! Key ids: Ed25519 is `SHA-256(name ‖ \n ‖ 0x01 ‖ key)`, ECDSA is the SHA-256 of
//! the SubjectPublicKeyInfo; four bytes of either stand in a signature line.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Code, Diagnose};
use sha2::{Digest as _, Sha256};

use crate::key::{KeyError, PublicKey, Scheme, Signer};

const MAX_NOTE_BYTES: usize = 1 << 20;
const MAX_SIGNATURES: usize = 64;
const ALG_ED25519: u8 = 1;

/// A note whose signatures have not been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The signed text, its last newline included.
    pub text: String,
    /// At least one.
    pub signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// The signer's name: a hint.
    pub name: String,
    /// The first bytes of the key's id: a hint.
    pub key_id: [u8; 4],
    /// The signature.
    pub signature: Vec<u8>,
}

impl NoteSignature {
    /// `— NAME BASE64`, with its newline.
    pub fn line(&self) -> String {
        let bytes = [&self.key_id[..], &self.signature].concat();
        format!("— {} {}\n", self.name, STANDARD.encode(bytes))
    }
}

/// The full key id of `key` under `name`.
pub fn key_id(name: &str, key: &PublicKey) -> [u8; 32] {
    match key.scheme() {
        Scheme::Ed25519 => typed_key_id(name, ALG_ED25519, key.raw()),
        _ => Sha256::digest(key.spki_der()).into(),
    }
}

pub(crate) fn typed_key_id(name: &str, kind: u8, key: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', kind])
        .chain_update(key)
        .finalize()
        .into()
}

/// Signs `text` (which ends with a newline) as `name`.
///
/// # Errors
/// [`NoteError::Malformed`] for a text or name that no note can hold.
pub fn sign_note(text: &str, name: &str, key: &dyn Signer) -> Result<Note, NoteError> {
    check_name(name)?;
    check_text(text)?;
    Ok(Note {
        text: text.into(),
        signatures: vec![NoteSignature {
            name: name.into(),
            key_id: short(&key_id(name, key.public())),
            signature: key.sign(text.as_bytes())?,
        }],
    })
}

pub(crate) fn short(key_id: &[u8; 32]) -> [u8; 4] {
    let [a, b, c, d, ..] = *key_id;
    [a, b, c, d]
}

impl Note {
    /// Checks that `key` signed it as `name`.
    ///
    /// # Errors
    /// [`NoteError::Unsigned`] if there is no line of that name and key,
    /// [`NoteError::Key`] if there is one and it is wrong.
    pub fn verify(&self, name: &str, key: &PublicKey) -> Result<(), NoteError> {
        let id = short(&key_id(name, key));
        let line = self
            .signatures
            .iter()
            .find(|line| line.name == name && line.key_id == id);
        let line = line.ok_or_else(|| NoteError::Unsigned(name.into()))?;
        Ok(key.verify(self.text.as_bytes(), &line.signature)?)
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|signature| f.write_str(&signature.line()))
    }
}

/// Reads a note.
///
/// # Errors
/// [`NoteError::Malformed`] if it is none, [`NoteError::Size`] if it is too large.
pub fn parse_note(bytes: &[u8]) -> Result<Note, NoteError> {
    if bytes.len() > MAX_NOTE_BYTES {
        return Err(NoteError::Size);
    }
    let all = std::str::from_utf8(bytes).map_err(|_| NoteError::Malformed("not UTF-8"))?;
    let split = all
        .rfind("\n\n")
        .ok_or(NoteError::Malformed("no blank line"))?;
    let (text, lines) = all.split_at(split + 1);
    let lines = lines.strip_prefix('\n').unwrap_or(lines);
    check_text(text)?;
    Ok(Note {
        text: text.into(),
        signatures: parse_signature_lines(lines.as_bytes())?,
    })
}

/// Reads signature lines alone, each with its newline: what a witness answers.
///
/// # Errors
/// [`NoteError::Malformed`] if one is none, [`NoteError::Size`] if they are too many.
pub fn parse_signature_lines(bytes: &[u8]) -> Result<Vec<NoteSignature>, NoteError> {
    if bytes.len() > MAX_NOTE_BYTES {
        return Err(NoteError::Size);
    }
    let lines = std::str::from_utf8(bytes).map_err(|_| NoteError::Malformed("not UTF-8"))?;
    let lines = lines
        .strip_suffix('\n')
        .ok_or(NoteError::Malformed("no newline at its end"))?;
    if lines.split('\n').count() > MAX_SIGNATURES {
        return Err(NoteError::Size);
    }
    lines.split('\n').map(parse_line).collect()
}

fn parse_line(line: &str) -> Result<NoteSignature, NoteError> {
    let malformed = || NoteError::Malformed("a signature line is wrong");
    let (name, base64) = line
        .strip_prefix("— ")
        .and_then(|rest| rest.split_once(' '))
        .ok_or_else(malformed)?;
    check_name(name)?;
    let bytes = STANDARD.decode(base64).map_err(|_| malformed())?;
    let (key_id, signature) = bytes.split_first_chunk().ok_or_else(malformed)?;
    if signature.is_empty() {
        return Err(malformed());
    }
    Ok(NoteSignature {
        name: name.into(),
        key_id: *key_id,
        signature: signature.to_vec(),
    })
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if !text.ends_with('\n') || text.chars().any(|c| c < ' ' && c != '\n') {
        return Err(NoteError::Malformed(
            "its text has no last newline, or control characters",
        ));
    }
    Ok(())
}

/// Whether a signature line can carry this name.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('+') && !name.chars().any(char::is_whitespace)
}

fn check_name(name: &str) -> Result<(), NoteError> {
    if !is_name(name) {
        return Err(NoteError::Malformed(
            "a signer's name is empty or has spaces or +",
        ));
    }
    Ok(())
}

/// What can go wrong with a note.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// The key or its signature.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Not a note.
    #[error("this is not a signed note: {0}")]
    Malformed(&'static str),
    /// Too large.
    #[error("the signed note is too large")]
    Size,
    /// No such signature.
    #[error("the note is not signed by the known key of {0:?}")]
    Unsigned(String),
}

impl Diagnose for NoteError {
    fn code(&self) -> Code {
        match self {
            Self::Key(error) => error.code(),
            Self::Malformed(_) => Code("CRYPTO-0050"),
            Self::Size => Code("CRYPTO-0051"),
            Self::Unsigned(_) => Code("CRYPTO-0052"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;
    use proptest::prelude::*;

    #[test]
    fn signs_and_comes_back() {
        for scheme in [Scheme::Ed25519, Scheme::EcdsaP256] {
            let key = SigningKey::generate(scheme).unwrap();
            let note = sign_note("one\n\ntwo\n", "log.example", &key).unwrap();
            let again = parse_note(note.to_string().as_bytes()).unwrap();
            assert_eq!(again, note);
            again.verify("log.example", key.public()).unwrap();
            assert!(again.verify("other", key.public()).is_err());
            let changed = Note {
                text: "one\n\ntwa\n".into(),
                ..note
            };
            assert!(matches!(
                changed.verify("log.example", key.public()),
                Err(NoteError::Key(_))
            ));
        }
    }

    #[test]
    fn refuses_what_is_no_note() {
        for bad in [
            "",
            "text\n",
            "text\n\n",
            "text\n\n- name AAAAAAA=\n",
            "text\n\n— name AAAA\n",
            "text\n\n— na+me AAAAAAA=\n",
            "te\txt\n\n— name AAAAAAA=\n",
            "text\n\n— name AAAAAAA=",
        ] {
            assert!(parse_note(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(parse_note("text\n\n— name AAAAAAA=\n".as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn what_parses_is_written_back(text in "\\PC{0,20}\n\n— [a-z]{1,5} [A-Za-z0-9+/]{8}\n") {
            if let Ok(note) = parse_note(text.as_bytes()) {
                prop_assert_eq!(note.to_string(), text);
            }
        }

        #[test]
        fn parsing_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = parse_note(&bytes);
        }
    }
}
