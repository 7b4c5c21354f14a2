//! `cargo xtask bench verify`: what is promised beside cosign 3, in turn with it.
//!
//! Whole processes: a bundle of the public instance offline, with an entry of
//! Rekor v1 and of Rekor v2; an image of a registry on loopback, signed with a
//! key; and that signing. In process, with a trust root at hand: bundles a second
//! beside the bare verification library (`examples/verify_many.rs` of bulla-trust).

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
    workspace::{cargo, output, shared, target},
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
const THROUGHPUT_ROUNDS: usize = 5;
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
        for scene in scenes()? {
            let make = |program: &Path| -> Result<Command> {
                let mut command = self.scratch.command(program);
                command.args(scene.words());
                Ok(command)
            };
            figures.extend(versus::measure(
                &format!("offline, {}", scene.log),
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

/// A bundle of the public instance and what it is verified with.
pub struct Scene {
    log: &'static str,
    bundle: PathBuf,
    artifact: PathBuf,
    root: PathBuf,
}

impl Scene {
    /// The words that verify it: bulla and cosign take the same.
    pub fn words(&self) -> Vec<String> {
        let named = [("--trusted-root", &self.root), ("--bundle", &self.bundle)];
        let named = named.map(|(flag, file)| [flag.to_owned(), file.display().to_string()]);
        let who = ["verify-blob", "--certificate-identity", IDENTITY];
        let mut words: Vec<String> = who.map(str::to_owned).to_vec();
        words.extend(["--certificate-oidc-issuer", ISSUER].map(str::to_owned));
        words.extend(named.into_iter().flatten());
        words.push(self.artifact.display().to_string());
        words
    }
}

/// One for each version of the log.
pub fn scenes() -> Result<Vec<Scene>> {
    let suite = suite()?;
    let of = |log, case: &str, root| Scene {
        log,
        bundle: suite
            .join("bundle-verify")
            .join(case)
            .join("bundle.sigstore.json"),
        artifact: suite.join("a.txt"),
        root,
    };
    let own = suite.join("bundle-verify/rekor2-happy-path/trusted_root.json");
    Ok(vec![
        of("Rekor v1", "happy-path-v0.3", public_root()?),
        of("Rekor v2", "rekor2-happy-path", own),
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

/// Bundles a second with a trust root at hand, beside the bare library, in turn.
fn throughput() -> Result<Vec<Figure>> {
    let mut command = cargo();
    command.args(["build", "-q", "--release", "-p", "bulla-trust"]);
    output(command.args(["--example", "verify_many"]))?;
    let program = target().join("release/examples/verify_many");
    let mut figures = Vec::new();
    for scene in scenes()? {
        let mut pairs = Vec::new();
        for _ in 0..THROUGHPUT_ROUNDS {
            let rate = |more: &[&str]| -> Result<f64> {
                let mut command = Command::new(&program);
                command.args(more).args(["--seconds", "1"]);
                command.args([&scene.bundle, &scene.artifact, &scene.root]);
                per_second(&output(&mut command)?)
            };
            pairs.push((rate(&[])?, rate(&["--core"])?));
        }
        figures.extend(beside_the_library(scene.log, &pairs));
    }
    Ok(figures)
}

/// Ours, the library's, and our time in percent of its.
fn beside_the_library(log: &str, pairs: &[(f64, f64)]) -> [Figure; 3] {
    let of = |pick: fn(&(f64, f64)) -> f64| pairs.iter().map(pick).collect();
    let name = |what: &str| format!("in process, {log}: {what}");
    [
        Figure::new(name("bulla"), "/s", None, of(|pair| pair.0)),
        Figure::new(name("bare library"), "/s", None, of(|pair| pair.1)),
        Figure::new(
            name("of its time"),
            "%",
            Some(100.0),
            of(|(ours, bare)| 100.0 * bare / ours),
        ),
    ]
}

/// The rate in the example's line of JSON.
fn per_second(said: &str) -> Result<f64> {
    let number = said.split_once("\"perSecond\":").map(|(_, rest)| rest);
    let number = number.and_then(|rest| rest.split(['}', ',']).next()?.parse().ok());
    number.ok_or_else(|| format!("no rate in {said}").into())
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
    use super::{beside_the_library, per_second};

    #[test]
    fn throughput_is_held_against_the_bare_library() {
        let line = r#"{"engine":"bulla","threads":2,"perSecond":4521}"#;
        assert_eq!(per_second(line).ok(), Some(4521.0));
        assert!(per_second("{}").is_err());
        let [_, _, slower] = beside_the_library("x", &[(100.0, 200.0)]);
        assert!(!slower.keeps_limit(), "{slower:?}");
        let [_, _, quicker] = beside_the_library("x", &[(300.0, 150.0)]);
        assert_eq!(quicker.values, [50.0]);
        assert!(quicker.keeps_limit());
    }
}
