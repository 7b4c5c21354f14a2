//! What a test may lack on a plain machine, and how it says so.
//!
//! A test that cannot run prints `SKIP name: reason` and returns;
//! `cargo xtask test` counts such lines. Under `BULLA_NO_SKIP=1` the same call
//! panics, so that CI cannot quietly test less.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::workspace;

/// Says that the running test cannot run.
///
/// # Panics
/// Under `BULLA_NO_SKIP=1`.
#[track_caller]
pub fn skip(reason: &str) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("test");
    println!("SKIP {name}: {reason}");
    let forbidden = std::env::var("BULLA_NO_SKIP").is_ok_and(|value| value == "1");
    assert!(
        !forbidden,
        "{name} may not be skipped (BULLA_NO_SKIP=1): {reason}"
    );
}

/// The path of a foreign program, or `None` after saying `SKIP`.
///
/// Looks at `BULLA_PEER_NAME`, then into the folder of `cargo xtask peers`
/// (`BULLA_PEERS`, default the user's cache), then along `PATH`, then where Debian
/// keeps the programs of PostgreSQL.
#[track_caller]
pub fn require(program: &str) -> Option<PathBuf> {
    let found = find(program);
    if found.is_none() {
        skip(&format!(
            "no {program} here (cargo xtask peers installs it)"
        ));
    }
    found
}

/// Whether the test runs as root.
pub fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Whether the test runs as root; says `SKIP` if not.
#[track_caller]
pub fn require_root() -> bool {
    let root = is_root();
    if !root {
        skip("needs root");
    }
    root
}

/// Whether user namespaces can be made; says `SKIP` if not.
#[track_caller]
pub fn require_user_namespaces() -> bool {
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let possible = status.is_ok_and(|status| status.success());
    if !possible {
        skip("user namespaces are forbidden on this machine");
    }
    possible
}

/// Test data of other projects (`suites/NAME`), or `None` after saying `SKIP`.
#[track_caller]
pub fn suites(name: &str) -> Option<PathBuf> {
    below("suites", name)
}

/// Real data (`data/NAME`), or `None` after saying `SKIP`.
#[track_caller]
pub fn data(name: &str) -> Option<PathBuf> {
    below("data", name)
}

#[track_caller]
fn below(kind: &str, name: &str) -> Option<PathBuf> {
    let found = shared().map(|folder| folder.join(kind).join(name));
    let found = found.filter(|path| path.exists());
    if found.is_none() {
        skip(&format!(
            "no {kind}/{name} here (BULLA_SUITES names the folder above {kind}/)"
        ));
    }
    found
}

/// The folder of test data: `BULLA_SUITES`, or `../shared` beside the repository.
fn shared() -> Option<PathBuf> {
    let folder = match std::env::var_os("BULLA_SUITES") {
        Some(folder) => PathBuf::from(folder),
        None => workspace().join("../shared").canonicalize().ok()?,
    };
    folder.is_dir().then_some(folder)
}

fn find(program: &str) -> Option<PathBuf> {
    let name = program.to_uppercase().replace('-', "_");
    if let Some(path) = std::env::var_os(format!("BULLA_PEER_{name}")) {
        return Some(path.into());
    }
    peers()
        .and_then(|folder| in_peers(&folder, program))
        .or_else(|| on_path(program))
        .or_else(|| in_versions(Path::new("/usr/lib/postgresql"), program))
}

/// `VERSION/bin/PROGRAM`, of the newest version.
fn in_versions(folder: &Path, program: &str) -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let version = entry.file_name().to_string_lossy().parse().unwrap_or(0);
        found.push((version, entry.path().join("bin").join(program)));
    }
    found.retain(|(_, file)| file.is_file());
    found.into_iter().max().map(|(_, file)| file)
}

fn peers() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("BULLA_PEERS") {
        return Some(folder.into());
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    Some(cache.or(home)?.join("bulla/peers"))
}

/// `PEER-VERSION/bin/PROGRAM`: the peer of that name first, the newest version
/// first; a virtual environment's own python is no peer. A peer is found by its
/// own name too when its program has another (`cosign2`, `distribution`).
fn in_peers(folder: &Path, program: &str) -> Option<PathBuf> {
    let mut found: Vec<(bool, Vec<u32>, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((peer, version)) = name.rsplit_once('-') else {
            continue;
        };
        let bin = entry.path().join("bin");
        let mut file = bin.join(program);
        let named = peer == program;
        if named && !file.is_file() {
            file = only_file(&bin).unwrap_or(file);
        }
        // cosign2 holds a program called cosign too: only the peer's own name counts there.
        let other = !named && peer.starts_with(program) && !peer.contains('-');
        if file.is_file() && !other && !program.starts_with("python") {
            let version = version.split('.').map(|n| n.parse().unwrap_or(0)).collect();
            found.push((named, version, file));
        }
    }
    found.sort();
    found.pop().map(|(_, _, file)| file)
}

/// The file of a folder that holds one.
fn only_file(folder: &Path) -> Option<PathBuf> {
    let mut files = std::fs::read_dir(folder).ok()?.flatten();
    let file = files.next()?.path();
    files.next().is_none().then_some(file)
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path);
    let more = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    folders
        .chain(more)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests;
