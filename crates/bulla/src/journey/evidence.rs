//! Collect, verify, decide: what `verify`, `explain`, `admit` and the end of
//! `ship` have in common.
//!
//! A tag is resolved once; everything after goes by the digest (rule R5). Every
//! seal that hangs on it is verified or kept as a rejection with its reason.

use bulla_admission::{ImageSource as _, SourceError};
use bulla_core::{Decision, Descriptor, Digest, Reference, RootId, Statement, limits};
use bulla_oci::EvidenceSource;
use bulla_policy::{DenyText, Evidence, Input, Policy, Stage};
use bulla_trust::{Rejection, TrustRoot, Verified};
use jiff::Timestamp;
use std::{fs, path::Path, sync::Arc};

use super::{
    image_source::RegistrySource,
    revocations,
    verifying::{Member, Which, within},
};
use crate::{
    compose::{self, Instance},
    failure::{Exit, Failure, OnPath, OrFail},
    instance::Home,
};

/// Everything that is known about one image.
pub struct Gathered {
    /// What was asked for.
    pub requested: Reference,
    /// The same by digest.
    pub pinned: Reference,
    /// The image's manifest.
    pub descriptor: Descriptor,
    /// What its index says that it runs on, where it was found in one.
    pub platform: Option<String>,
    /// What verified, what did not and why, and what could not be had.
    pub evidence: Evidence,
    /// As of when.
    pub as_of: Timestamp,
}

impl Gathered {
    /// It by digest, and what it runs on.
    pub fn shown(&self) -> String {
        match &self.platform {
            Some(platform) => format!("{} ({platform})", self.pinned),
            None => self.pinned.to_string(),
        }
    }

    /// The image's digest.
    pub fn digest(&self) -> &Digest {
        &self.descriptor.digest
    }

    /// Statements that verified.
    pub fn attestations(&self) -> &[Verified<Statement>] {
        &self.evidence.attestations
    }

    /// Seals that did not.
    pub fn rejections(&self) -> Vec<Rejection> {
        self.evidence
            .rejections
            .iter()
            .map(|one| one.rejection.clone())
            .collect()
    }
}

/// Collects and verifies what refers to `reference`, as of `as_of`.
///
/// # Errors
/// If the image cannot be found, or nothing can be said about what refers to it.
pub async fn gather(
    instance: &Instance,
    reference: &Reference,
    trust: &TrustRoot,
    as_of: Timestamp,
) -> Result<Gathered, Failure> {
    let which = Which::Named;
    let (gathered, _) = gather_all(instance, reference, &which, trust, as_of).await?;
    Ok(gathered)
}

/// The same of all that is judged of `reference`: the first, and those below it.
///
/// # Errors
/// As [`gather`], and if not everything that an index lists can be had.
pub async fn gather_all(
    instance: &Instance,
    reference: &Reference,
    which: &Which,
    trust: &TrustRoot,
    as_of: Timestamp,
) -> Result<(Gathered, Vec<Gathered>), Failure> {
    let source = RegistrySource::new(instance)?;
    let named = resolve(&source, reference).await?;
    let pinned = reference.by_digest(named.digest.clone());
    let place = EvidenceSource::Registry {
        registry: source.client(reference),
        image: &pinned,
        evidence: &pinned,
    };
    let (first, below) = which.members(&place, named).await?;
    let gather = |member: Member| gather_one(&source, reference, member, trust, as_of);
    let gathered = async {
        let first = gather(first).await?;
        let mut all = Vec::new();
        for member in below {
            all.push(gather(member).await?);
        }
        Ok((first, all))
    };
    within(place.limits().whole, gathered).await
}

