//! Inventory: what is in an image, a layout or a directory, and what a build took in.

use bulla_core::{Descriptor, Digest};
use bulla_inventory::{
    FileTree, Inventory, LayerStack, Origin, TreeLimits, catalog, catalog_lock_file, catalog_locks,
    sbom::{self, About, SubjectKind},
    tree::{DirectoryOptions, TreeError},
};
use bulla_oci::{ImageLayers, Layout, verified::VerifiedReader};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use super::{
    image_source::{RegistrySource, pull_failed},
    target::Target,
};
use crate::{
    compose,
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
};

/// What an inventory is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Its digest.
    pub digest: Digest,
    /// An image, or a directory.
    pub kind: SubjectKind,
}

impl Subject {
    fn about(&self, created: Timestamp) -> About {
        About {
            name: self.name.clone(),
            digest: self.digest.clone(),
            kind: self.kind,
            created,
        }
    }
}

/// The inventory of a target.
///
/// # Errors
/// If it cannot be read.
pub fn of_target(target: &Target, context: &Context) -> Result<(Inventory, Subject), Failure> {
    match target {
        Target::Directory(path) => of_directory(path),
        Target::Layout(path) => {
            let layout = Layout::open(path).or_could_not_run()?;
            of_layout(&layout, path.display().to_string())
        }
        Target::Sbom(path) => {
            let bytes = fs::read(path).on_path("read", path)?;
            let inventory = sbom::read(&bytes)
                .or_could_not_run()
                .map_err(|failure| failure.on(format!("{} is not an SBOM", path.display())))?;
            let (name, digest) = (path.display().to_string(), Digest::sha256(&bytes));
            Ok((
                inventory,
                Subject {
                    name,
                    digest,
                    kind: SubjectKind::Image,
                },
            ))
        }
        Target::Image(reference) => {
            let room =
                tempfile::tempdir().on_path("create a directory in", &std::env::temp_dir())?;
            let layout = context.block_on(async {
                let instance = compose::connect_for(context, reference.registry()).await?;
                let source = RegistrySource::new(&instance)?;
                let layout = Layout::create(&room.path().join("image")).or_could_not_run()?;
                let client = source.client(reference);
                let architecture = Some(bulla_oci::image::host_architecture());
                client
                    .pull(reference, &layout, architecture)
                    .await
                    .map_err(|error| pull_failed(&error))?;
                Ok(layout)
            })?;
            of_layout(&layout, reference.name())
        }
    }
}

/// The inventory of the image in a layout: every layer is read once, nothing is unpacked.
///
/// # Errors
/// If a layer is damaged, leaves its bounds, or is not what the configuration says.
pub fn of_layout(layout: &Layout, name: String) -> Result<(Inventory, Subject), Failure> {
    let (descriptor, manifest) = layout
        .image(bulla_oci::image::host_architecture())
        .or_could_not_run()?;
    let layers = ImageLayers::of(layout, &manifest).or_could_not_run()?;
    let mut stack = LayerStack::new(TreeLimits::default());
    for (layer, diff_id) in &layers.layers {
        let read = stack
            .push(layers.stored(layer).or_could_not_run()?)
            .map_err(|error| unreadable(&layers, layer, &error))?;
        if read.digest != layer.digest || read.diff_id != *diff_id {
            return Err(altered()
                .line(format!(
                    "layer  {} has digest {}",
                    layer.digest, read.digest
                ))
                .line(format!("diffid {diff_id} has digest {}", read.diff_id)));
        }
    }
    let subject = Subject {
        name,
        digest: descriptor.digest,
        kind: SubjectKind::Image,
    };
    Ok((catalog(&stack.finish()), subject))
}

fn altered() -> Failure {
    Failure::new(
        Exit::Denied,
        "IMAGE-0001",
        "a layer is not what the image says",
    )
    .hint("get the image again from where it was built")
}

/// Why a layer could not be read. Other bytes than were promised come first: they
/// explain everything that was found wrong within.
fn unreadable(layers: &ImageLayers<'_>, layer: &Descriptor, error: &TreeError) -> Failure {
    match layers.stored(layer).map(VerifiedReader::finish) {
        Ok(Err(why)) if why.kind() == std::io::ErrorKind::InvalidData => {
            altered().line(why.to_string())
        }
        _ => Failure::from_error(Exit::CouldNotRun, error),
    }
}

