//! An image, in a registry or saved in a directory: resolved once, its seals
//! collected from where they are asked for, and judged.

use bulla_core::{Descriptor, Digest, Outcome, Reason, Reference};
use bulla_oci::{EvidenceSource, Saved};
use std::path::Path;

use super::{Collected, Demand, Judged, Member, Subject, Which, collect::gather, within};
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
    /// What is judged of it.
    pub which: Which,
}

/// What is known of one manifest, and of those below it that were judged.
pub struct Answer {
    /// It by digest, as a person writes it.
    pub pinned: String,
    /// Its digest.
    pub digest: Digest,
    /// What its index says that it runs on.
    pub platform: Option<String>,
    /// What could not be read.
    pub gaps: Vec<Reason>,
    /// What came out.
    pub judged: Judged,
    /// The same of everything below it, where that was asked for.
    pub below: Vec<Self>,
}

impl Answer {
    /// What came of this manifest alone.
    pub fn own_outcome(&self) -> Outcome {
        self.judged.outcome(&self.gaps)
    }

    /// What came of it as a whole: one that is not accepted fails all.
    pub fn outcome(&self) -> Outcome {
        let below = self.below.iter().map(Self::outcome);
        below.fold(self.own_outcome(), Outcome::max)
    }

    /// It by digest, and what it runs on.
    pub fn shown(&self) -> String {
        match &self.platform {
            Some(platform) => format!("{} ({platform})", self.pinned),
            None => self.pinned.clone(),
        }
    }

    /// Why this manifest is not accepted, if it is not.
    pub fn failure(&self) -> Option<Failure> {
        let on = format!("{} is not verified", self.shown());
        self.judged.failure(on, &self.gaps)
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
    let name = |digest: &Digest| reference.by_digest(digest.clone()).to_string();
    let answer = answer(&source, image, name, question, &demand).await;
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
    let name = |digest: &Digest| format!("layout:{}@{digest}", path.display());
    let source = EvidenceSource::Saved(&saved);
    let image = saved.image().clone();
    answer(&source, image, name, question, &demand).await
}

/// Judges each manifest by itself, one after the other, so that no more than the
/// evidence of one is held at a time.
async fn answer(
    source: &EvidenceSource<'_>,
    image: Descriptor,
    name: impl Fn(&Digest) -> String,
    question: &Question,
    demand: &Demand,
) -> Result<Answer, Failure> {
    let (first, below) = question.which.members(source, image).await?;
    let judge = |member: Member| {
        let pinned = name(&member.descriptor.digest);
        judge_one(source, member, pinned, question, demand)
    };
    let judged = async {
        let mut answer = judge(first).await?;
        for member in below {
            answer.below.push(judge(member).await?);
        }
        Ok(answer)
    };
    within(source.limits().whole, judged).await
}

async fn judge_one(
    source: &EvidenceSource<'_>,
    member: Member,
    pinned: String,
    question: &Question,
    demand: &Demand,
) -> Result<Answer, Failure> {
    let digest = member.descriptor.digest;
    let found = gather(source, &digest, question.layouts, demand.wanted()).await;
    let collected = match (found, &question.which) {
        // Of a whole, one that cannot be looked at is one that is not accepted.
        (Err(error), Which::Whole) => Collected::unknown(&error),
        (found, _) => found.or_undecidable()?,
    };
    let judged = super::judge(&collected, Subject::Image(&digest), demand)?;
    Ok(Answer {
        pinned,
        digest,
        platform: member.platform,
        gaps: collected.gaps,
        judged,
        below: Vec::new(),
    })
}
