//! One build: fetch, run the steps in the sandbox, take the outputs.
//!
//! Returns facts and files; it signs nothing and holds no key. Every directory it
//! makes is private and gone when it returns, the copies of the outputs aside.

use jiff::Timestamp;
use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    fetch::{self, Cache, Fetched, Fetcher, Supply},
    output::{self, BuiltFile},
    recipe::{Limits, Recipe},
    sandbox::{self, Command, Copy, Finished, Isolation, Scratch, Spec, Status},
    toolchain::{Tool, Toolchain},
};

mod blame;
mod error;

pub use blame::{file_outside, host_outside};
pub use error::BuildError;

/// What a caller decides about a build.
#[derive(Clone, Debug)]
pub struct Options {
    /// The isolation level; `None` is the strictest that this machine allows, and
    /// never less than `landlock`.
    pub isolation: Option<Isolation>,
    /// Where fetched files are kept by digest.
    pub cache: PathBuf,
    /// A directory for private working directories, emptied again.
    pub scratch: PathBuf,
    /// A directory for the copies of the outputs; must not hold earlier ones.
    pub outputs: PathBuf,
    /// `SOURCE_DATE_EPOCH`: the commit's time, in seconds since 1970.
    pub epoch: i64,
    /// Whether fetching may use the network.
    pub offline: bool,
    /// The program that calls [`sandbox::child_main`]; `None` is this very program.
    pub helper: Option<PathBuf>,
    /// Whether scratch space may be memory (`None`: if there is plenty).
    pub memory_scratch: Option<bool>,
}

