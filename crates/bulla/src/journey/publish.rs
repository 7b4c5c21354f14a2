//! Where seals of an image go: beside it as referrers, under the tags of the
//! old layout, or both, for the image alone or for everything below an index.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{
    Descriptor, Digest, Reference, Statement, Subject, statement::predicate_type::COSIGN_SIGN_V1,
};
use bulla_net::sealing::Sealed;
use bulla_oci::{
    Registry,
    client::Artifact,
    cosign::{Existing, NewLayer, Slot},
};
use bulla_trust::cosign::SimpleSigning;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, str::FromStr};

use super::{
    evidence,
    reach::Reach,
    signing::{Order, Session},
};
use crate::{
    context::Context,
    failure::{Exit, Failure, OrFail},
};

/// Where seals are written, and looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layouts {
    /// Bundles that refer to the image.
    pub referrers: bool,
    /// The tags `sha256-….sig` and `.att`.
    pub tags: bool,
}

impl Layouts {
    /// Both.
    pub const BOTH: Self = Self {
        referrers: true,
        tags: true,
    };
}

impl FromStr for Layouts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut layouts = Self {
            referrers: false,
            tags: false,
        };
        for name in text.split(',') {
            match name.trim() {
                "referrers" => layouts.referrers = true,
                "tags" => layouts.tags = true,
                other => {
                    return Err(format!(
                        "{other:?} is no layout: use referrers, tags or both"
                    ));
                }
            }
        }
        Ok(layouts)
    }
}

impl std::fmt::Display for Layouts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match (self.referrers, self.tags) {
            (true, true) => "referrers,tags",
            (false, true) => "tags",
            _ => "referrers",
        })
    }
}

/// The image that is sealed.
#[derive(Clone, Debug)]
pub struct Target {
    /// By digest.
    pub pinned: Reference,
    /// Its manifest.
    pub image: Descriptor,
    /// The repository that seals are kept in.
    pub evidence: Reference,
}

/// What is to be sealed, and where that goes.
#[derive(Clone, Debug)]
pub struct Job {
    /// The image.
    pub reference: Reference,
    /// The repository that seals are kept in, where it is another one.
    pub evidence: Option<Reference>,
    /// What is said.
    pub say: Say,
    /// Where it is written.
    pub layouts: Layouts,
    /// Whether everything below an index is sealed, too.
    pub recursive: bool,
}

/// Resolves the image, opens one session, and seals.
///
/// # Errors
/// If the image is not there, or as [`seal_image`].
pub async fn run(order: &Order, job: &Job, context: &Context) -> Result<Written, Failure> {
    let mut registries = vec![&job.reference];
    registries.extend(&job.evidence);
    let reach = Reach::open(context, &registries, order.is_local()).await?;
    let evidence = job.evidence.as_ref().unwrap_or(&job.reference);
    let image = evidence::resolve(reach.source(), &job.reference).await?;
    let pinned = job.reference.by_digest(image.digest.clone());
    let session = Session::open(order, job.layouts.tags, &reach, context).await?;
    let registry = reach.registry(evidence);
    let target = |image: Descriptor| Target {
        pinned: job.reference.by_digest(image.digest.clone()),
        evidence: evidence.clone(),
        image,
    };
    let below = match job.recursive {
        false => Vec::new(),
        true => {
            let children = reach.registry(&job.reference).children(&pinned).await;
            let children = children.or_undecidable()?;
            children.into_iter().filter(|one| one.depth > 0).collect()
        }
    };
    let mut written = seal_image(&session, registry, &target(image), &job.say, job.layouts).await?;
    for child in below {
        let target = target(child.descriptor);
        let one = seal_image(&session, registry, &target, &job.say, job.layouts).await?;
        written.below.push(one);
    }
    reach.close().await;
    Ok(written)
}

/// What is said about it.
#[derive(Clone, Debug)]
pub enum Say {
    /// It is signed, with these annotations.
    Signed(BTreeMap<String, String>),
    /// A statement of that type with that predicate.
    Attested(String, Value),
}

/// A seal as it was attached. Frozen, version 1; fields are only added.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// The image.
    pub pinned: Reference,
    /// Who sealed.
    pub signer: String,
    /// The index of the log entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_index: Option<u64>,
    /// SHA-256 of the bundle.
    pub bundle: Digest,
    /// Where it was written.
    pub layouts: Vec<&'static str>,
    /// What lies below, where it was sealed, too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub below: Vec<Written>,
    /// Who sealed, for a person.
    #[serde(skip)]
    pub shown_signer: String,
    /// The bundle itself.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// Seals an image, and writes the seal where `layouts` says.
