//! Checkpoints (C2SP tlog-checkpoint): a log's signed size and root.
//!
//! Two signature forms: a plain note signature (Rekor), and the tree head of
//! RFC 6962 inside a note signature line (static-ct-api).

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    key::{PublicKey, Signer},
    merkle::NodeHash,
    note::{self, Note, NoteError, NoteSignature},
};

const ALG_RFC6962: u8 = 5;
const VERSION_V1: u8 = 0;
const TREE_HASH: u8 = 1;
const SHA256_ECDSA: [u8; 2] = [4, 3];

/// What a log says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// The root over them.
    pub root: NodeHash,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            STANDARD.encode(self.root)
        )
    }

    /// Signs it as its origin, as Rekor does.
    ///
    /// # Errors
    /// As [`note::sign_note`].
    pub fn sign(&self, key: &dyn Signer) -> Result<Note, NoteError> {
        note::sign_note(&self.text(), &self.origin, key)
    }

    /// Signs it as a static-ct-api log does, at `timestamp_ms`. The key is ECDSA P-256.
    ///
    /// # Errors
    /// If signing fails.
    pub fn sign_rfc6962(&self, key: &dyn Signer, timestamp_ms: u64) -> Result<Note, NoteError> {
        let signature = key.sign(&self.tree_head(timestamp_ms))?;
        let length = u16::try_from(signature.len()).map_err(|_| NoteError::Size)?;
        let mut line = timestamp_ms.to_be_bytes().to_vec();
        line.extend_from_slice(&SHA256_ECDSA);
        line.extend_from_slice(&length.to_be_bytes());
        line.extend_from_slice(&signature);
        Ok(Note {
            text: self.text(),
            signatures: vec![NoteSignature {
                name: self.origin.clone(),
                key_id: rfc6962_key_id(&self.origin, key.public()),
                signature: line,
            }],
        })
    }

    /// Checks what [`Self::sign_rfc6962`] made and tells its time.
    ///
    /// # Errors
    /// [`NoteError`] if the note holds no such signature, or a wrong one.
    pub fn verify_rfc6962(&self, note: &Note, key: &PublicKey) -> Result<u64, NoteError> {
        let unsigned = || NoteError::Unsigned(self.origin.clone());
        let id = rfc6962_key_id(&self.origin, key);
        let mut lines = note.signatures.iter();
        let line = lines
            .find(|line| line.name == self.origin && line.key_id == id)
            .ok_or_else(unsigned)?;
        let (timestamp, rest) = line.signature.split_first_chunk().ok_or_else(unsigned)?;
        let timestamp = u64::from_be_bytes(*timestamp);
        let (header, signature) = rest.split_first_chunk::<4>().ok_or_else(unsigned)?;
        let [hash, scheme, high, low] = *header;
        if [hash, scheme] != SHA256_ECDSA
            || usize::from(u16::from_be_bytes([high, low])) != signature.len()
            || note.text != self.text()
        {
            return Err(unsigned());
        }
        key.verify(&self.tree_head(timestamp), signature)?;
        Ok(timestamp)
    }

    fn tree_head(&self, timestamp_ms: u64) -> Vec<u8> {
        let mut out = vec![VERSION_V1, TREE_HASH];
        out.extend_from_slice(&timestamp_ms.to_be_bytes());
        out.extend_from_slice(&self.size.to_be_bytes());
        out.extend_from_slice(&self.root);
        out
    }
}

fn rfc6962_key_id(origin: &str, key: &PublicKey) -> [u8; 4] {
    note::short(&note::typed_key_id(origin, ALG_RFC6962, &key.id().bytes()))
}

/// Reads the text of a note as a checkpoint. Extension lines are allowed and dropped.
///
/// # Errors
/// [`NoteError::Malformed`] if it is none.
pub fn parse_checkpoint(text: &[u8]) -> Result<Checkpoint, NoteError> {
    let malformed = || NoteError::Malformed("its text is no checkpoint");
    let text = std::str::from_utf8(text).map_err(|_| malformed())?;
    let mut lines = text.strip_suffix('\n').ok_or_else(malformed)?.split('\n');
    let origin = lines
        .next()
        .filter(|line| !line.is_empty())
        .ok_or_else(malformed)?;
    let size_text = lines.next().ok_or_else(malformed)?;
    let size: u64 = size_text.parse().map_err(|_| malformed())?;
    let root = STANDARD
        .decode(lines.next().ok_or_else(malformed)?)
        .map_err(|_| malformed())?;
    if size.to_string() != size_text || lines.any(str::is_empty) {
        return Err(malformed());
    }
    Ok(Checkpoint {
        origin: origin.into(),
        size,
        root: root.try_into().map_err(|_| malformed())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Scheme, SigningKey};
    use proptest::prelude::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            origin: "127.0.0.1".into(),
            size: 42,
            root: [9; 32],
        }
    }

    #[test]
    fn both_forms_bind_size_and_root() {
        let (key, ct) = (
            SigningKey::generate(Scheme::Ed25519).unwrap(),
            SigningKey::generate(Scheme::EcdsaP256).unwrap(),
        );
        let note = checkpoint().sign(&key).unwrap();
        note.verify("127.0.0.1", key.public()).unwrap();
        assert_eq!(
            parse_checkpoint(note.text.as_bytes()).unwrap(),
            checkpoint()
        );
        let note = checkpoint().sign_rfc6962(&ct, 123).unwrap();
        let note = note::parse_note(note.to_string().as_bytes()).unwrap();
        assert_eq!(
            checkpoint().verify_rfc6962(&note, ct.public()).unwrap(),
            123
        );
        let other = Checkpoint {
            size: 43,
            ..checkpoint()
        };
        assert!(other.verify_rfc6962(&note, ct.public()).is_err());
    }

    #[test]
    fn refuses_other_spellings() {
        for bad in [
            "",
            "o\n1\n",
            "o\n01\nCQkJ\n",
            "o\n1\nCQkJ\n",
            "\n1\nCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n",
        ] {
            assert!(parse_checkpoint(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn comes_back(origin in "[a-z0-9./:-]{1,30}", size in any::<u64>(), root in any::<[u8; 32]>()) {
            let checkpoint = Checkpoint { origin, size, root };
            prop_assert_eq!(parse_checkpoint(checkpoint.text().as_bytes()).unwrap(), checkpoint);
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,40}\n[0-9]{0,20}\n\\PC{0,50}\n") {
            let _ = parse_checkpoint(text.as_bytes());
        }
    }
}