/// What is told while a build runs.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum BuildEvent<'a> {
    /// The level is not the strictest one: why, and what would allow it.
    Fallback(&'a str),
    /// Dependencies are fetched.
    Fetching,
    /// So many files are there, so many of them from the cache.
    Fetched(usize, usize),
    /// A step starts.
    Step(&'a str),
    /// A step wrote these bytes.
    Output(&'a [u8]),
}

/// A step that ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReport {
    /// Its name.
    pub name: String,
    /// Its command.
    pub run: Vec<String>,
    /// Targets outside that it tried to reach, in vain.
    pub attempts: Vec<String>,
}

/// A build that ended well: facts for provenance, and the outputs.
#[derive(Clone, Debug)]
pub struct Built {
    /// The outputs, in the recipe's order.
    pub outputs: Vec<BuiltFile>,
    /// The steps, in order.
    pub steps: Vec<StepReport>,
    /// How the steps were kept apart.
    pub isolation: Isolation,
    /// Why not stricter, and what would allow it.
    pub fallback: Option<String>,
    /// What the lock file named.
    pub fetched: Vec<Fetched>,
    /// The programs that took part.
    pub toolchain: Vec<Tool>,
    /// The bounds.
    pub limits: Limits,
    /// `SOURCE_DATE_EPOCH`.
    pub epoch: i64,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// The end of what the steps wrote.
    pub log: String,
}

/// Builds `recipe` from the exported tree `source` (the folder that holds `bulla.toml`).
///
/// # Errors
/// [`BuildError`]; nothing is left behind, no process lives on.
pub fn build(
    recipe: &Recipe,
    source: &Path,
    options: &Options,
    tell: &mut dyn FnMut(BuildEvent<'_>),
) -> Result<Built, BuildError> {
    let started = Timestamp::now();
    fs::create_dir_all(&options.scratch).map_err(BuildError::io("the scratch directory"))?;
    let private = Private::new(&options.scratch)?;
    let source = fs::canonicalize(source).map_err(BuildError::io("the source directory"))?;
    let (level, fallback) = choose(options, &private)?;
    if let Some(why) = &fallback {
        tell(BuildEvent::Fallback(why));
    }
    let toolchain = Toolchain::find(recipe, &source, level);
    let described = std::thread::scope(|scope| {
        let tools = scope.spawn(|| toolchain.describe());
        let supply = supply(recipe, &source, options, &private, level, &toolchain, tell)?;
        let spec = spec(
            recipe, &source, options, &private, level, &toolchain, &supply,
        );
        let finished = run(recipe, &spec, options, tell)?;
        let tools = tools
            .join()
            .unwrap_or_else(|_| Err(std::io::Error::other("panicked")));
        Ok::<_, BuildError>((tools, supply, finished))
    });
    let (tools, supply, finished) = described?;
    let outputs = output::collect(&finished.work, &recipe.outputs, &options.outputs)?;
    let reports = recipe.steps.iter().zip(finished.steps);
    Ok(Built {
        outputs,
        steps: reports
            .map(|(step, (_, attempts))| StepReport {
                name: step.name.clone(),
                run: step.run.clone(),
                attempts,
            })
            .collect(),
        isolation: level,
        fallback,
        fetched: supply.files,
        toolchain: tools.map_err(BuildError::io("hashing the toolchain"))?,
        limits: recipe.limits,
        epoch: options.epoch,
        started,
        finished: Timestamp::now(),
        log: finished.tail,
    })
}

/// A private directory that vanishes with its value.
struct Private(PathBuf);

impl Private {
    fn new(parent: &Path) -> Result<Self, BuildError> {
        let directory = tempfile::Builder::new()
            .prefix("build-")
            .tempdir_in(parent)
            .map_err(BuildError::io("the scratch directory"))?
            .keep();
        let real = fs::canonicalize(&directory).map_err(BuildError::io("the scratch directory"))?;
        Ok(Self(real))
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let _ = sandbox::remove(&self.0);
    }
}

/// The level that is asked for, or the strictest possible one and why not a stricter one.
fn choose(options: &Options, private: &Private) -> Result<(Isolation, Option<String>), BuildError> {
    if let Some(level) = options.isolation {
        return Ok((level, None));
    }
    let place = private.0.join("probe");
    let probe = |level| sandbox::probe(level, &place, options.helper.as_deref());
    match probe(Isolation::Namespaces) {
        Ok(()) => Ok((Isolation::Namespaces, None)),
        Err(refused @ sandbox::SandboxError::Refused { .. }) => {
            probe(Isolation::Landlock)?;
            let why = format!("{refused}; {}", sandbox::why_no_namespaces());
            Ok((Isolation::Landlock, Some(why)))
        }
        Err(error) => Err(error.into()),
    }
}

fn supply(
    recipe: &Recipe,
    source: &Path,
    options: &Options,
    private: &Private,
    level: Isolation,
    toolchain: &Toolchain,
    tell: &mut dyn FnMut(BuildEvent<'_>),
) -> Result<Supply, BuildError> {
    let Some(lock) = &recipe.lock else {
        return Ok(Supply::default());
    };
    tell(BuildEvent::Fetching);
    let fetcher = Fetcher {
        source,
        cache: Cache::new(&options.cache),
        private: &private.0,
        level,
        helper: options.helper.as_deref(),
        offline: options.offline,
        limits: recipe.limits,
        toolchain,
    };
    let supply = fetcher.supply(lock)?;
    let cached = supply.files.iter().filter(|file| file.cached).count();
    tell(BuildEvent::Fetched(supply.files.len(), cached));
    Ok(supply)
}

fn spec(
    recipe: &Recipe,
    source: &Path,
    options: &Options,
    private: &Private,
    level: Isolation,
    toolchain: &Toolchain,
    supply: &Supply,
) -> Spec {
    let in_memory = level == Isolation::Namespaces
        && options
            .memory_scratch
            .unwrap_or_else(|| recipe.limits.disk < free_memory() / 2);
    let path = private.0.join("steps");
    let scratch = if in_memory {
        Scratch::Memory(path)
    } else {
        Scratch::Directory(path)
    };
    let mut env = fetch::base_env(toolchain, &Spec::places(level, &scratch));
    env.push(("SOURCE_DATE_EPOCH".into(), options.epoch.to_string()));
    env.extend(supply.env.iter().cloned());
    let steps = recipe.steps.iter().map(|step| {
        let mut env = env.clone();
        env.retain(|(key, _)| !step.env.contains_key(key));
        env.extend(
            step.env
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        env.sort();
        Command {
            name: step.name.clone(),
            run: step.run.clone(),
            env,
        }
    });
    let mut copies = vec![Copy {
        source: source.to_path_buf(),
        target: "work".into(),
    }];
    copies.extend(supply.copies.iter().cloned());
    Spec {
        level,
        network: false,
        binds: toolchain
            .binds
            .iter()
            .chain(&supply.binds)
            .cloned()
            .collect(),
        copies,
        limits: recipe.limits,
        steps: steps.collect(),
        epoch: options.epoch,
        scratch,
    }
}

/// Bytes of memory that could be had now.
fn free_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}

fn run(
    recipe: &Recipe,
    spec: &Spec,
    options: &Options,
    tell: &mut dyn FnMut(BuildEvent<'_>),
) -> Result<Finished, BuildError> {
    let mut pass_on = |progress: sandbox::Progress<'_>| match progress {
        sandbox::Progress::Output(bytes) => tell(BuildEvent::Output(bytes)),
        sandbox::Progress::Started(index) => {
            if let Some(step) = recipe.steps.get(index) {
                tell(BuildEvent::Step(&step.name));
            }
        }
    };
    let finished = sandbox::run(spec, options.helper.as_deref(), &mut pass_on)?;
    let name = |index: usize| recipe.steps.get(index).map(|step| step.name.clone());
    if let Some((index, limit)) = finished.limit {
        return Err(BuildError::Limit {
            step: name(index).unwrap_or_default(),
            limit,
            bound: blame::bound(&spec.limits, limit),
        });
    }
    let failed = finished
        .steps
        .iter()
        .enumerate()
        .find(|(_, (status, _))| *status != Status::Exit(0));
    match failed {
        None => Ok(finished),
        Some((index, (status, attempts))) => Err(blame::explain(
            name(index).unwrap_or_default(),
            *status,
            attempts,
            &finished.tail,
            spec,
        )),
    }
}
