//! A program out of a package of Debian's newest suite (sid), unpacked beside the
//! other peers and never installed: the system keeps its own suite.
//!
//! Only for programs that need nothing but a C library as old as this machine's.
//! apt checks the signature of the suite as it does for every other; its lists and
//! downloads go into the side folder.

use std::{fs, path::Path, process::Command};

use super::{Peer, in_side_folder, quietly};
use crate::{
    Result,
    workspace::{file_name, on_path, output},
};

/// Makes `home` hold the program of `package`.
pub fn unpack(peer: &Peer, package: &str, home: &Path) -> Result {
    if on_path("apt-get").is_none() {
        return Err(format!(
            "no apt-get here: install {package} {} by hand",
            peer.version
        )
        .into());
    }
    let mirror = mirror()?;
    in_side_folder(home, |side| {
        let apt = side.join("apt");
        for folder in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(apt.join(folder))?;
        }
        let keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
        let list = apt.join("sources.list");
        fs::write(&list, format!("deb [signed-by={keys}] {mirror} sid main\n"))?;
        let options = [
            format!("Dir::Etc::sourcelist={}", list.display()),
            "Dir::Etc::sourceparts=-".to_owned(),
            format!("Dir::State::lists={}", apt.join("lists").display()),
            format!("Dir::Cache={}", apt.join("cache").display()),
            "Acquire::Languages=none".to_owned(),
            // The user that apt otherwise becomes cannot read a cache of root's.
            "APT::Sandbox::User=root".to_owned(),
        ];
        let get = |arguments: &[&str]| {
            let mut command = Command::new("apt-get");
            for option in &options {
                command.args(["-o", option]);
            }
            quietly(command.arg("-qq").args(arguments).current_dir(&apt))
        };
        get(&["update"])?;
        get(&["download", &format!("{package}={}-*", peer.version)])?;
        let archive = fs::read_dir(&apt)?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| file_name(path).ends_with(".deb"))
            .ok_or("apt-get brought no package")?;
        let tree = apt.join("tree");
        quietly(Command::new("dpkg-deb").arg("-x").args([&archive, &tree]))?;
        let program = side.join("bin").join(peer.program);
        fs::rename(tree.join("usr/bin").join(peer.program), &program)?;
        fs::remove_dir_all(&apt)?;
        quietly(Command::new(&program).arg("version"))
    })
}

/// Where this machine gets Debian from.
fn mirror() -> Result<String> {
    let known = output(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(REPO_URI)",
        "Created-By: Packages",
        "Label: Debian",
    ]))?;
    let first = known.lines().find(|line| line.starts_with("http"));
    Ok(first
        .ok_or("apt-get knows no mirror of Debian: apt-get update")?
        .to_owned())
}
