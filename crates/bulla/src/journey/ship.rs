//! `ship`: every stage once, in order, each a line that the person sees.
//!
//! Nothing is published before everything that can be checked here has been: a
//! committed secret, a finding above the gate or a loosened policy end the
//! journey before anything is signed or pushed. At the end the cluster's own
//! webhook decides, over HTTPS, from what it finds in the registry.

use bulla_core::{
    Digest, Reference, Statement, Subject, statement::predicate_type::COSIGN_SIGN_V1,
};
use bulla_net::sealing::Sealed;
use bulla_oci::Layout;
use bulla_policy::Policy;
use serde::Serialize;
use serde_json::{Value, json};
use std::{path::PathBuf, str::FromStr, sync::Arc};
use tempfile::TempDir;

use super::{
    admission,
    chain::{Chain, Stage},
    evidence,
    image_source::RegistrySource,
    publish,
    seal::Signer,
    signing::Session,
    target::Target,
};
use crate::{
    command::build::SourceArgs,
    compose::{self, Instance},
    context::{Context, email_or_git},
    failure::{Exit, Failure, OnPath, OrFail},
    instance::Home,
    output::talk::{Mark, StageLine},
};
use words::{farewell, greet, policy_name, ranges, told};

mod make;
mod words;

/// What is to be shipped, and how.
pub struct Order {
    /// The project.
    pub source: SourceArgs,
    /// Instead of a project: an image built elsewhere.
    pub image: Option<Target>,
    /// Who signs.
    pub email: Option<String>,
    /// The policy that judges.
    pub policy: Option<PathBuf>,
    /// OpenVEX documents that the person vouches for.
    pub vex: Vec<PathBuf>,
    /// Another registry than the instance's.
    pub registry: Option<Destination>,
}

/// Where the image goes: a registry, a repository there, or a tag there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination(String);

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let destination = Self(text.trim_end_matches('/').to_owned());
        match destination.reference("name", "tag") {
            Ok(_) => Ok(destination),
            Err(_) => Err("use REGISTRY, REGISTRY/REPOSITORY or REGISTRY/REPOSITORY:TAG".into()),
        }
    }
}

impl Destination {
    fn reference(&self, name: &str, tag: &str) -> Result<Reference, Failure> {
        let text = &self.0;
        let full = match text.split_once('/') {
            None => format!("{text}/{name}:{tag}"),
            Some((_, repository)) if repository.contains(':') => text.clone(),
            Some(_) => format!("{text}:{tag}"),
        };
        full.parse().or_usage()
    }
}

/// One stage, as it went.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StageRecord {
    /// Which.
    pub stage: Stage,
    /// How it ended.
    pub mark: Mark,
    /// What came out.
    pub text: String,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// What was shipped. Frozen, version 1.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shipped {
    version: u32,
    /// Where the image is, by tag.
    pub reference: Reference,
    /// Its digest.
    pub digest: Digest,
    /// The stages, in order.
    pub stages: Vec<StageRecord>,
    /// The chain, as the registry now proves it.
    pub chain: Chain,
}

impl Shipped {
    /// Whether a pod with it would run.
    pub fn allowed(&self) -> bool {
        self.chain.decision.outcome.is_allowed()
    }
}

/// The stages so far.
struct Journey<'a> {
    context: &'a Context,
    instance: Instance,
    policy: Arc<Policy>,
    email: String,
    vex: Vec<PathBuf>,
    registry: Option<Destination>,
    stages: Vec<StageRecord>,
    room: TempDir,
}

/// An image that is ready to be sealed.
struct Product {
    name: String,
    tag: String,
    layout: Layout,
    digest: Digest,
    statements: Vec<(Signer, &'static str, Value)>,
}

/// Ships.
///
/// # Errors
/// If a stage fails. A denial by the policy is part of the result, and told.
pub async fn run(order: Order, context: &Context) -> Result<Shipped, Failure> {
    let email = email_or_git(order.email.clone(), &context.talk);
    let instance = compose::connect(context).await?;
    greet(context, &instance);
    let file = order.policy.as_deref();
    let policy = match &order.registry {
        None => evidence::policy(&instance, file)?,
        Some(there) => {
            let there = there.reference("name", "tag")?;
            evidence::policy_for(&instance, file, there.registry())?
        }
    };
    let room = tempfile::Builder::new()
        .prefix("bulla-ship-")
        .tempdir()
        .on_path("create a directory in", &std::env::temp_dir())?;
    let mut journey = Journey {
        context,
        instance,
        policy,
        email,
        vex: order.vex.clone(),
        registry: order.registry.clone(),
        stages: Vec::new(),
        room,
    };
    let product = match &order.image {
        None => journey.build_product(&order.source).await?,
        Some(target) => journey.take_product(target).await?,
    };
    let (reference, sealed) = journey.seal(&product).await?;
    journey.publish(&product, &reference, &sealed).await?;
    let shipped = journey.admit(&reference, order.policy.is_some()).await?;
    farewell(context, &shipped);
    Ok(shipped)
}

impl Journey<'_> {
    fn line(&self, stage: Stage) -> StageLine {
        self.context.talk.stage(stage.name())
    }

    fn end(&mut self, line: StageLine, stage: Stage, mark: Mark, text: impl Into<String>) {
        let text = text.into();
        let seconds = line.end(mark, &text);
        self.stages.push(StageRecord {
            stage,
            mark,
            text,
            seconds,
        });
    }

