//! How a peer is fetched and built: go install, pip in a venv, npm in a prefix, apt,
//! and packages of Debian's newest suite that are only unpacked.

mod npm;
mod sid;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::known::{Peer, Source};
use crate::{Result, workspace::on_path};

/// Makes `home` hold the peer, or leaves nothing.
pub fn into_cache(peer: &Peer, home: &Path) -> Result {
    let parent = home.parent().ok_or("the cache folder has no parent")?;
    fs::create_dir_all(parent)?;
    match peer.source {
        Source::Go(package) => go(peer, package, None, home),
        Source::GoWith(package, toolchain) => go(peer, package, Some(toolchain), home),
        Source::Pip(project, more) => pip(peer, project, more, home),
        Source::Npm(packages, script) => npm::install(peer, packages, script, home),
        Source::Sid(package) => sid::unpack(peer, package, home),
        Source::Apt(package) => by_apt(&[package]),
    }
}

/// Runs `make` in a side folder and moves that into place whole, or leaves nothing.
fn in_side_folder(home: &Path, make: impl FnOnce(&Path) -> Result) -> Result {
    // Not renamed over a running build: each process has a side folder of its own.
    let mut side = home.as_os_str().to_owned();
    side.push(format!(".part{}", std::process::id()));
    let side = PathBuf::from(side);
    fs::create_dir_all(side.join("bin"))?;
    let made = make(&side);
    if made.is_ok() && !home.exists() {
        fs::rename(&side, home)?;
    } else {
        fs::remove_dir_all(&side)?;
    }
    made
}

fn go(peer: &Peer, package: &str, toolchain: Option<&str>, home: &Path) -> Result {
    let go = on_path("go")
        .or_else(|| {
            Some("/usr/local/go/bin/go".into()).filter(|p: &std::path::PathBuf| p.is_file())
        })
        .ok_or("needs Go: apt-get install golang, or https://go.dev/dl")?;
    in_side_folder(home, |side| {
        let mut command = Command::new(go);
        command
            .args([
                "install",
                "-trimpath",
                &format!("{package}@v{}", peer.version),
            ])
            .env("GOBIN", side.join("bin"));
        if let Some(toolchain) = toolchain {
            command.env("GOTOOLCHAIN", toolchain);
        }
        quietly(&mut command)
    })
}

/// A virtual environment knows its own path, so it is made in place and only
/// counts once its marker, the program, is there; a torn one is made again.
fn pip(peer: &Peer, project: &str, more: &[&str], home: &Path) -> Result {
    if home.exists() {
        fs::remove_dir_all(home)?;
    }
    quietly(Command::new("python3").args(["-m", "venv"]).arg(home))?;
    let installed = quietly(
        Command::new(home.join("bin/pip"))
            .args(["install", "--quiet", "--no-input"])
            .arg(format!("{project}=={}", peer.version))
            .args(more),
    );
    if installed.is_err() {
        fs::remove_dir_all(home)?;
    }
    installed
}

/// Installs packages of the distribution; only root can.
pub fn by_apt(packages: &[&str]) -> Result {
    let id = crate::workspace::output(Command::new("id").arg("-u"))?;
    if id.trim() != "0" {
        return Err(format!("needs root: sudo apt-get install {}", packages.join(" ")).into());
    }
    if on_path("apt-get").is_none() {
        return Err("no apt-get here: install them by hand".into());
    }
    // Fresh machines have no lists yet; with lists the update is skipped.
    let install = || {
        quietly(
            Command::new("apt-get")
                .args(["install", "-y", "-qq", "--no-install-recommends"])
                .args(packages)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    if install().is_ok() {
        return Ok(());
    }
    quietly(Command::new("apt-get").args(["update", "-qq"]))?;
    install()
}

/// Runs a command without input; its output is shown only when it fails.
fn quietly(command: &mut Command) -> Result {
    let output = command
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines[lines.len().saturating_sub(15)..].join("\n");
    Err(format!(
        "{} failed ({}):\n{tail}",
        command.get_program().display(),
        output.status
    )
    .into())
}
