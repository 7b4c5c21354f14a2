//! From a project, or from an image built elsewhere, to something that can be
//! sealed: source, build, image, inventory, scan.

use bulla_core::{
    Reference,
    statement::predicate_type::{CYCLONEDX, OPENVEX, SLSA_PROVENANCE_V1, SPDX, VULNS_V02},
};
use bulla_net::token::Service;
use bulla_oci::Layout;
use bulla_policy::TightenError;
use serde_json::Value;
use std::{path::PathBuf, sync::Arc};

use super::{
    Journey, Product,
    words::{mebibytes, told},
};
use crate::{
    command::build::SourceArgs,
    failure::{Exit, Failure, OrFail},
    journey::{
        build,
        chain::Stage,
        image_source::{RegistrySource, pull_failed},
        inventory, scan,
        seal::{self, Signer},
        source::{self, Checkout},
        target::Target,
    },
    output::talk::Mark,
};

impl Journey<'_> {
    pub(super) async fn build_product(&mut self, args: &SourceArgs) -> Result<Product, Failure> {
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
            statements,
        })
    }

    pub(super) async fn take_product(&mut self, target: &Target) -> Result<Product, Failure> {
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
                    .map_err(|error| pull_failed(&error))?;
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
            .map_err(|error| pull_failed(&error))?;
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
}
