//! Packages of npm, in a folder of their own, with the Node that they need.
//!
//! The distribution's Node is often too old for them. npm's package `node` brings
//! one by a script that runs at installation; the package with the binary itself is
//! taken here instead, so that nothing of anybody's runs while installing.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use super::{Peer, in_side_folder, quietly};
use crate::{Result, workspace::on_path};

/// The newest that both packages of Sigstore take.
const NODE: &str = "24.15.0";

/// Makes `home` hold `packages`, and a program that runs `script` of theirs.
pub fn install(peer: &Peer, packages: &[&str], script: &str, home: &Path) -> Result {
    let npm = on_path("npm").ok_or("needs npm: apt-get install npm, or https://nodejs.org")?;
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => return Err(format!("npm has no Node for {other} that is tried").into()),
    };
    let node = format!("node-linux-{machine}");
    in_side_folder(home, |side| {
        quietly(
            Command::new(npm)
                .args(["install", "--prefix"])
                .arg(side)
                .args(["--ignore-scripts", "--no-audit", "--no-fund"])
                .args(["--loglevel", "error"])
                .arg(format!("{node}@{NODE}"))
                .args(packages),
        )?;
        let modules = side.join("node_modules");
        fs::rename(modules.join(&node).join("bin/node"), side.join("node"))?;
        fs::remove_dir_all(modules.join(&node))?;
        let program = side.join("bin").join(peer.program);
        fs::write(
            &program,
            format!(
                "#!/bin/sh\nhere=$(dirname \"$(readlink -f \"$0\")\")/..\n\
                 exec \"$here/node\" \"$here/node_modules/{script}\" \"$@\"\n"
            ),
        )?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        quietly(Command::new(&program).arg("--version"))
    })
}