fn of_directory(path: &Path) -> Result<(Inventory, Subject), Failure> {
    let options = DirectoryOptions {
        skip: vec![".git".into()],
        ..DirectoryOptions::default()
    };
    let tree = FileTree::from_directory(path, &options).or_could_not_run()?;
    let mut digest = bulla_core::DigestHasher::new();
    for (path, file) in tree.files() {
        digest.update(format!("{path}\0{}\n", file.digest().hex()).as_bytes());
    }
    let name = path
        .file_name()
        .map_or_else(|| "directory".into(), |n| n.to_string_lossy().into_owned());
    let subject = Subject {
        name,
        digest: digest.finish().0,
        kind: SubjectKind::Source,
    };
    Ok((catalog(&tree).merge(catalog_locks(&tree)), subject))
}

/// What a lock file names, as input of a build.
///
/// # Errors
/// If it cannot be read.
pub fn of_lock(root: &Path, lock: &Path) -> Result<Inventory, Failure> {
    let path: PathBuf = root.join(lock);
    let bytes = fs::read(&path).on_path("read", &path)?;
    catalog_lock_file(&lock.to_string_lossy(), &bytes).or_could_not_run()
}

/// CycloneDX 1.6.
///
/// # Errors
/// If it cannot be written.
pub fn cyclonedx(
    inventory: &Inventory,
    subject: &Subject,
    now: Timestamp,
) -> Result<Vec<u8>, Failure> {
    crate::output::json(&cyclonedx_value(inventory, subject, now))
}

/// CycloneDX 1.6 as a value: a predicate.
pub fn cyclonedx_value(inventory: &Inventory, subject: &Subject, now: Timestamp) -> Value {
    sbom::cyclonedx16::render(inventory, &subject.about(now))
}

/// SPDX 2.3.
///
/// # Errors
/// If it cannot be written.
pub fn spdx(inventory: &Inventory, subject: &Subject, now: Timestamp) -> Result<Vec<u8>, Failure> {
    crate::output::json(&spdx_value(inventory, subject, now))
}

/// SPDX 2.3 as a value: a predicate.
pub fn spdx_value(inventory: &Inventory, subject: &Subject, now: Timestamp) -> Value {
    sbom::spdx23::render(inventory, &subject.about(now))
}

/// The output of `sbom -o json`. Frozen, version 1.
pub fn view(inventory: &Inventory) -> Value {
    let components: Vec<_> = inventory
        .components
        .iter()
        .map(|c| {
            json!({
                "name": c.name, "version": c.version, "purl": c.purl.as_ref().map(ToString::to_string),
                "ecosystem": c.ecosystem.map(|e| e.name()), "origin": c.origin.name(),
                "licenses": c.licenses, "foundIn": c.found_in,
            })
        })
        .collect();
    let files: Vec<_> = inventory
        .own_files()
        .map(|file| json!({"path": file.path, "size": file.size, "digest": file.digest}))
        .collect();
    let accounting = inventory.accounting();
    json!({
        "version": 1, "components": components, "files": files,
        "accounting": {"files": accounting.files, "owned": accounting.owned, "listed": accounting.listed},
        "problems": inventory.problems.iter().map(|p| json!({"path": p.path, "reason": p.reason})).collect::<Vec<_>>(),
    })
}

/// As text.
pub fn text(inventory: &Inventory) -> String {
    let mut out = String::new();
    for component in &inventory.components {
        let ecosystem = component
            .ecosystem
            .map_or("-", |ecosystem| ecosystem.name());
        let _ = writeln!(
            out,
            "{:<9} {:<40} {:<22} {}",
            ecosystem,
            component.name,
            component.version.as_deref().unwrap_or("-"),
            match component.origin {
                Origin::Image => "installed",
                Origin::Build => "went into the build",
            }
        );
    }
    for file in inventory.own_files() {
        let _ = writeln!(
            out,
            "{:<9} {:<40} {:<22} {} bytes",
            "file",
            file.path,
            file.digest.short(),
            file.size
        );
    }
    let _ = writeln!(out, "\n{}", summary(inventory));
    for problem in &inventory.problems {
        let _ = writeln!(out, "! {}: {}", problem.path, problem.reason);
    }
    out
}

/// One line about it.
pub fn summary(inventory: &Inventory) -> String {
    let accounting = inventory.accounting();
    format!(
        "{}, every file accounted for: {} in components, {} by digest",
        counted(inventory.components.len(), "component"),
        accounting.owned,
        accounting.listed
    )
}

/// `1 component`, `2 components`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
