//! `cargo xtask bench verify`: what is promised beside cosign 3, in turn with it.
//!
//! Whole processes: a bundle of the public instance offline, with an entry of
//! Rekor v1 and of Rekor v2; an image of a registry on loopback, signed with a
//! key; and that signing. In process, with a trust root at hand: bundles a second
//! beside the bare verification library (`examples/throughput.rs` of bulla-trust).

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    Figure,
    measure::Scratch,
    registry::Local,
    versus::{self, Promise},
};
use crate::{
    Result, peers,
    workspace::{cargo, output, shared},
};

/// The most that a whole process may take: a tenth of the time, an eighth of the memory.
const OFFLINE: Promise = Promise {
    faster: 10.0,
    smaller: Some(8.0),
};
/// Where servers take part, we promise to be no slower.
const ONLINE: Promise = Promise {
    faster: 1.0,
    smaller: Some(1.0),
};
const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// Everything, in so many rounds.
pub(super) fn figures(binary: &Path, rounds: usize) -> Result<Vec<Figure>> {
    let cosign = peers::program("cosign").ok_or("needs cosign: cargo xtask peers cosign")?;
    let programs = Programs {
        bulla: binary.to_path_buf(),
        cosign,
        scratch: Scratch::new("verify")?,
    };
    let mut figures = programs.offline(rounds)?;
    figures.extend(programs.images(rounds)?);
    figures.extend(throughput()?);
    Ok(figures)
}

struct Programs {
    bulla: PathBuf,
    cosign: PathBuf,
    scratch: Scratch,
}

impl Programs {
    /// A bundle and its file, nothing asked of anybody.
    fn offline(&self, rounds: usize) -> Result<Vec<Figure>> {
        let mut figures = Vec::new();
        for (what, words) in ["offline, Rekor v1", "offline, Rekor v2"]
            .iter()
            .zip(scenes()?)
        {
            let make = |program: &Path| -> Result<Command> {
                let mut command = self.scratch.command(program);
                command.args(&words);
                Ok(command)
            };
            figures.extend(versus::measure(
                what,
                rounds,
                OFFLINE,
                &|_| make(&self.bulla),
                &|_| make(&self.cosign),
            )?);
        }
        Ok(figures)
    }

    /// Images on loopback: signing with a key, and verifying that.
    fn images(&self, rounds: usize) -> Result<Vec<Figure>> {
        let local = Local::start(&self.bulla, &self.scratch)?;
        let mut command = self.client(&local, &self.cosign)?;
        output(
            command
                .arg("generate-key-pair")
                .current_dir(&self.scratch.0),
        )?;
        let (key, public) = ("cosign.key", "cosign.pub");
        let root = local.text("trusted_root")?;
        let config = local.text("signing_config")?;
        let theirs = |image: &str| -> Result<Command> {
            let mut command = self.client(&local, &self.cosign)?;
            command.args(["sign", "-y", "--key", key, "--signing-config", &config]);
            command.args(["--trusted-root", &root, image]);
            Ok(command)
        };
        let mut figures = versus::measure(
            "sign an image with a key",
            rounds,
            ONLINE,
            &|round| {
                let mut command = self.client(&local, &self.bulla)?;
                command.args(["sign", "--key", key, "--data"]);
                command.arg(self.scratch.0.join("data"));
                command.arg(local.image(&format!("ours-{round}"))?);
                Ok(command)
            },
            &|round| theirs(&local.image(&format!("theirs-{round}"))?),
        )?;
        let signed = local.image("signed")?;
        output(&mut theirs(&signed)?)?;
        let verify = |program: &Path| -> Result<Command> {
            let mut command = self.client(&local, program)?;
            command.args(["verify", "--key", public, "--trusted-root", &root, &signed]);
            Ok(command)
        };
        figures.extend(versus::measure(
            "verify an image with a key",
            rounds,
            ONLINE,
            &|_| verify(&self.bulla),
            &|_| verify(&self.cosign),
        )?);
        local.stop()?;
        Ok(figures)
    }

    /// A client of the instance, in the folder of the keys.
    fn client(&self, local: &Local, program: &Path) -> Result<Command> {
        let mut command = self.scratch.command(program);
        command
            .current_dir(&self.scratch.0)
            .env("COSIGN_PASSWORD", "")
            .env("DOCKER_CONFIG", local.docker_folder()?);
        Ok(command)
    }
}

