//! Dependencies, by digest: what the lock file names, and nothing else.
//!
//! Missing files are fetched by the package manager itself in the fetch profile —
//! a network, but no keys, no home, no build output, no package scripts — and then
//! checked here against the lock file, file by file. What passed is kept by digest
//! and checked again at each use, so that the next build needs no network. Without
//! a lock file nothing is fetched.

use bulla_core::{Digest, limits};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use crate::{
    output,
    recipe::{Limits, Lock, LockKind},
    sandbox::{self, Bind, Command, Copy, Finished, Isolation, Scratch, Spec, Status},
    toolchain::Toolchain,
};

mod cache;
pub mod cargo;
mod error;
pub mod go;
pub mod npm;
pub mod pip;
mod unpack;

pub use cache::Cache;
pub use error::FetchError;

/// Bytes of a lock file, at most.
pub const LOCK_BYTES: u64 = 64 << 20;
/// Files that one lock file may name.
pub const MAX_PACKAGES: usize = 50_000;

/// A file that was fetched, now or earlier, and checked against the lock file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its package URL.
    pub uri: String,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// Whether it was in the cache before.
    pub cached: bool,
}

/// What a build gets from its lock file.
#[derive(Debug, Default)]
pub(crate) struct Supply {
    pub(crate) files: Vec<Fetched>,
    pub(crate) binds: Vec<Bind>,
    pub(crate) copies: Vec<Copy>,
    pub(crate) env: Vec<(String, String)>,
}

/// Fetches for one build.
pub(crate) struct Fetcher<'a> {
    /// The exported source.
    pub(crate) source: &'a Path,
    pub(crate) cache: Cache,
    /// A private directory of this build.
    pub(crate) private: &'a Path,
    pub(crate) level: Isolation,
    pub(crate) helper: Option<&'a Path>,
    pub(crate) offline: bool,
    pub(crate) limits: Limits,
    pub(crate) toolchain: &'a Toolchain,
}

impl Fetcher<'_> {
    /// Everything that `lock` names, checked and laid out for the build.
    pub(crate) fn supply(&self, lock: &Lock) -> Result<Supply, FetchError> {
        let path = self.source.join(&lock.path);
        let file = File::open(&path).map_err(|_| FetchError::NoLock {
            path: lock.path.clone(),
        })?;
        let bytes = limits::read_bounded(file, LOCK_BYTES, "the lock file")
            .map_err(|error| FetchError::lock(&lock.path, error.to_string()))?;
        match lock.kind {
            LockKind::Cargo => cargo::supply(self, lock, &bytes),
            LockKind::Go => go::supply(self, lock, &bytes),
            LockKind::Npm => npm::supply(self, lock, &bytes),
            LockKind::Pip => pip::supply(self, lock, &bytes),
        }
    }

    /// Where the sandbox sees what this build binds at `target` from `source`.
    fn seen(&self, bind: &Bind) -> PathBuf {
        match self.level {
            Isolation::Namespaces => bind.target.clone(),
            Isolation::Landlock | Isolation::None => bind.source.clone(),
        }
    }

    /// A directory of this build for unpacked dependencies, and how it is bound.
    fn deps(&self, kind: LockKind) -> Result<Bind, FetchError> {
        let source = self.private.join("deps").join(kind.name());
        fs::create_dir_all(&source).map_err(FetchError::io("the dependency directory"))?;
        let target = Path::new("/deps").join(kind.name());
        Ok(Bind { source, target })
    }

    /// Takes a fetched file out of the work directory.
    fn take(&self, finished: &Finished, path: &Path) -> Option<Vec<u8>> {
        let place = self.private.join("taken");
        let _ = fs::remove_file(&place);
        output::take(&finished.work, path, &place).ok()?;
        let file = File::open(&place).ok()?;
        limits::read_bounded(file, cache::FILE_BYTES, "a fetched file").ok()
    }

    /// Runs a package manager in the fetch profile, over copies of `inputs` (files or
    /// directories of the source) below `source/`.
    fn run(
        &self,
        missing: usize,
        run: &[&str],
        inputs: &[PathBuf],
        variables: &[(&str, &str)],
    ) -> Result<Finished, FetchError> {
        if self.offline {
            return Err(FetchError::Offline { missing });
        }
        let tool = run.first().copied().unwrap_or_default();
        let scratch = Scratch::Directory(self.private.join("fetch"));
        let places = Spec::places(self.level, &scratch);
        let mut env = base_env(self.toolchain, &places);
        let mut binds = self.toolchain.binds.clone();
        reach(&mut env, &mut binds);
        env.extend(
            variables
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into())),
        );
        let copies = inputs.iter().map(|input| Copy {
            source: self.source.join(input),
            target: Path::new("work/source").join(input),
        });
        let spec = Spec {
            level: self.level,
            network: true,
            binds,
            copies: copies.collect(),
            limits: self.limits,
            steps: vec![Command {
                name: "fetch".into(),
                run: run.iter().map(|text| (*text).to_owned()).collect(),
                env,
            }],
            epoch: 0,
            scratch,
        };
        let finished = sandbox::run(&spec, self.helper, &mut |_| {})?;
        match (finished.steps.first(), finished.limit) {
            (Some((Status::Exit(0), _)), None) => Ok(finished),
            (_, Some((_, limit))) => Err(FetchError::Limit {
                tool: tool.into(),
                limit: limit.key(),
            }),
            (status, _) => Err(FetchError::Tool {
                tool: tool.into(),
                status: status.map_or(Status::Exit(1), |(status, _)| *status),
                tail: last_lines(&finished.tail, 12),
            }),
        }
    }
}

