//! Ed25519ph (RFC 8032 §5.1): Ed25519 over the SHA-512 of a message, with an
//! empty context. cosign signs blobs with it when the key is Ed25519.
//!
//! The one scheme that aws-lc lacks; ed25519-dalek does it. Verification is the
//! strict one: it refuses keys and points of small order, under which a
//! signature would bind to nothing.

use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use sha2::{Digest, Sha512, digest};

/// The signature of the key with this `seed` over `message`.
pub(super) fn sign(seed: &[u8; 32], message: &[u8]) -> Option<Vec<u8>> {
    let key = SigningKey::from_bytes(seed);
    let signature = key.sign_prehashed(Sha512::new_with_prefix(message), None);
    Some(signature.ok()?.to_bytes().to_vec())
}

/// Checks `signature` over a message whose SHA-512 is `hash`.
pub(super) fn verify(key: &[u8], hash: &[u8], signature: &[u8]) -> Option<()> {
    let key = VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
    let signature = Signature::from_slice(signature).ok()?;
    let hash = Known(hash.try_into().ok()?);
    key.verify_prehashed_strict(hash, None, &signature).ok()
}

/// A SHA-512 that is already finished: the library takes only a running one.
struct Known([u8; 64]);

impl digest::OutputSizeUser for Known {
    type OutputSize = digest::consts::U64;
}

impl digest::FixedOutput for Known {
    fn finalize_into(self, out: &mut digest::Output<Self>) {
        out.copy_from_slice(&self.0);
    }
}

// `Digest` asks for these; nothing calls them for a value that is given.
impl Default for Known {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl digest::Update for Known {
    fn update(&mut self, _: &[u8]) {}
}

impl digest::HashMarker for Known {}
