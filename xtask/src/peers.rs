//! `cargo xtask peers`: foreign tools that the tests compare bulla with.
//!
//! Each lives in `BULLA_PEERS/NAME-VERSION/bin` (default: the user's cache
//! folder), made in a side folder and moved into place whole; tools of the
//! distribution are installed by apt when root. Nothing of a peer is committed
//! beside its name and version.

mod install;
mod known;

use std::path::PathBuf;

use known::{DEFAULT, KNOWN, Peer, Source};

use crate::{Result, workspace::on_path};

/// Where peers are kept.
pub fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("BULLA_PEERS") {
        return folder.into();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache
        .or(home)
        .unwrap_or_else(std::env::temp_dir)
        .join("bulla/peers")
}

/// Installs what is named (or the usual ones) and prints where it is.
pub fn run(args: &[String]) -> Result {
    let mut names: Vec<&str> = Vec::new();
    let (mut env, mut list) = (false, false);
    for arg in args {
        match arg.as_str() {
            "--env" => env = true,
            "--list" => list = true,
            name if !name.starts_with('-') => names.push(name),
            other => return Err(format!("peers does not know {other}").into()),
        }
    }
    if list {
        for peer in KNOWN {
            let place = find(peer).map_or("-".to_owned(), |path| path.display().to_string());
            println!("{:<16} {:<10} {place}", peer.name, peer.version);
        }
        return Ok(());
    }
    if names.is_empty() {
        names = DEFAULT.to_vec();
    }
    let mut peers = Vec::new();
    for name in names {
        let peer = KNOWN.iter().find(|peer| peer.name == name);
        peers.push(peer.ok_or_else(|| format!("{name} is not known: cargo xtask peers --list"))?);
    }
    let failures = install_missing(&peers, env);
    if env {
        print_env(&peers);
    } else {
        for peer in &peers {
            let place = find(peer).map_or("missing".to_owned(), |p| p.display().to_string());
            println!("{:<16} {:<10} {place}", peer.name, peer.version);
        }
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("\n").into())
    }
}

/// The Python that has the modules which tests validate inventories with.
pub fn python() -> Option<PathBuf> {
    let peer = KNOWN.iter().find(|peer| peer.name == "spdx-tools")?;
    Some(home(peer).join("bin/python")).filter(|python| python.exists())
}

/// The program of the peer of that name, where it is installed.
pub fn program(name: &str) -> Option<PathBuf> {
    find(KNOWN.iter().find(|peer| peer.name == name)?)
}

/// The program of a peer, where it is installed.
fn find(peer: &Peer) -> Option<PathBuf> {
    if matches!(peer.source, Source::Apt(_)) {
        return on_path(peer.program).or_else(|| server(peer.program));
    }
    let program = home(peer).join("bin").join(peer.program);
    program.is_file().then_some(program)
}

/// A program of PostgreSQL, which Debian keeps off `PATH`: the newest there is.
fn server(program: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .flatten()
        .map(|version| version.path().join("bin").join(program))
        .filter(|file| file.is_file())
        .max()
}

/// The folder of one version of a peer.
fn home(peer: &Peer) -> PathBuf {
    folder().join(format!("{}-{}", peer.name, peer.version))
}

fn install_missing(peers: &[&Peer], quiet: bool) -> Vec<String> {
    let mut failures = Vec::new();
    let mut packages = Vec::new();
    for peer in peers.iter().filter(|peer| find(peer).is_none()) {
        if let Source::Apt(package) = peer.source {
            packages.push(package);
            continue;
        }
        if !quiet {
            println!("installing {} {} …", peer.name, peer.version);
        }
        if let Err(error) = install::into_cache(peer, &home(peer)) {
            failures.push(format!("{}: {error}", peer.name));
        }
    }
    if !packages.is_empty()
        && let Err(error) = install::by_apt(&packages)
    {
        failures.push(format!("{}: {error}", packages.join(" ")));
    }
    failures
}

fn print_env(peers: &[&Peer]) {
    println!("export BULLA_PEERS='{}'", folder().display());
    if let Some(python) = python() {
        println!("export BULLA_PYTHON='{}'", python.display());
    }
    let mut path = Vec::new();
    for peer in peers {
        let Some(program) = find(peer) else { continue };
        let name = peer.name.to_uppercase().replace('-', "_");
        println!("export BULLA_PEER_{name}='{}'", program.display());
        if !matches!(peer.source, Source::Apt(_) | Source::Pip(..)) {
            path.push(home(peer).join("bin").display().to_string());
        }
    }
    if !path.is_empty() {
        println!("export PATH='{}':\"$PATH\"", path.join(":"));
    }
}
