//! Images and what hangs on them, from registries, through the one client.
//!
//! Both layouts are read, bundles and the tags that cosign wrote before them, by
//! the client's own bounds on count, bytes and time. What is there and cannot be
//! had, or is not what it is listed as, is a gap: a rule that it could have been
//! for is undecided.

use bulla_core::{Descriptor, Diagnose as _, Reason, Reference};
use bulla_oci::{ClientError, Registry, cosign::LegacyLayer};
use bulla_policy::{OldLayer, Seal};

use crate::resolve::{Found, ImageSource, SourceError};

impl ImageSource for Registry {
    async fn resolve(&self, image: &Reference) -> Result<Descriptor, SourceError> {
        Self::resolve(self, image).await.map_err(cause)
    }

    async fn seals(&self, image: &Reference) -> Result<Found, SourceError> {
        let Some(subject) = image.digest() else {
            let reference = image.to_string();
            return Err(cause(ClientError::NoTag { reference }));
        };
        let found = Self::seals(self, image, subject).await.map_err(cause)?;
        let bundles = found.bundles.into_iter().map(Seal::Bundle);
        let signatures = found
            .signatures
            .into_iter()
            .map(old)
            .map(Seal::OldSignature);
        let attestations = found.attestations.into_iter().map(old);
        let attestations = attestations.map(Seal::OldAttestation);
        Ok(Found {
            seals: bundles.chain(signatures).chain(attestations).collect(),
            gaps: found.unreadable.iter().map(gap).collect(),
        })
    }
}

fn old(layer: LegacyLayer) -> OldLayer {
    OldLayer {
        payload: layer.bytes,
        annotations: layer.annotations,
    }
}

fn gap((what, error): &(String, ClientError)) -> Reason {
    Reason {
        code: error.code(),
        text: format!("{what} could not be read: {error}"),
        hint: error.hint(),
    }
}

fn cause(error: ClientError) -> SourceError {
    match &error {
        ClientError::NotFound { .. } => SourceError::missing(&error),
        _ => SourceError::unavailable(&error),
    }
}

#[cfg(test)]
mod tests;
