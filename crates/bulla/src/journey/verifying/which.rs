//! Which manifests a name stands for: the one that it names, the image for a
//! platform below it, or an index with everything below it.
//!
//! An index says which image is for which platform; that is believed as far as
//! its bytes are those of the digest that was resolved, and no further: whoever
//! wants to know who made the index judges it as a whole.

use bulla_core::Descriptor;
use bulla_oci::{ClientError, EvidenceSource, PlatformName, platform};
use std::time::Duration;

use crate::{
    failure::{Failure, OrFail},
    journey::image_source::asked_failed,
};

/// What is judged of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// The manifest that it stands for.
    #[default]
    Named,
    /// Of an index, the image for this platform.
    Platform(PlatformName),
    /// It, and everything below it.
    Whole,
}

/// A manifest that is judged.
#[derive(Clone, Debug)]
pub struct Member {
    /// It.
    pub descriptor: Descriptor,
    /// What its index says that it runs on.
    pub platform: Option<String>,
}

impl Member {
    fn new(descriptor: Descriptor) -> Self {
        Self {
            platform: descriptor.platform.as_ref().map(platform::told),
            descriptor,
        }
    }
}

impl Which {
    /// The manifest that is judged first, and those below it that are, too.
    ///
    /// # Errors
    /// If there is no image for the platform, or several, or not everything that
    /// an index lists can be had.
    pub async fn members(
        &self,
        source: &EvidenceSource<'_>,
        named: Descriptor,
    ) -> Result<(Member, Vec<Member>), Failure> {
        let found = match self {
            Self::Named => Ok((named, Vec::new())),
            Self::Platform(platform) => {
                let found = source.for_platform(platform).await;
                found.map(|image| (image, Vec::new()))
            }
            Self::Whole => source.family().await.map(|family| (named, family)),
        };
        let (first, family) = found.map_err(|error| asked_failed(&error))?;
        let below = family.into_iter().filter(|child| child.depth > 0);
        let below = below.map(|child| Member::new(child.descriptor));
        Ok((Member::new(first), below.collect()))
    }
}

/// What `judging` all members gives, if it comes in time.
///
/// # Errors
/// If it does not.
pub async fn within<T>(
    limit: Duration,
    judging: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let late = |_| ClientError::Late {
        what: "collecting the evidence of everything below it",
        seconds: limit.as_secs(),
    };
    let judged = tokio::time::timeout(limit, judging).await;
    judged.map_err(late).or_undecidable()?
}
