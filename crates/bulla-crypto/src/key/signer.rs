//! Whatever signs: a key in this process, or one that a device or service holds.

use std::sync::Arc;

use super::{KeyError, PublicKey, Scheme, SigningKey};

/// Signs messages with one key, of which it knows the public half.
pub trait Signer: Send + Sync {
    /// The public half, under the scheme that [`Self::sign`] signs by.
    fn public(&self) -> &PublicKey;

    /// The scheme.
    fn scheme(&self) -> Scheme {
        self.public().scheme()
    }

    /// Signs `message` (the message itself, not its hash), as the scheme says.
    ///
    /// # Errors
    /// [`KeyError::Sign`], or [`KeyError::Elsewhere`] with what the device or
    /// service that holds the key said.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;
}

impl Signer for SigningKey {
    fn public(&self) -> &PublicKey {
        self.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.sign(message)
    }
}

impl<S: Signer + ?Sized> Signer for &S {
    fn public(&self) -> &PublicKey {
        (**self).public()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        (**self).sign(message)
    }
}

impl<S: Signer + ?Sized> Signer for Box<S> {
    fn public(&self) -> &PublicKey {
        (**self).public()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        (**self).sign(message)
    }
}

impl<S: Signer + ?Sized> Signer for Arc<S> {
    fn public(&self) -> &PublicKey {
        (**self).public()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        (**self).sign(message)
    }
}
