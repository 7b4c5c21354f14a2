//! `cosign generate`: the payload that `sign` would sign in the old layout, for
//! whoever signs it with a tool of their own.

use super::{checks, failure::Failure, given::Given, say, sign, surroundings, transfer};

/// Runs it.
///
/// # Errors
/// If the image is not there.
pub fn run(given: &Given) -> Result<(), Failure> {
    let annotations = checks::annotations(given)?;
    let image = surroundings::reference(given.args.first().map_or("", String::as_str))?;
    let digest = surroundings::run(given, async {
        let registry = surroundings::registry(given, &image)?;
        transfer::digest(&registry, &image).await
    })?;
    say::data(given, &sign::payload(&image.name(), &digest, &annotations))
}
