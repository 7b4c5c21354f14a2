//! Whether a signature is by a key: over a message, or over its digest alone.
//!
//! The key decides the scheme, and the hash is the one that the signer names or
//! else the scheme's own. Two things are tried, because clients differ and no
//! message can be good under both: the other hashes of the SHA-2 family (cosign
//! before 3 knew SHA-256 alone, and can be told any), and Ed25519 pure beside
//! pre-hashed (Ed25519ph).

use bulla_core::digest::Algorithm;
use bulla_crypto::{Hash, PublicKey, Scheme};

use super::{Failure, evidence::Content, verify::Artifact};

/// The hash of our digest, if signatures use it.
pub(crate) fn hash_of(algorithm: Algorithm) -> Option<Hash> {
    match algorithm {
        Algorithm::Sha256 => Some(Hash::Sha256),
        Algorithm::Sha384 => Some(Hash::Sha384),
        Algorithm::Sha512 => Some(Hash::Sha512),
        _ => None,
    }
}

/// The artifact's digest with `hash`.
///
/// # Errors
/// [`Failure::ArtifactForm`] if only another digest of it is known.
pub(super) fn digest(artifact: &Artifact<'_>, hash: Hash) -> Result<Vec<u8>, Failure> {
    match artifact {
        Artifact::Bytes(bytes) => Ok(hash.digest(bytes)),
        Artifact::Digest(digest) if hash_of(digest.algorithm()) == Some(hash) => Ok(digest.bytes()),
        Artifact::Digest(digest) => Err(Failure::ArtifactForm {
            detail: format!(
                "it needs the file or its {} digest, not {}",
                hash.sigstore_name(),
                digest.algorithm().name()
            ),
        }),
    }
}

/// Checks the signature of `content`; `artifact` is what a plain signature is
/// over.
///
/// # Errors
/// [`Failure::SignatureInvalid`], or [`Failure::ArtifactForm`] if the artifact's
/// own bytes are needed.
pub(super) fn check(
    key: &PublicKey,
    content: &Content<'_>,
    artifact: &Artifact<'_>,
) -> Result<(), Failure> {
    match content {
        Content::Envelope(envelope) => {
            let message = envelope.pre_authentication();
            let good = hashes(key, None)
                .into_iter()
                .any(|hash| over_message(key, hash, &message, envelope.signature));
            invalid_unless(good, "its payload and key")
        }
        Content::Message {
            signature,
            declared,
        } => {
            let declared = declared.map(|(hash, _)| hash);
            over_artifact(key, declared, artifact, signature)
        }
    }
}

fn over_artifact(
    key: &PublicKey,
    declared: Option<Hash>,
    artifact: &Artifact<'_>,
    signature: &[u8],
) -> Result<(), Failure> {
    let mut unfit = None;
    let mut tried = false;
    if key.scheme() == Scheme::Ed25519 {
        match artifact {
            Artifact::Bytes(bytes) => {
                tried = true;
                if key.verify(bytes, signature).is_ok() {
                    return Ok(());
                }
            }
            Artifact::Digest(_) => {
                unfit = Some(Failure::ArtifactForm {
                    detail: "pure Ed25519 signs the file itself, so its digest is not enough"
                        .into(),
                });
            }
        }
    }
    for hash in hashes(key, declared) {
        match digest(artifact, hash) {
            Ok(digest) => {
                tried = true;
                if prehashed(key)
                    .is_some_and(|key| key.verify_digest(hash, &digest, signature).is_ok())
                {
                    return Ok(());
                }
            }
            Err(failure) => unfit = unfit.or(Some(failure)),
        }
    }
    match unfit {
        Some(failure) if !tried => Err(failure),
        _ => invalid_unless(false, "the artifact and its key"),
    }
}

/// The hashes that a signature by `key` may use.
fn hashes(key: &PublicKey, declared: Option<Hash>) -> Vec<Hash> {
    match (key.scheme(), declared) {
        (Scheme::Ed25519 | Scheme::Ed25519ph, _) => vec![Hash::Sha512],
        (_, Some(hash)) => vec![hash],
        (scheme, None) => {
            let own = scheme.hash();
            let others = [Hash::Sha256, Hash::Sha384, Hash::Sha512];
            let others = others.into_iter().filter(|hash| *hash != own);
            std::iter::once(own).chain(others).collect()
        }
    }
}

/// The hash under which a signature over `message` is good.
pub(crate) fn hash_signed(key: &PublicKey, message: &[u8], signature: &[u8]) -> Option<Hash> {
    let mut hashes = hashes(key, None).into_iter();
    hashes.find(|hash| over_message(key, *hash, message, signature))
}

fn over_message(key: &PublicKey, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
    key.verify_with(hash, message, signature).is_ok()
        || (key.scheme() == Scheme::Ed25519
            && prehashed(key).is_some_and(|key| {
                key.verify_digest(hash, &hash.digest(message), signature)
                    .is_ok()
            }))
}

/// The key as one that signs digests.
fn prehashed(key: &PublicKey) -> Option<PublicKey> {
    match key.scheme() {
        Scheme::Ed25519 => key.clone().with_scheme(Scheme::Ed25519ph).ok(),
        _ => Some(key.clone()),
    }
}

fn invalid_unless(good: bool, what: &'static str) -> Result<(), Failure> {
    if good {
        Ok(())
    } else {
        Err(Failure::SignatureInvalid {
            what,
            detail: "it is not by this key over these bytes".into(),
        })
    }
}