async fn gather_one(
    source: &RegistrySource,
    reference: &Reference,
    member: Member,
    trust: &TrustRoot,
    as_of: Timestamp,
) -> Result<Gathered, Failure> {
    let descriptor = member.descriptor;
    let pinned = reference.by_digest(descriptor.digest.clone());
    let found = source.seals(&pinned).await.or_undecidable();
    let found =
        found.map_err(|failure| failure.on(format!("nothing can be said about {pinned}")))?;
    let mut evidence = Evidence::collect(&[trust], &found.seals, &descriptor.digest, as_of);
    evidence.gaps.extend(found.gaps);
    Ok(Gathered {
        requested: reference.clone(),
        pinned,
        descriptor,
        platform: member.platform,
        evidence,
        as_of,
    })
}

/// Resolves a reference.
///
/// # Errors
/// If there is no such image, or the registry cannot be asked.
pub async fn resolve(
    source: &RegistrySource,
    reference: &Reference,
) -> Result<Descriptor, Failure> {
    source.resolve(reference).await.map_err(|error| {
        let exit = match &error {
            SourceError::Missing { .. } => Exit::NothingToVerify,
            _ => Exit::Undecidable,
        };
        Failure::from_error(exit, &error).on(format!("{reference} cannot be resolved"))
    })
}

/// The decision of `policy` on what was gathered.
pub fn judge(policy: &Policy, gathered: &Gathered) -> Decision {
    let input = Input {
        requested: gathered.requested.clone(),
        digest: gathered.digest().clone(),
        stage: Stage::Admission,
    };
    bulla_policy::evaluate(policy, &input, &gathered.evidence, gathered.as_of)
}

/// The policy in `file`, else the instance's own, else the default.
///
/// # Errors
/// If it cannot be read or is not a policy.
pub fn policy(instance: &Instance, file: Option<&Path>) -> Result<Arc<Policy>, Failure> {
    let names = instance.policy_names()?;
    let Some(file) = file else {
        return compose::instance_policy(instance.home(), &names);
    };
    let bytes = fs::read(file).on_path("read", file)?;
    Policy::parse(&bytes, Some(&names))
        .map(Arc::new)
        .or_could_not_run()
        .map_err(|failure| failure.on(format!("{} is not a policy", file.display())))
}

/// The policy for images that the person sends to another registry: as
/// [`policy`], but the default one admits from there instead.
///
/// # Errors
/// As [`policy`].
pub fn policy_for(
    instance: &Instance,
    file: Option<&Path>,
    registry: &str,
) -> Result<Arc<Policy>, Failure> {
    if file.is_some() || instance.home().policy().is_some() {
        return policy(instance, file);
    }
    let mut names = instance.policy_names()?;
    names.registry = registry.to_owned();
    Policy::embedded_default(&names)
        .map(Arc::new)
        .or_could_not_run()
}

/// The denial as a person reads it, its code at the end; empty when there is none.
pub fn denial(decision: &Decision, image: &Reference) -> String {
    match DenyText::new(decision, &image.to_string(), Stage::Admission) {
        Some(text) => format!("✗ {}", text.lines().join("\n  ")),
        None => String::new(),
    }
}

/// The trust root of the local instance, from disk.
///
/// # Errors
/// If there is no instance yet, or its documents cannot be read.
pub fn instance_trust_root(home: &Home) -> Result<TrustRoot, Failure> {
    if !home.exists() {
        return Err(Failure::new(
            Exit::CouldNotRun,
            "CLI-0071",
            format!("there is no instance in {}", home.path().display()),
        )
        .hint("bulla trust show creates it; or name a root: --trusted-root FILE"));
    }
    let id = RootId(Digest::sha256(&read_document(
        &home.trust("tuf_root.json"),
    )?));
    let bytes = read_document(&home.trust("trusted_root.json"))?;
    let root = TrustRoot::parse(&bytes, id).or_could_not_run()?;
    Ok(revocations::known(root, home))
}

fn read_document(file: &Path) -> Result<Vec<u8>, Failure> {
    let open = fs::File::open(file).on_path("read", file)?;
    limits::read_bounded(open, limits::TRUST_DOCUMENT_BYTES, "trust document").or_could_not_run()
}
