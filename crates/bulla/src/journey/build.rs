//! Build and image: the exported tree goes through the sandbox, what it declared
//! as output goes into an OCI image layout.

use bulla_build::{
    BuildError, BuildEvent, Built, Options, fetch::FetchError, provenance, recipe, reproduce,
    sandbox,
};

use bulla_core::{Digest, Reference};
use bulla_oci::{
    Layout,
    image::{self, Base, Image, ImageSpec},
    layer::{Compression, EntryContent, LayerEntry},
};
use bulla_source::SignatureStatus;
use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

use super::source::{self, Checkout};
use crate::{
    command::build::SourceArgs,
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
    instance::{Home, Names},
    output::talk::{Mark, StageLine},
};

/// How a build is walled in, on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Isolation {
    /// Own user, mount, pid, ipc, uts and network namespaces
    Namespaces,
    /// Landlock and a system-call filter without internet sockets
    Landlock,
    /// Not at all; the default policy denies it
    None,
}

impl From<Isolation> for sandbox::Isolation {
    fn from(level: Isolation) -> Self {
        match level {
            Isolation::Namespaces => Self::Namespaces,
            Isolation::Landlock => Self::Landlock,
            Isolation::None => Self::None,
        }
    }
}

/// A build's outputs; gone when dropped.
pub struct Made {
    /// Facts about the build.
    pub built: Built,
    _outputs: TempDir,
}

/// Builds a checkout, telling `line` how far it is.
///
/// # Errors
/// If fetching, a step or an output fails.
pub fn build(
    checkout: &Checkout,
    args: &SourceArgs,
    home: &Home,
    context: &Context,
    line: Option<&StageLine>,
) -> Result<Made, Failure> {
    let outputs = tempfile::Builder::new()
        .prefix("bulla-build-")
        .tempdir()
        .on_path("create a directory in", &std::env::temp_dir())?;
    let options = Options {
        isolation: args.isolation.map(Into::into),
        cache: home.join("cache/fetched"),
        scratch: outputs.path().join("scratch"),
        outputs: outputs.path().join("outputs"),
        epoch: checkout.epoch(),
        offline: context.global.offline,
        helper: None,
        memory_scratch: None,
    };
    let mut tell = |event: BuildEvent<'_>| match event {
        BuildEvent::Fallback(why) => context.talk.warn(why),
        BuildEvent::Fetching => {
            if let Some(line) = line {
                line.now("fetching what the lock file names");
            }
        }
        BuildEvent::Fetched(files, cached) => {
            if let Some(line) = line {
                line.now(format!(
                    "{files} files by digest, {cached} of them from the cache"
                ));
            }
        }
        BuildEvent::Step(name) => {
            if let Some(line) = line {
                line.now(format!("step {name}"));
            }
        }
        BuildEvent::Output(bytes) if context.global.verbose > 0 => {
            context.talk.say(String::from_utf8_lossy(bytes).trim_end());
        }
        _ => {}
    };
    let built = bulla_build::build(&checkout.recipe, checkout.root(), &options, &mut tell)
        .map_err(|error| Failure::from_error(exit_of(&error), &error))?;
    Ok(Made {
        built,
        _outputs: outputs,
    })
}

/// What the source did wrong is a failure; what this machine, the network or the
/// recipe lack means that the build could not run.
fn exit_of(error: &BuildError) -> Exit {
    match error {
        BuildError::Fetch(FetchError::Archive { .. } | FetchError::Checksum { .. }) => Exit::Denied,
        BuildError::Fetch(_) | BuildError::Io { .. } | BuildError::Sandbox(_) => Exit::CouldNotRun,
        _ => Exit::Denied,
    }
}

/// One line about a build.
pub fn summary(built: &Built) -> String {
    let steps = built.steps.len();
    let walls = match built.isolation {
        sandbox::Isolation::Namespaces => "in a sealed room, no network",
        sandbox::Isolation::Landlock => "behind landlock, no network",
        sandbox::Isolation::None => "NOT isolated",
    };
    format!(
        "{steps} step{} {walls} · {} inputs fetched by digest",
        if steps == 1 { "" } else { "s" },
        built.fetched.len()
    )
}

