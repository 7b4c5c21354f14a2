//! `--attachment sbom`: what hangs on an image, signed or verified as an image of
//! its own. Its tag is `sha256-HEX.sbom`, HEX being the image's digest. As in cosign,
//! only signatures of the old layout count for it.

use bulla_core::Reference;
use bulla_oci::{Registry, cosign::Slot};

use super::{failure::Failure, given::Given, surroundings};

/// Whether the command is about what is attached.
pub fn is_named(given: &Given) -> bool {
    kind(given).is_some()
}

fn kind(given: &Given) -> Option<&str> {
    // Attestations are verified of images alone: those commands lack the flag.
    let flag = given.command.flag("attachment")?;
    given.text(flag.name)
}

/// The attachment that the flag names, of `image`; `image` without the flag.
///
/// # Errors
/// If there is no such attachment, or the image is not there.
pub async fn of(
    given: &Given,
    registry: &Registry,
    image: Reference,
) -> Result<Reference, Failure> {
    match kind(given) {
        None => return Ok(image),
        Some("sbom") => {}
        Some(other) => {
            return Err(
                Failure::coded("CLI-0547", format!("unknown attachment type {other:?}"))
                    .hint("the only one is sbom; attestations have `cosign verify-attestation`"),
            );
        }
    }
    let digest = match image.digest() {
        Some(digest) => digest.clone(),
        None => {
            let found = registry.manifest(&image).await;
            let found = found.map_err(|error| {
                surroundings::registry_error("resolving attachment type sbom", &error)
            })?;
            found.descriptor.digest
        }
    };
    let place = surroundings::evidence(&image)?;
    surroundings::reference(&format!("{}:{}", place.name(), Slot::Sboms.tag(&digest)))
}