///
/// # Errors
/// If it cannot be sealed, or the registry refuses.
pub async fn seal_image(
    session: &Session,
    registry: &Registry,
    target: &Target,
    say: &Say,
    layouts: Layouts,
) -> Result<Written, Failure> {
    let (statement, kind) = statement(target, say);
    let sealed = match say {
        // The old layout signs another payload; the bundle is made all the same,
        // since it is what the person keeps.
        Say::Signed(_) if !layouts.referrers => None,
        _ => Some(session.statement(&statement).await?),
    };
    let mut written = Vec::new();
    if let (true, Some(sealed)) = (layouts.referrers, &sealed) {
        attach(registry, target, sealed, &kind).await?;
        written.push("referrers");
    }
    let mut told = sealed;
    if layouts.tags {
        let (layer, slot, own) = old_layer(session, target, say, told.as_ref()).await?;
        registry
            .add_legacy(
                &target.evidence,
                &target.image.digest,
                slot,
                &[layer],
                Existing::Keep,
            )
            .await
            .or_could_not_run()
            .map_err(|failure| {
                let tag = slot.tag(&target.image.digest);
                failure.on(format!("the registry did not take {tag}"))
            })?;
        written.push("tags");
        told = told.or(own);
    }
    let Some(sealed) = told else {
        return Err(Failure::new(Exit::Usage, "CLI-0311", "no layout is named"));
    };
    Ok(Written {
        pinned: target.pinned.clone(),
        signer: session.signer_of(&sealed),
        shown_signer: session.shown_signer_of(&sealed),
        log_index: sealed.log_index(),
        bundle: sealed.digest.clone(),
        layouts: written,
        below: Vec::new(),
        bytes: sealed.bundle,
    })
}

/// Attaches a bundle to the image it speaks about.
///
/// # Errors
/// If the registry refuses.
pub async fn attach(
    registry: &Registry,
    target: &Target,
    sealed: &Sealed,
    kind: &str,
) -> Result<(), Failure> {
    let time = sealed.time.unwrap_or_else(jiff::Timestamp::now);
    let artifact = Artifact::bundle(sealed.bundle.clone(), kind, time);
    registry
        .attach(&target.evidence, &target.image, &artifact)
        .await
        .or_could_not_run()
        .map(|_| ())
        .map_err(|failure| {
            failure.on(format!(
                "the registry did not take a bundle for {}",
                target.pinned
            ))
        })
}

fn statement(target: &Target, say: &Say) -> (Statement, String) {
    let mut subject = Subject::new(target.pinned.name(), &target.image.digest);
    let (kind, predicate) = match say {
        Say::Signed(annotations) => {
            let pairs = annotations.iter();
            subject.annotations = pairs.map(|(k, v)| (k.clone(), json!(v))).collect();
            (COSIGN_SIGN_V1.to_owned(), json!({}))
        }
        Say::Attested(kind, predicate) => (kind.clone(), predicate.clone()),
    };
    (Statement::new(vec![subject], &kind, predicate), kind)
}

/// The layer of the old layout: a signature over its own payload, or the same
/// envelope that the bundle carries.
async fn old_layer(
    session: &Session,
    target: &Target,
    say: &Say,
    sealed: Option<&Sealed>,
) -> Result<(NewLayer, Slot, Option<Sealed>), Failure> {
    match (say, sealed) {
        (Say::Signed(annotations), _) => {
            let optional: Map<String, Value> = annotations
                .iter()
                .map(|(k, v)| (k.clone(), json!(v)))
                .collect();
            let _: Option<SimpleSigning> = None;
            let payload = serde_json::to_vec(&json!({"critical": {"identity": {"docker-reference": target.pinned.name()}, "image": {"docker-manifest-digest": target.image.digest}, "type": "cosign container image signature"}, "optional": optional})).unwrap_or_default();
            let own = session.blob(&payload).await?;
            let signature = STANDARD.encode(&own.parts.signature);
            let layer = NewLayer::signature(payload, &signature);
            Ok((with_proof(layer, &own), Slot::Signatures, Some(own)))
        }
        (Say::Attested(kind, _), Some(sealed)) => {
            let envelope = sealed.parts.envelope.as_ref();
            let bytes = serde_json::to_vec(&envelope).unwrap_or_default();
            let layer = NewLayer::attestation(bytes, kind);
            Ok((with_proof(layer, sealed), Slot::Attestations, None))
        }
        (Say::Attested(..), None) => Err(Failure::new(
            Exit::CouldNotRun,
            "CLI-0311",
            "no layout is named",
        )),
    }
}

fn with_proof(layer: NewLayer, sealed: &Sealed) -> NewLayer {
    let annotations = sealed.parts.cosign_annotations();
    annotations
        .into_iter()
        .fold(layer, |layer, (key, value)| layer.with(&key, &value))
}
