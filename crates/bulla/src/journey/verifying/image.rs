//! An image, in a registry or saved in a directory: resolved once, its seals
//! collected from where they are asked for, and judged.

use bulla_core::{Digest, Reason, Reference};
use bulla_oci::{EvidenceSource, Saved};
use std::path::Path;

use super::{Collected, Demand, Judged, Subject, collect, judge};
use crate::{
    context::Context,
    failure::{Exit, Failure, OrFail},
    journey::{evidence, publish::Layouts, reach::Reach, target::Target},
};

/// Which image, and where its seals are.
#[derive(Clone, Debug)]
pub struct Question {
    /// The image: in a registry, or a saved layout.
    pub target: Target,
    /// The repository that seals are kept in, where it is another one.
    pub evidence: Option<Reference>,
    /// Where seals are looked for.
    pub layouts: Layouts,
}

/// What is known of it.
pub struct Answer {
    /// The image by digest, as a person writes it.
    pub pinned: String,
    /// Its digest.
    pub digest: Digest,
    /// What was found.
    pub collected: Collected,
    /// What came out.
    pub judged: Judged,
}

impl Answer {
    /// What could not be read.
    pub fn gaps(&self) -> &[Reason] {
        &self.collected.gaps
    }
}

/// Verifies an image. `demand` is made once it can be: the trust of a local
/// instance may have to be started first.
///
/// # Errors
/// If the image or its seals cannot be had.
pub async fn image(
    question: &Question,
    demand: impl FnOnce() -> Result<Demand, Failure>,
    context: &Context,
) -> Result<Answer, Failure> {
    match &question.target {
        Target::Image(reference) => in_registry(question, reference, demand, context).await,
        Target::Layout(path) => saved(question, path, demand).await,
        other => Err(
            Failure::new(Exit::Usage, "CLI-0323", format!("{other} is no image"))
                .hint("name an image, REGISTRY/REPOSITORY:TAG, or a saved one, layout:DIR"),
        ),
    }
}

async fn in_registry(
    question: &Question,
    reference: &Reference,
    demand: impl FnOnce() -> Result<Demand, Failure>,
    context: &Context,
) -> Result<Answer, Failure> {
    let mut registries = vec![reference];
    registries.extend(&question.evidence);
    let reach = Reach::open(context, &registries, false).await?;
    let demand = demand()?;
    let image = evidence::resolve(reach.source(), reference).await?;
    let pinned = reference.by_digest(image.digest.clone());
    let place = question.evidence.as_ref().unwrap_or(&pinned);
    let source = reach.evidence(&pinned, place);
    let answer = answer(&source, image.digest, pinned.to_string(), question, &demand).await;
    reach.close().await;
    answer
}

async fn saved(
    question: &Question,
    path: &Path,
    demand: impl FnOnce() -> Result<Demand, Failure>,
) -> Result<Answer, Failure> {
    let demand = demand()?;
    let saved = Saved::open(path).or_could_not_run()?;
    let digest = saved.image().digest.clone();
    let name = format!("layout:{}@{digest}", path.display());
    let source = EvidenceSource::Saved(&saved);
    answer(&source, digest, name, question, &demand).await
}

async fn answer(
    source: &EvidenceSource<'_>,
    digest: Digest,
    pinned: String,
    question: &Question,
    demand: &Demand,
) -> Result<Answer, Failure> {
    let collected = collect(source, &digest, question.layouts, demand.wanted()).await?;
    let subject = Subject::Image(&digest);
    let judged = judge(&collected, subject, demand)?;
    Ok(Answer {
        pinned,
        digest,
        collected,
        judged,
    })
}
