//! From what a workload names to one digest and the seals about it.
//!
//! A tag is resolved once per review, and everything after goes by the digest
//! (rule R5). Where the digest is that of an index, the index is judged: its
//! digest covers every child, and the runtime's choice among them is no other
//! artifact. Evidence about a single child does not speak for its index.

use bulla_core::{
    Code, Descriptor, Diagnose, Digest, Reason, Reference, reference::ReferenceError,
};
use bulla_policy::Seal;
use std::future::Future;

/// Where images and their seals are had from.
pub trait ImageSource: Send + Sync + 'static {
    /// What the tag of `image` stands for now. Asked once per review and image.
    fn resolve(
        &self,
        image: &Reference,
    ) -> impl Future<Output = Result<Descriptor, SourceError>> + Send;

    /// What hangs on `image`, a reference by digest, in either layout. What
    /// cannot be had is a gap in the answer; an error means that nothing can be
    /// said about what there is.
    fn seals(&self, image: &Reference) -> impl Future<Output = Result<Found, SourceError>> + Send;
}

/// What hangs on an image.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The seals, as they were stored.
    pub seals: Vec<Seal>,
    /// What is there and could not be had.
    pub gaps: Vec<Reason>,
}

/// Why a source has no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The source says that there is no such image.
    #[error("{text}")]
    Missing {
        /// The stable code.
        code: Code,
        /// What was asked, what was answered.
        text: String,
        /// What mends it.
        hint: Option<String>,
    },
    /// The source could not be asked, or did not answer sensibly.
    #[error("{text}")]
    Unavailable {
        /// The stable code.
        code: Code,
        /// What was asked, what was answered.
        text: String,
        /// What mends it.
        hint: Option<String>,
    },
}

impl SourceError {
    /// There is no such image.
    pub fn missing(cause: &dyn Diagnose) -> Self {
        Self::Missing {
            code: cause.code(),
            text: cause.to_string(),
            hint: cause.hint(),
        }
    }

    /// The source could not be asked.
    pub fn unavailable(cause: &dyn Diagnose) -> Self {
        Self::Unavailable {
            code: cause.code(),
            text: cause.to_string(),
            hint: cause.hint(),
        }
    }
}

impl Diagnose for SourceError {
    fn code(&self) -> Code {
        let (Self::Missing { code, .. } | Self::Unavailable { code, .. }) = self;
        *code
    }

    fn hint(&self) -> Option<String> {
        let (Self::Missing { hint, .. } | Self::Unavailable { hint, .. }) = self;
        hint.clone()
    }
}

/// An image text as Kubernetes means it: `latest` where nothing else is said. A
/// registry must be named; there is no default one here.
///
/// # Errors
/// If it is not a reference.
pub fn parse_image(text: &str) -> Result<Reference, ReferenceError> {
    let image: Reference = text.parse()?;
    if image.tag().is_none() && image.digest().is_none() {
        return image.by_tag("latest");
    }
    Ok(image)
}

/// The digest of `image`: its own, else what its tag stands for.
///
/// # Errors
/// As the source says.
pub async fn digest_of<S: ImageSource>(
    source: &S,
    image: &Reference,
) -> Result<Digest, SourceError> {
    match image.digest() {
        Some(digest) => Ok(digest.clone()),
        None => Ok(source.resolve(image).await?.digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_names_its_registry_and_defaults_to_latest() {
        let image = parse_image("127.0.0.1:5610/hello").unwrap();
        assert_eq!(image.tag(), Some("latest"));
        for text in [
            "nginx",
            "library/nginx:1",
            "",
            "127.0.0.1:5610/hello:",
            "a b/c",
        ] {
            assert!(parse_image(text).is_err(), "{text}");
        }
    }
}