/// How to reach the network is the machine's business: proxies and certificates of
/// authorities are passed on, credentials never. (What comes is checked by digest.)
fn reach(env: &mut Vec<(String, String)>, binds: &mut Vec<Bind>) {
    const PROXIES: [&str; 6] = [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "NO_PROXY",
        "no_proxy",
    ];
    const AUTHORITIES: [&str; 6] = [
        "CARGO_HTTP_CAINFO",
        "NODE_EXTRA_CA_CERTS",
        "PIP_CERT",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
    ];
    let variable = |name: &str| Some((name.to_owned(), std::env::var(name).ok()?));
    env.extend(PROXIES.into_iter().filter_map(variable));
    for (name, value) in AUTHORITIES.into_iter().filter_map(variable) {
        let Ok(source) = fs::canonicalize(&value) else {
            continue;
        };
        let visible = ["/usr", "/etc/ssl", "/etc/pki", "/etc/ca-certificates"];
        if !visible
            .iter()
            .any(|place| Path::new(&value).starts_with(place))
        {
            let target = PathBuf::from(&value);
            binds.push(Bind { source, target });
        }
        env.push((name, value));
    }
}

/// The names below `path` in the work directory, hidden ones left out.
fn list(finished: &Finished, path: &Path) -> Result<Vec<String>, FetchError> {
    use rustix::fs::{Dir, Mode, OFlags, ResolveFlags, openat2};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let open = || {
        let directory = openat2(&finished.work, path, flags, Mode::empty(), resolve)?;
        let entries = Dir::read_from(directory)?.collect::<rustix::io::Result<Vec<_>>>()?;
        Ok::<_, std::io::Error>(entries)
    };
    let entries = open().map_err(FetchError::io("what was fetched"))?;
    let names = entries
        .iter()
        .filter_map(|entry| entry.file_name().to_str().ok());
    Ok(names
        .filter(|name| !name.starts_with('.'))
        .map(str::to_owned)
        .collect())
}

/// The variables that every command in a sandbox has.
pub(crate) fn base_env(toolchain: &Toolchain, places: &sandbox::Places) -> Vec<(String, String)> {
    let path = toolchain
        .path
        .iter()
        .map(|path| path.to_string_lossy().into_owned());
    let text = |path: &Path| path.to_string_lossy().into_owned();
    [
        ("HOME", text(&places.home)),
        ("LANG", "C.UTF-8".into()),
        ("LC_ALL", "C.UTF-8".into()),
        ("LOGNAME", "builder".into()),
        ("PATH", path.collect::<Vec<_>>().join(":")),
        ("TMPDIR", text(&places.tmp)),
        ("TZ", "UTC".into()),
        ("USER", "builder".into()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

/// The last `count` lines, without control characters.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(count);
    let kept = lines.get(from..).unwrap_or_default().join("\n");
    kept.chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .collect()
}