/// The words of verifying a bundle, one list for each version of the log: bulla and
/// cosign take the same.
pub fn scenes() -> Result<Vec<Vec<String>>> {
    let suite = suite()?;
    let cases = suite.join("bundle-verify");
    let of = |case: &str, root: PathBuf| {
        let bundle = cases.join(case).join("bundle.sigstore.json");
        let mut words: Vec<String> = ["verify-blob", "--certificate-identity", IDENTITY]
            .iter()
            .chain(&["--certificate-oidc-issuer", ISSUER])
            .map(|word| (*word).to_owned())
            .collect();
        words.extend(["--trusted-root".into(), root.display().to_string()]);
        words.extend(["--bundle".into(), bundle.display().to_string()]);
        words.push(suite.join("a.txt").display().to_string());
        words
    };
    let second = cases.join("rekor2-happy-path/trusted_root.json");
    Ok(vec![
        of("happy-path-v0.3", public_root()?),
        of("rekor2-happy-path", second),
    ])
}

/// The root of the public instance, as the library carries it that bulla embeds it
/// from: cosign has none of its own without a network.
fn public_root() -> Result<PathBuf> {
    let metadata = output(cargo().args(["metadata", "--locked", "--format-version", "1"]))?;
    let manifest = metadata
        .split('"')
        .find(|text| text.contains("/sigstore-trust-root-") && text.ends_with("/Cargo.toml"));
    let folder = manifest.and_then(|manifest| Path::new(manifest).parent());
    let file = folder.map(|folder| folder.join("src/trusted_root.json"));
    file.filter(|file| file.is_file())
        .ok_or_else(|| "sigstore-trust-root has no src/trusted_root.json any more".into())
}

/// Bundles a second with a trust root at hand, beside the bare library.
fn throughput() -> Result<Vec<Figure>> {
    let mut command = cargo();
    command.args(["run", "-q", "--release", "-p", "bulla-trust"]);
    command.args(["--example", "throughput"]);
    if let Some(folder) = folder() {
        command.env("BULLA_SUITES", folder);
    }
    beside_the_library(&output(&mut command)?)
}

/// From lines `WHAT<tab>WHO<tab>VALUE…`, one value for each round.
fn beside_the_library(said: &str) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let rows: Vec<Vec<&str>> = said
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    let values = |what: &str, who: &str| -> Result<Vec<f64>> {
        let row = rows.iter().find(|row| row.starts_with(&[what, who]));
        let row = row.ok_or_else(|| format!("the example says nothing of {what} by {who}"))?;
        Ok(row
            .iter()
            .skip(2)
            .map(|value| value.parse())
            .collect::<std::result::Result<_, _>>()?)
    };
    for what in ["Rekor v1", "Rekor v2"] {
        let (ours, bare) = (values(what, "bulla")?, values(what, "sigstore-verify")?);
        let ratio = ours
            .iter()
            .zip(&bare)
            .map(|(ours, bare)| 100.0 * bare / ours);
        let ratio = ratio.collect();
        figures.extend([
            Figure::new(format!("in process, {what}: bulla"), "/s", None, ours),
            Figure::new(
                format!("in process, {what}: bare library"),
                "/s",
                None,
                bare,
            ),
            Figure::new(
                format!("in process, {what}: of its time"),
                "%",
                Some(100.0),
                ratio,
            ),
        ]);
    }
    Ok(figures)
}

/// Above the suites: `BULLA_SUITES`, or beside this repository.
fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("BULLA_SUITES").map(PathBuf::from);
    named.or_else(shared)
}

fn suite() -> Result<PathBuf> {
    let assets = folder().map(|folder| folder.join("suites/sigstore-conformance/test/assets"));
    assets
        .filter(|assets| assets.is_dir())
        .ok_or_else(|| "no suites/sigstore-conformance here (BULLA_SUITES names the folder)".into())
}

#[cfg(test)]
mod tests {
    use super::beside_the_library;

    #[test]
    fn throughput_is_held_against_the_bare_library() {
        let said = "Rekor v1\tbulla\t100\t300\nRekor v1\tsigstore-verify\t200\t150\n\
                    Rekor v2\tbulla\t10\nRekor v2\tsigstore-verify\t10\n";
        let figures = beside_the_library(said).expect("figures");
        assert_eq!(figures.len(), 6);
        assert_eq!(figures[2].values, [50.0, 200.0]);
        assert!(!figures[2].keeps_limit());
        assert!(figures[5].keeps_limit());
        assert!(beside_the_library("Rekor v1\tbulla\t1\n").is_err());
    }
}
