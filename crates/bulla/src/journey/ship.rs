//! `ship`: every stage once, in order, each a line that the person sees.
//!
//! Nothing is published before everything that can be checked here has been: a
//! committed secret, a finding above the gate or a loosened policy end the
//! journey before anything is signed or pushed. At the end the cluster's own
//! webhook decides, over HTTPS, from what it finds in the registry.

use bulla_core::{
    Decision, Digest, Reference, Statement, Subject,
    statement::predicate_type::{
        COSIGN_SIGN_V1, CYCLONEDX, OPENVEX, SLSA_PROVENANCE_V1, SPDX, VULNS_V02,
    },
};
use bulla_net::{Sealed, token::Service};
use bulla_oci::Layout;
use bulla_policy::{Policy, TightenError};
use serde::Serialize;
use serde_json::{Value, json};
use std::{path::PathBuf, sync::Arc};
use tempfile::TempDir;

use super::{
    admission, build,
    chain::{Chain, Stage},
    chain_text, evidence,
    image_source::RegistrySource,
    inventory, scan, seal,
    seal::Signer,
    source::{self, Checkout},
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
    stages: Vec<StageRecord>,
    room: TempDir,
}

/// An image that is ready to be sealed.
struct Product {
    name: String,
    tag: String,
    layout: Layout,
    digest: Digest,
    checkout: Option<Checkout>,
    statements: Vec<(Signer, &'static str, Value)>,
}

/// Ships.
///
/// # Errors
/// If a stage fails. A denial by the policy is part of the result, and told.
pub async fn run(order: Order, context: &Context) -> Result<Shipped, Failure> {
    let email = email_or_git(order.email.clone())?;
    let instance = compose::connect(context).await?;
    greet(context, &instance);
    let policy = evidence::policy(&instance, order.policy.as_deref())?;
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
        stages: Vec::new(),
        room,
    };
    let product = match &order.image {
        None => journey.from_source(&order.source).await?,
        Some(target) => journey.from_elsewhere(target).await?,
    };
    let (reference, sealed) = journey.seal(&product).await?;
    journey.publish(&product, &reference, &sealed).await?;
    let shipped = journey.admit(&reference, order.policy.is_some()).await?;
    farewell(context, &shipped, &product);
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

    async fn from_source(&mut self, args: &SourceArgs) -> Result<Product, Failure> {
        let line = self.line(Stage::Source);
        let checkout = Self::blocking(|| source::check_out(args, self.home()))
            .map_err(|failure| told(&line, failure))?;
        line.now("searching for secrets");
        let secrets = Self::blocking(|| source::secrets(&checkout))?;
        if !secrets.is_empty() {
            let failure = source::secrets_denied(&secrets, &checkout.export.directory);
            return Err(told(&line, failure));
        }
        self.tighten(&checkout)
            .map_err(|failure| told(&line, failure))?;
        let mark = if checkout.is_dirty() {
            Mark::Warn
        } else {
            Mark::Ok
        };
        self.end(line, Stage::Source, mark, checkout.summary());

        let line = self.line(Stage::Build);
        let made = Self::blocking(|| {
            build::build(&checkout, args, self.home(), self.context, Some(&line))
        })
        .map_err(|failure| told(&line, failure))?;
        let mark = match made.built.isolation {
            bulla_build::sandbox::Isolation::Namespaces => Mark::Ok,
            _ => Mark::Warn,
        };
        self.end(line, Stage::Build, mark, build::summary(&made.built));

        let line = self.line(Stage::Image);
        let target = self.room.path().join("image");
        let image = match build::base_to_pull(&checkout) {
            None => Self::blocking(|| build::assemble(&checkout, &made.built, &target))?,
            Some(base) => {
                line.now(format!("pulling {base}"));
                let base = self.pull(base, "base").await?;
                Self::blocking(|| build::assemble_on(&checkout, &made.built, base, &target))?
            }
        };
        let digest = image.descriptor.digest.clone();
        let layers = image.manifest.layers.len();
        let size: u64 = image.manifest.layers.iter().map(|layer| layer.size).sum();
        let text = format!(
            "sha256:{}  {:.1} MiB, {layers} layer{}",
            digest.short(),
            mebibytes(size),
            if layers == 1 { "" } else { "s" }
        );
        self.end(line, Stage::Image, Mark::Ok, text);

        let builder = build::builder_id(self.instance.names());
        let provenance = build::statement(&checkout, &made.built, &builder);
        let lock = checkout.recipe.lock.as_ref().map(|lock| lock.path.clone());
        let mut statements = vec![(
            Signer::Service(Service::Builder),
            SLSA_PROVENANCE_V1,
            provenance,
        )];
        let lock = lock.map(|lock| (checkout.root().to_owned(), lock));
        statements.extend(self.examine(&image.layout, &checkout.recipe.name, lock)?);
        Ok(Product {
            name: checkout.recipe.name.clone(),
            tag: checkout.tag(),
            layout: image.layout,
            digest,
            checkout: Some(checkout),
            statements,
        })
    }