/// Puts the outputs into an image layout at `target`.
///
/// # Errors
/// If the base is not there, or the image cannot be written.
pub fn assemble(checkout: &Checkout, built: &Built, target: &Path) -> Result<Image, Failure> {
    let wanted = &checkout.recipe.image;
    let base = match &wanted.base {
        recipe::Base::Scratch => Base::Scratch,
        recipe::Base::Layout(path) => {
            let layout = Layout::open(&checkout.root().join(path)).or_could_not_run()?;
            Base::Layout(layout, None)
        }
        recipe::Base::Reference(reference) => return Err(unpulled(reference)),
    };
    assemble_on(checkout, built, base, target)
}

/// As [`assemble`], on a base that is already here.
///
/// # Errors
/// As [`assemble`].
pub fn assemble_on(
    checkout: &Checkout,
    built: &Built,
    base: Base,
    target: &Path,
) -> Result<Image, Failure> {
    let wanted = &checkout.recipe.image;
    let files = built
        .outputs
        .iter()
        .map(|output| LayerEntry {
            path: output.declared.to.clone(),
            mode: output.declared.mode,
            content: EntryContent::File(output.file.clone()),
        })
        .collect();
    let mut labels = wanted.labels.clone();
    if let Some(commit) = &checkout.commit {
        labels
            .entry("org.opencontainers.image.revision".into())
            .or_insert_with(|| commit.id());
    }
    if let Some(remote) = &checkout.remote {
        labels
            .entry("org.opencontainers.image.source".into())
            .or_insert_with(|| remote.clone());
    }
    let spec = ImageSpec {
        base,
        files,
        entrypoint: wanted.entrypoint.clone(),
        user: Some(wanted.user.clone()).filter(|user| !user.is_empty()),
        env: wanted.env.clone(),
        labels,
        created: Timestamp::from_second(checkout.epoch()).unwrap_or(Timestamp::UNIX_EPOCH),
        architecture: image::host_architecture().into(),
        compression: Compression::Gzip,
        name: Some(checkout.tag()),
    };
    image::assemble(&spec, target).or_could_not_run()
}

/// The base that must be pulled before the image can be put together.
pub fn base_to_pull(checkout: &Checkout) -> Option<&Reference> {
    match &checkout.recipe.image.base {
        recipe::Base::Reference(reference) => Some(reference),
        _ => None,
    }
}

fn unpulled(reference: &Reference) -> Failure {
    Failure::new(
        Exit::CouldNotRun,
        "IMAGE-0002",
        format!("the base {reference} was not pulled"),
    )
    .hint("use bulla ship, which pulls it; or a base of the form layout:PATH")
}

/// Who the builder is, on an instance.
pub fn builder_id(names: &Names) -> String {
    names.service("builder")
}

/// SLSA provenance of a build.
pub fn statement(checkout: &Checkout, built: &Built, builder: &str) -> Value {
    let (signer, kind) = match &checkout.signature {
        SignatureStatus::Valid { signer, kind, .. } => (Some(signer.clone()), Some(*kind)),
        SignatureStatus::UnknownSigner { kind, .. } => (None, Some(*kind)),
        SignatureStatus::Invalid { kind, .. } => (None, *kind),
        _ => (None, None),
    };
    let source = provenance::Source {
        uri: checkout.remote.clone().unwrap_or_default(),
        reference: checkout.branch.clone(),
        folder: checkout.export.directory.clone(),
        commit: checkout.commit.as_ref().map(|commit| commit.id()),
        tree: checkout.export.git_tree.clone(),
        tree_sha256: checkout.tree().hex().to_owned(),
        signature: provenance::Signature {
            status: checkout.signature.name().into(),
            signer,
            kind: kind.map(|kind| kind.name().into()),
        },
    };
    let run = provenance::Run {
        builder_id: builder.to_owned(),
        invocation_id: format!("urn:bulla:build:{}", invocation(built)),
        version: env!("CARGO_PKG_VERSION").into(),
    };
    provenance::provenance(&checkout.recipe, &source, built, &run)
}

/// A name for one run: what came out, and when.
fn invocation(built: &Built) -> String {
    let mut text = format!("{}\n{}\n", built.started, built.finished);
    for output in &built.outputs {
        text.push_str(&output.digest.to_string());
    }
    Digest::sha256(text.as_bytes())
        .hex()
        .chars()
        .take(32)
        .collect()
}

