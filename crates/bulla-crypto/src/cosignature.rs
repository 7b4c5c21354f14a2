//! Witness cosignatures (C2SP tlog-cosignature v1): Ed25519 with a time over a
//! checkpoint, in a signature line of a note.
//!
//! It says: at that time this was the largest consistent tree that the witness
//! had seen of the log. The newer ML-DSA form is not made here.

use crate::{
    key::{PublicKey, Scheme, Signer},
    note::{self, NoteError, NoteSignature},
};

/// The signature type in key ids.
const COSIGNATURE: u8 = 4;

/// Signs the text of a checkpoint as the witness `name`, at `time` in seconds since 1970.
///
/// # Errors
/// [`NoteError::Malformed`] for a name that cannot sign, [`NoteError::Key`] if
/// the key is not Ed25519 or fails.
pub fn cosign(
    text: &str,
    name: &str,
    time: u64,
    key: &dyn Signer,
) -> Result<NoteSignature, NoteError> {
    if !note::is_name(name) {
        return Err(NoteError::Malformed(
            "the witness has no name that can sign",
        ));
    }
    let public = key.public();
    if public.scheme() != Scheme::Ed25519 {
        let (key, wanted) = (public.scheme(), Scheme::Ed25519);
        return Err(crate::key::KeyError::Scheme { key, wanted }.into());
    }
    let signature = key.sign(&message(text, time))?;
    Ok(NoteSignature {
        name: name.to_owned(),
        key_id: note::short(&note::typed_key_id(name, COSIGNATURE, public.raw())),
        signature: [&time.to_be_bytes()[..], &signature].concat(),
    })
}

/// Checks a cosignature and tells its time, in seconds since 1970. That `line`
/// is the one of this key, by name and id, is the caller's to see to.
///
/// # Errors
/// [`NoteError::Malformed`] if it has no time, [`NoteError::Key`] if it is wrong.
pub fn verify(text: &str, line: &NoteSignature, key: &PublicKey) -> Result<u64, NoteError> {
    let (time, signature) = line
        .signature
        .split_first_chunk()
        .ok_or(NoteError::Malformed("a cosignature has no time"))?;
    let time = u64::from_be_bytes(*time);
    key.verify(&message(text, time), signature)?;
    Ok(time)
}

fn message(text: &str, time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}