    async fn from_elsewhere(&mut self, target: &Target) -> Result<Product, Failure> {
        for (stage, why) in [
            (Stage::Source, "built elsewhere: no commit is known"),
            (Stage::Build, "built elsewhere: provenance is missing"),
        ] {
            let line = self.line(stage);
            self.end(line, stage, Mark::Skipped, why);
        }
        let line = self.line(Stage::Image);
        let (layout, name) = match target {
            Target::Layout(path) => {
                let name = path
                    .file_name()
                    .map(|name| name.to_string_lossy().to_lowercase());
                (
                    Layout::open(path).or_could_not_run()?,
                    name.unwrap_or_default(),
                )
            }
            Target::Image(reference) => {
                line.now(format!("pulling {reference}"));
                let source = RegistrySource::new(&self.instance)?;
                let to = self.room.path().join("pulled");
                let layout = Layout::create(&to).or_could_not_run()?;
                let architecture = Some(bulla_oci::image::host_architecture());
                let client = source.client(reference);
                client
                    .pull(reference, &layout, architecture)
                    .await
                    .or_undecidable()?;
                (layout, reference.repository().to_owned())
            }
            other => {
                let what = format!("--image {other}: that is not an image");
                return Err(Failure::new(Exit::Usage, "CLI-0090", what)
                    .hint("name an image: REGISTRY/REPOSITORY:TAG or layout:DIR"));
            }
        };
        let name: String = name
            .chars()
            .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '/' || *c == '-')
            .collect();
        let name = if bulla_core::reference::is_repository(&name) {
            name
        } else {
            "image".into()
        };
        let (descriptor, _) = layout
            .image(bulla_oci::image::host_architecture())
            .or_could_not_run()?;
        let digest = descriptor.digest;
        self.end(
            line,
            Stage::Image,
            Mark::Ok,
            format!("sha256:{}  from {target}", digest.short()),
        );
        let statements = self.examine(&layout, &name, None)?;
        let tag = format!("image-{}", digest.short());
        Ok(Product {
            name,
            tag,
            layout,
            digest,
            checkout: None,
            statements,
        })
    }

    async fn pull(
        &self,
        reference: &Reference,
        name: &str,
    ) -> Result<bulla_oci::image::Base, Failure> {
        let source = RegistrySource::new(&self.instance)?;
        let to = self.room.path().join(name);
        let layout = Layout::create(&to).or_could_not_run()?;
        let client = source.client(reference);
        client
            .pull(
                reference,
                &layout,
                Some(bulla_oci::image::host_architecture()),
            )
            .await
            .or_undecidable()?;
        Ok(bulla_oci::image::Base::Layout(
            layout,
            reference.digest().cloned(),
        ))
    }

    /// `[policy]` of the repository may only make the policy stricter.
    fn tighten(&mut self, checkout: &Checkout) -> Result<(), Failure> {
        match bulla_policy::tighten(&self.policy, &checkout.recipe.policy) {
            Ok(policy) => self.policy = Arc::new(policy),
            Err(error @ TightenError::Loosens { .. }) => {
                return Err(Failure::from_error(Exit::Denied, &error));
            }
            Err(error) => return Err(Failure::from_error(Exit::CouldNotRun, &error)),
        }
        Ok(())
    }

    /// Inventory and scan: what both say about the image.
    fn examine(
        &mut self,
        layout: &Layout,
        name: &str,
        lock: Option<(PathBuf, PathBuf)>,
    ) -> Result<Vec<(Signer, &'static str, Value)>, Failure> {
        let scanner = || Signer::Service(Service::Scanner);
        let now = jiff::Timestamp::now();
        let line = self.line(Stage::Inventory);
        let (inventory, subject) = Self::blocking(|| {
            let (mut inventory, subject) = inventory::of_layout(layout, name.to_owned())?;
            if let Some((root, lock)) = &lock {
                inventory = inventory.merge(inventory::of_lock(root, lock)?);
            }
            Ok((inventory, subject))
        })
        .map_err(|failure| told(&line, failure))?;
        let mark = if inventory.problems.is_empty() {
            Mark::Ok
        } else {
            Mark::Warn
        };
        self.end(line, Stage::Inventory, mark, inventory::summary(&inventory));

        let line = self.line(Stage::Scan);
        let report = Self::blocking(|| {
            let database = scan::database(self.context, None)?;
            scan::scan(&database, &inventory, &subject, &self.vex)
        })
        .map_err(|failure| told(&line, failure))?;
        if let Some(gate) = scan::gate(&self.policy, &report) {
            return Err(told(&line, gate));
        }
        let mark = if scan::is_clean(&report) {
            Mark::Ok
        } else {
            Mark::Warn
        };
        self.end(line, Stage::Scan, mark, scan::summary(&report));
        for warning in scan::worth_reading(&report) {
            self.context.talk.warn(&warning);
        }
        let mut statements = vec![
            (
                scanner(),
                CYCLONEDX,
                inventory::cyclonedx_value(&inventory, &subject, now),
            ),
            (
                scanner(),
                SPDX,
                inventory::spdx_value(&inventory, &subject, now),
            ),
            (scanner(), VULNS_V02, scan::predicate(&report)),
        ];
        for path in &self.vex {
            let document = seal::read_predicate(path)?;
            statements.push((Signer::Person(self.email.clone()), OPENVEX, document));
        }
        Ok(statements)
    }

    /// Everybody seals what they stand for: the person the image, the services the rest.
    async fn seal(
        &mut self,
        product: &Product,
    ) -> Result<(Reference, Vec<(Sealed, &'static str)>), Failure> {
        let line = self.line(Stage::Sign);
        let registry = self.instance.names().registry();
        let reference: Reference = format!("{registry}/{}:{}", product.name, product.tag)
            .parse()
            .or_could_not_run()?;
        let subject = || vec![Subject::new(reference.name(), &product.digest)];
        let person = (
            Signer::Person(self.email.clone()),
            COSIGN_SIGN_V1,
            json!({}),
        );
        let mut sealed = Vec::new();
        for (signer, kind, predicate) in std::iter::once(&person).chain(&product.statements) {
            line.progress(
                sealed.len() as u64,
                product.statements.len() as u64 + 1,
                *kind,
            );
            let statement = Statement::new(subject(), *kind, predicate.clone());
            let one = seal::seal(&self.instance, &statement, signer)
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
        let indexes: Vec<u64> = sealed.iter().map(|(sealed, _)| sealed.log.index).collect();
        let size = sealed
            .iter()
            .map(|(sealed, _)| sealed.log.tree_size)
            .max()
            .unwrap_or_default();
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
        let pinned = reference.by_digest(product.digest.clone());
        for (one, kind) in sealed {
            line.now(format!("attaching {kind}"));
            seal::attach(&self.instance, &pinned, &image, one, kind)
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
        let answer = admission::ask_webhook(&self.instance, reference)
            .await
            .map_err(|f| told(&line, f))?;
        let trust = self.instance.trust_root()?;
        let gathered =
            evidence::gather(&self.instance, reference, trust, jiff::Timestamp::now()).await?;
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

fn greet(context: &Context, instance: &Instance) {
    let created = if instance.was_created() {
        "created, "
    } else {
        ""
    };
    let root = instance.ready().root.get(..12).unwrap_or_default();
    let how = if instance.is_served_here() {
        ""
    } else {
        ", through the running bulla up"
    };
    context.talk.say(&format!(
        "bulla {} · local instance {} ({created}root {root}{how})\n",
        env!("CARGO_PKG_VERSION"),
        instance.home().path().display()
    ));
}

fn farewell(context: &Context, shipped: &Shipped, product: &Product) {
    let talk = &context.talk;
    talk.say(&format!("\n{}\n", chain_text::picture(&shipped.chain)));
    if product.checkout.is_none() {
        talk.warn(
            "provenance is missing: nobody says which commit this image came from, or who built it",
        );
    }
    talk.say(&format!(
        " next: bulla explain {} · bulla up · bulla init  (in your project)",
        shipped.reference
    ));
}

/// Puts a failure into the line of its stage, so that it is not told twice.
fn told(line: &StageLine, failure: Failure) -> Failure {
    line.fail(&failure.to_string());
    failure.silenced()
}

fn policy_name(decision: &Decision) -> String {
    bulla_policy::deny_text::policy_name(decision)
}

#[allow(clippy::cast_precision_loss)]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// `41–44`, or each index where they do not follow one another.
fn ranges(indexes: &[u64]) -> String {
    let mut sorted = indexes.to_vec();
    sorted.sort_unstable();
    match (sorted.first(), sorted.last()) {
        (Some(first), Some(last)) if last - first + 1 == sorted.len() as u64 && first != last => {
            format!("{first}–{last}")
        }
        _ => sorted
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    }
}