/// What `bulla build` made.
pub struct ToLayout {
    /// The image's digest.
    pub digest: Digest,
    /// The provenance's file.
    pub provenance_file: PathBuf,
    /// How the steps were walled in.
    pub isolation: &'static str,
    /// Whether a second build gave the same.
    pub reproduced: Option<bool>,
}

/// `bulla build`: checks out, builds, writes layout and provenance.
///
/// # Errors
/// If a stage fails; if a second build differs.
pub fn to_layout(
    args: &SourceArgs,
    out: &Path,
    twice: bool,
    context: &Context,
) -> Result<ToLayout, Failure> {
    if out.exists() && !out.join("oci-layout").is_file() {
        let what = format!(
            "{} is in the way: it exists and is no image layout",
            out.display()
        );
        return Err(
            Failure::new(Exit::Usage, "IMAGE-0003", what).hint("name another place: --out DIR")
        );
    }
    let home = context.home()?;
    home.ensure()?;
    let line = context.talk.stage("source");
    let checkout = source::check_out(args, &home)?;
    line.end(Mark::Ok, &checkout.summary());
    let line = context.talk.stage("build");
    let made = build(&checkout, args, &home, context, Some(&line))?;
    line.end(Mark::Ok, &summary(&made.built));
    let line = context.talk.stage("image");
    // Beside the target, so that the whole result takes its place at the end.
    let beside = out.parent().filter(|path| !path.as_os_str().is_empty());
    let beside = beside.unwrap_or(Path::new("."));
    let room = tempfile::Builder::new()
        .prefix(".bulla-out-")
        .tempdir_in(beside)
        .on_path("create a directory in", beside)?;
    let whole = room.path().join("image");
    let image = assemble(&checkout, &made.built, &whole)?;
    let digest = image.descriptor.digest.clone();
    line.end(Mark::Ok, &digest.to_string());
    let reproduced = if twice {
        Some(again(&checkout, args, &made, &home, context)?)
    } else {
        None
    };
    let names = Names::read(&home).ok();
    let builder = names
        .as_ref()
        .map_or_else(|| "https://bulla.dev/local-builder".into(), builder_id);
    let provenance_file = out.with_extension("provenance.json");
    let document = statement(&checkout, &made.built, &builder);
    let beside = room.path().join("provenance.json");
    fs::write(&beside, crate::output::json(&document)?).on_path("write", &beside)?;
    if out.exists() {
        fs::remove_dir_all(out).on_path("replace", out)?;
    }
    fs::rename(&whole, out).on_path("write", out)?;
    fs::rename(&beside, &provenance_file).on_path("write", &provenance_file)?;
    Ok(ToLayout {
        digest,
        provenance_file,
        isolation: made.built.isolation.name(),
        reproduced,
    })
}

fn again(
    checkout: &Checkout,
    args: &SourceArgs,
    first: &Made,
    home: &Home,
    context: &Context,
) -> Result<bool, Failure> {
    let line = context.talk.stage("reproduce");
    let second = build(checkout, args, home, context, Some(&line))?;
    match first_difference(&first.built, &second.built)? {
        None => {
            line.end(Mark::Ok, "built twice, every output has the same digest");
            Ok(true)
        }
        Some(difference) => {
            line.deny("the second build differs from the first");
            Err(Failure::new(Exit::Denied, "BUILD-0090", "the build is not reproducible")
                .line(difference.to_string())
                .hint("remove what differs between runs: times, random names, directory order; SOURCE_DATE_EPOCH is set"))
        }
    }
}

/// Where two builds of the same source differ first.
fn first_difference(
    first: &Built,
    second: &Built,
) -> Result<Option<reproduce::Difference>, Failure> {
    let pairs = first.outputs.iter().zip(&second.outputs);
    match pairs.into_iter().find(|(a, b)| a.digest != b.digest) {
        None => Ok(None),
        Some((a, b)) => Ok(reproduce::compare(&a.file, &b.file)
            .on_path("compare", &a.file)?
            .map(|found| reproduce::Difference {
                output: a.declared.path.clone(),
                ..found
            })),
    }
}
