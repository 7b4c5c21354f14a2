//! Who did what, when and with which program, in the words of each participant.
//!
//! One file of JSON lines for each person. Each line holds the digest of the one
//! before, the first that of the plan: nothing can be left out or put in between.
//! With each line the whole file is signed anew, with the writer's key (DSSE).

use bulla_core::{
    Digest,
    envelope::{Envelope, EnvelopeSignature, pre_authentication_encoding},
    limits,
};
use bulla_crypto::{PublicKey, Signer};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};

use super::{CeremonyError, Folder, folder};

/// What is signed.
pub const PAYLOAD_TYPE: &str = "application/vnd.bulla.ceremony.transcript.v1+jsonl";
/// Most lines of one transcript.
const LINES: usize = 1_000;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Entry {
    /// From 1.
    pub line: u64,
    /// When, by the clock of that machine.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// `bulla 0.1.0`
    pub tool: String,
    /// What, in words.
    pub what: String,
    /// Digests of what it was done to.
    pub digests: BTreeMap<String, Digest>,
    /// Digest of the line before.
    pub previous: Digest,
}

/// The transcript of one person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Transcript {
    /// Somebody's, which must hold together.
    ///
    /// # Errors
    /// [`CeremonyError::Malformed`] that names the line.
    pub fn read(from: &Folder, name: &str) -> Result<Self, CeremonyError> {
        let path = from.transcript_path(name);
        let bytes = folder::read(&path)?.unwrap_or_default();
        Self::parse(&path, bytes, name, from.digest())
    }

    fn parse(
        path: &Path,
        bytes: Vec<u8>,
        name: &str,
        plan: &Digest,
    ) -> Result<Self, CeremonyError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut previous = plan.clone();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let number = entries.len() as u64 + 1;
            let wrong = |why: &str| CeremonyError::malformed(path, format!("line {number} {why}"));
            let entry: Entry = limits::parse_json(line, 64 << 10, "transcript line")
                .map_err(|error| wrong(&error.to_string()))?;
            if entry.line != number || entry.previous != previous || !line.ends_with(b"\n") {
                return Err(wrong("does not follow the line before"));
            }
            if entry.who != name {
                return Err(wrong("is of somebody else"));
            }
            previous = Digest::sha256(line);
            entries.push(entry);
            if entries.len() > LINES {
                return Err(wrong("is one too many"));
            }
        }
        Ok(Self { bytes, entries })
    }

    /// The lines.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Digest of the whole file.
    pub fn digest(&self) -> Digest {
        Digest::sha256(&self.bytes)
    }

    /// Appends a line, and signs the whole.
    ///
    /// # Errors
    /// [`CeremonyError::File`], [`CeremonyError::Key`].
    pub fn append(
        to: &Folder,
        who: &str,
        at: Timestamp,
        what: &str,
        digests: BTreeMap<String, Digest>,
        signer: &dyn Signer,
    ) -> Result<(), CeremonyError> {
        let mut transcript = Self::read(to, who)?;
        let last = transcript
            .bytes
            .split_inclusive(|byte| *byte == b'\n')
            .next_back();
        let entry = Entry {
            line: transcript.entries.len() as u64 + 1,
            at,
            who: who.into(),
            tool: concat!("bulla ", env!("CARGO_PKG_VERSION")).into(),
            what: what.into(),
            digests,
            previous: last.map_or_else(|| to.digest().clone(), Digest::sha256),
        };
        let path = to.transcript_path(who);
        let mut line =
            serde_json::to_vec(&entry).map_err(|error| CeremonyError::malformed(&path, error))?;
        line.push(b'\n');
        transcript.bytes.extend_from_slice(&line);
        folder::replace(&path, &transcript.bytes)?;
        let message = pre_authentication_encoding(PAYLOAD_TYPE, &transcript.bytes);
        let envelope = Envelope {
            payload_type: PAYLOAD_TYPE.into(),
            payload: transcript.bytes,
            signatures: vec![EnvelopeSignature {
                keyid: signer.public().id().hex().to_owned(),
                sig: signer.sign(&message)?,
            }],
        };
        let bytes = serde_json::to_vec(&envelope)
            .map_err(|error| CeremonyError::malformed(&path, error))?;
        folder::replace(&to.transcript_signature_path(who), &bytes)
    }

    /// The signature on all of it, by that key.
    ///
    /// # Errors
    /// [`CeremonyError::Malformed`] if it is missing, of another text or another key.
    pub fn signed(
        &self,
        from: &Folder,
        name: &str,
        key: &PublicKey,
    ) -> Result<Vec<u8>, CeremonyError> {
        let path = from.transcript_signature_path(name);
        let wrong = |why: &str| CeremonyError::malformed(&path, why);
        let bytes = folder::read(&path)?.ok_or_else(|| wrong("it is missing"))?;
        let envelope: Envelope =
            limits::parse_json(&bytes, limits::TRUST_DOCUMENT_BYTES, "transcript signature")
                .map_err(CeremonyError::limit(&path))?;
        if envelope.payload_type != PAYLOAD_TYPE || envelope.payload != self.bytes {
            return Err(wrong("it is on another text than the transcript"));
        }
        let message = envelope.pre_authentication_encoding();
        let verified = envelope
            .signatures
            .iter()
            .any(|s| key.verify(&message, &s.sig).is_ok());
        match verified {
            true => Ok(bytes),
            false => Err(wrong("it is not by this person's key")),
        }
    }
}