    /// Runs work that blocks without holding up the services of this process.
    fn blocking<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        tokio::task::block_in_place(work)
    }

    fn home(&self) -> &Home {
        self.instance.home()
    }

    /// Everybody seals what they stand for: the person the image, the services the rest.
    async fn seal(
        &mut self,
        product: &Product,
    ) -> Result<(Reference, Vec<(Sealed, &'static str)>), Failure> {
        let line = self.line(Stage::Sign);
        let own = || Destination(self.instance.names().registry());
        let destination = self.registry.clone().unwrap_or_else(own);
        let reference = destination.reference(&product.name, &product.tag)?;
        let subject = || vec![Subject::new(reference.name(), &product.digest)];
        let person = (
            Signer::Person(self.email.clone()),
            COSIGN_SIGN_V1,
            json!({}),
        );
        let mut sealed = Vec::new();
        let mut sessions: Vec<(&Signer, Session)> = Vec::new();
        for (signer, kind, predicate) in std::iter::once(&person).chain(&product.statements) {
            line.progress(
                sealed.len() as u64,
                product.statements.len() as u64 + 1,
                *kind,
            );
            let statement = Statement::new(subject(), *kind, predicate.clone());
            if !sessions.iter().any(|(known, _)| *known == signer) {
                let session = Session::of_instance(&self.instance, signer).await;
                sessions.push((signer, session.map_err(|failure| told(&line, failure))?));
            }
            let Some((_, session)) = sessions.iter().find(|(known, _)| *known == signer) else {
                continue;
            };
            let one = session
                .statement(&statement)
                .await
                .map_err(|failure| told(&line, failure))?;
            sealed.push((one, *kind));
        }
        let text = format!(
            "image by {} (asserted) · {} statements by the services",
            self.email,
            sealed.len() - 1
        );
        self.end(line, Stage::Sign, Mark::Ok, text);

        let line = self.line(Stage::Log);
        let entries = || sealed.iter().filter_map(|(sealed, _)| sealed.log.as_ref());
        let indexes: Vec<u64> = entries().map(|log| log.index).collect();
        let size = entries().map(|log| log.tree_size).max().unwrap_or_default();
        let text = format!(
            "entries {} included, checkpoint {size}, time stamped",
            ranges(&indexes)
        );
        self.end(line, Stage::Log, Mark::Ok, text);
        Ok((reference, sealed))
    }

    async fn publish(
        &mut self,
        product: &Product,
        reference: &Reference,
        sealed: &[(Sealed, &'static str)],
    ) -> Result<(), Failure> {
        let line = self.line(Stage::Registry);
        let source = RegistrySource::new(&self.instance)?;
        let client = source.client(reference);
        line.now("pushing the image");
        let architecture = bulla_oci::image::host_architecture();
        let (image, _) = product.layout.image(architecture).or_could_not_run()?;
        client
            .push(&product.layout, &image, reference)
            .await
            .or_could_not_run()
            .map_err(|failure| {
                told(
                    &line,
                    failure.on(format!("{reference} could not be pushed")),
                )
            })?;
        let target = publish::Target {
            pinned: reference.by_digest(product.digest.clone()),
            evidence: reference.clone(),
            image,
        };
        for (one, kind) in sealed {
            line.now(format!("attaching {kind}"));
            publish::attach(client, &target, one, kind)
                .await
                .map_err(|failure| told(&line, failure))?;
        }
        let text = format!("{reference}  {} referrers, tag sealed", sealed.len());
        self.end(line, Stage::Registry, Mark::Ok, text);
        Ok(())
    }

    /// The webhook decides; what it decided from is then laid out as the chain.
    async fn admit(mut self, reference: &Reference, own_policy: bool) -> Result<Shipped, Failure> {
        let line = self.line(Stage::Admission);
        let answer = match self.registry {
            None => admission::ask_webhook(&self.instance, reference).await,
            Some(_) => admission::judge_here(&self.instance, reference, &self.policy).await,
        };
        let answer = answer.map_err(|f| told(&line, f))?;
        let trust = self.instance.trust_root()?;
        let gathered =
            evidence::gather(&self.instance, reference, &trust, jiff::Timestamp::now()).await?;
        let decision = evidence::judge(&self.policy, &gathered);
        let chain = Chain::new(
            reference.clone(),
            gathered.digest().clone(),
            gathered.attestations(),
            &gathered.rejections(),
            decision.clone(),
        );
        let expected = gathered.pinned.to_string();
        if answer.allowed && answer.pinned.as_deref() != Some(expected.as_str()) {
            let failure = Failure::new(
                Exit::Denied,
                "ADMISSION-0092",
                "the webhook pinned another image",
            )
            .line(format!(
                "pinned   {}",
                answer.pinned.as_deref().unwrap_or("nothing")
            ))
            .line(format!("expected {expected}"))
            .hint("somebody changed the registry meanwhile: bulla explain shows what is there now");
            return Err(told(&line, failure));
        }
        if decision.outcome.is_allowed() && !answer.allowed && !own_policy {
            line.deny(&answer.message);
            return Err(Failure::told(Exit::Denied));
        }
        if decision.outcome.is_allowed() {
            let text = format!(
                "ALLOWED by policy {} ({} rules)",
                policy_name(&decision),
                decision.rules.len()
            );
            self.end(line, Stage::Admission, Mark::Ok, text);
        } else {
            let text = evidence::denial(&decision, &gathered.pinned);
            line.deny(text.trim_start_matches("✗ "));
        }
        let digest = gathered.digest().clone();
        let stages = std::mem::take(&mut self.stages);
        let shipped = Shipped {
            version: 1,
            reference: reference.clone(),
            digest,
            stages,
            chain,
        };
        self.instance.stop().await;
        Ok(shipped)
    }
}
