//! Images on a registry that is not ours, with a key and no services: what one
//! program writes, the other verifies, in both layouts; and the exit codes.

use super::Pair;
use bulla_testkit::{Distribution, Outcome, require};
use serde_json::Value;

/// A registry with images of its own, and key pairs `a` and `b`.
pub struct Stage {
    pub pair: Pair,
    pub registry: Distribution,
    crane: std::path::PathBuf,
}

pub const UNLOGGED: [&str; 3] = ["-y", "--use-signing-config=false", "--tlog-upload=false"];

impl Stage {
    #[track_caller]
    pub fn new() -> Option<Self> {
        let pair = Pair::new()?;
        let crane = require("crane")?;
        let registry = Distribution::start()?;
        let stage = Self {
            pair,
            registry,
            crane,
        };
        for (name, ours) in [("a", true), ("b", false)] {
            let args = ["generate-key-pair", "--output-key-prefix", name];
            stage
                .run(ours, &args)
                .success()
                .says("Private key written to");
        }
        Some(stage)
    }

    /// Either program, with a password for every key.
    pub fn run(&self, ours: bool, args: &[&str]) -> Outcome {
        self.run_with(ours, args, &[])
    }

    /// The same with these variables.
    pub fn run_with(&self, ours: bool, args: &[&str], env: &[(&str, &str)]) -> Outcome {
        let program = match ours {
            true => self.pair.world.binary(),
            false => self.pair.cosign.clone(),
        };
        let mut command = self.pair.world.command(program);
        command.args(ours.then_some("cosign")).args(args);
        command.env("COSIGN_PASSWORD", "hunter2");
        command.envs(env.iter().copied());
        self.pair.world.run(&mut command)
    }

    /// Pushes an image that holds `text`; its reference by digest.
    pub fn image(&self, name: &str) -> String {
        let world = &self.pair.world;
        world.write(format!("{name}.txt"), name);
        let mut tar = world.command("tar");
        tar.args(["-cf", &format!("{name}.tar"), &format!("{name}.txt")]);
        world.run(&mut tar).success();
        let reference = format!("{}/{name}:v1", self.registry.host());
        let mut push = world.command(&self.crane);
        push.args(["append", "--insecure", "--oci-empty-base", "-f"])
            .args([&format!("{name}.tar"), "-t", &reference]);
        let pushed = world.run(&mut push);
        pushed.success();
        pushed.stdout.trim().to_owned()
    }

    /// The tags of a repository.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let world = &self.pair.world;
        let mut list = world.command(&self.crane);
        list.args(["ls", "--insecure"])
            .arg(format!("{}/{repository}", self.registry.host()));
        let listed = world.run(&mut list);
        listed.success();
        listed.stdout.lines().map(str::to_owned).collect()
    }
}

/// Verifies with both programs, which must end alike; ours is given back first.
#[track_caller]
pub(super) fn verify(stage: &Stage, verb: &str, more: &[&str], image: &str) -> (Outcome, Outcome) {
    let mut args = vec![verb, "--insecure-ignore-tlog"];
    args.extend(more);
    args.push(image);
    let (ours, theirs) = (stage.run(true, &args), stage.run(false, &args));
    assert_eq!(
        ours.code,
        theirs.code,
        "\n{}\n{}",
        ours.account(),
        theirs.account()
    );
    (ours, theirs)
}

/// The JSON array on stdout, without what differs by nature.
fn array(outcome: &Outcome) -> Value {
    let line = outcome.stdout.lines().find(|line| line.starts_with('['));
    serde_json::from_str(line.unwrap_or_else(|| panic!("{}", outcome.account()))).unwrap()
}

/// Lines of stderr that say what was checked. cosign says of every bundle that
/// a log was asked for it; there is none here, and bulla says so.
fn checks(outcome: &Outcome) -> Vec<&str> {
    let lines = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("  - "));
    lines
        .filter(|line| !line.contains("transparency log"))
        .collect()
}

#[test]
fn signatures_of_either_are_verified_by_both() {
    let Some(stage) = Stage::new() else {
        return;
    };
    for (signer, name) in [(true, "by-bulla"), (false, "by-cosign")] {
        for (layout, flag) in [
            ("bundle", "--new-bundle-format=true"),
            ("tags", "--new-bundle-format=false"),
        ] {
            let image = stage.image(&format!("{name}-{layout}"));
            let mut args = vec!["sign", "--key", "a.key", flag, "-a", "env=prod"];
            args.extend(UNLOGGED);
            args.push(&image);
            stage.run(signer, &args).success();
            let (ours, theirs) = verify(&stage, "verify", &["--key", "a.pub"], &image);
            assert_eq!(array(ours.success()), array(&theirs));
            assert_eq!(checks(&ours), checks(&theirs));
            assert!(!ours.stderr.contains("Existence"), "{}", ours.account());
            let (ours, theirs) =
                verify(&stage, "verify", &["--key", "a.pub", "-o", "text"], &image);
            let parsed =
                |outcome: &Outcome| serde_json::from_str::<Value>(outcome.stdout.trim()).unwrap();
            assert_eq!(parsed(&ours), parsed(&theirs));
            verify(
                &stage,
                "verify",
                &["--key", "a.pub", "-a", "env=prod"],
                &image,
            )
            .0
            .success();
            let missing = if layout == "tags" { 12 } else { 1 };
            verify(
                &stage,
                "verify",
                &["--key", "a.pub", "-a", "env=test"],
                &image,
            )
            .0
            .exit(missing);
            verify(&stage, "verify", &["--key", "b.pub"], &image)
                .0
                .exit(missing);
        }
    }
}

#[test]
fn attestations_of_either_are_verified_by_both() {
    let Some(stage) = Stage::new() else {
        return;
    };
    stage
        .pair
        .world
        .write("review.json", r#"{"reviewed": true}"#);
    for (signer, name) in [(true, "att-bulla"), (false, "att-cosign")] {
        for (layout, flag) in [
            ("bundle", "--new-bundle-format=true"),
            ("tags", "--new-bundle-format=false"),
        ] {
            let image = stage.image(&format!("{name}-{layout}"));
            let kind = "https://example.com/review/v1";
            let mut args = vec![
                "attest",
                "--key",
                "a.key",
                flag,
                "--type",
                kind,
                "--predicate",
                "review.json",
            ];
            args.extend(UNLOGGED);
            args.push(&image);
            stage.run(signer, &args).success();
            let key = ["--key", "a.pub", "--type", kind];
            let (ours, theirs) = verify(&stage, "verify-attestation", &key, &image);
            let envelope =
                |outcome: &Outcome| serde_json::from_str::<Value>(outcome.stdout.trim()).unwrap();
            assert_eq!(
                envelope(ours.success())["payload"],
                envelope(&theirs)["payload"]
            );
            assert_eq!(checks(&ours), checks(&theirs));
            let other = ["--key", "a.pub", "--type", "slsaprovenance"];
            verify(&stage, "verify-attestation", &other, &image)
                .0
                .exit(1)
                .says("none of the attestations matched");
            let key = ["--key", "b.pub", "--type", kind];
            verify(&stage, "verify-attestation", &key, &image).0.exit(1);
        }
    }
}

/// 10 no signature, 11 no such tag, 12 no matching signature, 13 no certificate.
#[test]
fn the_exit_codes_are_those_of_the_real_program() {
    let Some(stage) = Stage::new() else {
        return;
    };
    let bare = stage.image("bare");
    let key = ["--key", "a.pub"];
    verify(&stage, "verify", &key, &bare).0.exit(10);
    let missing = format!("{}/bare:v2", stage.registry.host());
    verify(&stage, "verify", &key, &missing).0.exit(11);
    // A digest is taken at its word: nothing hangs on this one.
    let other = format!(
        "{}@sha256:{}",
        bare.split('@').next().unwrap(),
        "0".repeat(64)
    );
    verify(&stage, "verify", &key, &other).0.exit(10);
    verify(&stage, "verify-attestation", &key, &bare).0.exit(1);
    let signed = stage.image("signed");
    let mut args = vec!["sign", "--key", "a.key", "--new-bundle-format=false"];
    args.extend(UNLOGGED);
    args.push(&signed);
    stage.run(true, &args).success();
    verify(&stage, "verify", &["--key", "b.pub"], &signed)
        .0
        .exit(12);
    // Documented as 13; cosign 3.1.3 itself ends with 12 here.
    let identity = [
        "--certificate-identity=me",
        "--certificate-oidc-issuer=https://issuer.example",
        "--insecure-ignore-tlog",
    ];
    let args: Vec<&str> = ["verify"]
        .into_iter()
        .chain(identity)
        .chain([signed.as_str()])
        .collect();
    stage
        .run(true, &args)
        .exit(13)
        .says("no certificate found on signature");
}

/// The old layout, saved by one and loaded by the other.
#[test]
fn a_saved_image_is_loaded_by_the_other() {
    let Some(stage) = Stage::new() else {
        return;
    };
    let image = stage.image("old");
    let mut args = vec!["sign", "--key", "a.key", "--new-bundle-format=false"];
    args.extend(UNLOGGED);
    args.push(&image);
    stage.run(true, &args).success();
    for (saver, name) in [(true, "old-by-bulla"), (false, "old-by-cosign")] {
        stage.run(saver, &["save", "--dir", name, &image]).success();
        let there = format!("{}/{name}:v1", stage.registry.host());
        stage
            .run(!saver, &["load", "--dir", name, &there])
            .success();
        verify(&stage, "verify", &["--key", "a.pub"], &there)
            .0
            .success();
    }
}

/// What else moves and shows evidence.
#[test]
fn evidence_is_shown_and_moved_alike() {
    let Some(stage) = Stage::new() else {
        return;
    };
    let image = stage.image("moved");
    for flag in ["--new-bundle-format=false", "--new-bundle-format=true"] {
        let mut args = vec!["sign", "--key", "a.key", flag];
        args.extend(UNLOGGED);
        args.push(&image);
        stage.run(true, &args).success();
    }
    for kind in ["signature", "attestation", "sbom", "digest"] {
        let args = ["triangulate", "--type", kind, &image];
        let (ours, theirs) = (stage.run(true, &args), stage.run(false, &args));
        assert_eq!(ours.success().stdout, theirs.success().stdout);
    }
    let args = ["tree", &image];
    let lines = |outcome: &Outcome| {
        let mut lines: Vec<String> = outcome.stdout.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let (ours, theirs) = (stage.run(true, &args), stage.run(false, &args));
    assert_eq!(lines(ours.success()), lines(theirs.success()));

    // Saved by one, verified by both, loaded by bulla: cosign's load writes a
    // bundle's manifest before its layer, which this registry refuses.
    for (saver, name) in [(true, "saved-by-bulla"), (false, "saved-by-cosign")] {
        stage.run(saver, &["save", "--dir", name, &image]).success();
        let local = ["--key", "a.pub", "--local-image"];
        verify(&stage, "verify", &local, name).0.success();
        let there = format!("{}/loaded-{name}:v1", stage.registry.host());
        stage.run(true, &["load", "--dir", name, &there]).success();
        verify(&stage, "verify", &["--key", "a.pub"], &there)
            .0
            .success();
    }
    let copied = format!("{}/copied:v1", stage.registry.host());
    stage.run(true, &["copy", &image, &copied]).success();
    verify(&stage, "verify", &["--key", "a.pub"], &copied)
        .0
        .success();
    stage.run(true, &["clean", "-f", &copied]).success();
    verify(&stage, "verify", &["--key", "a.pub"], &copied)
        .0
        .exit(10);
}

/// Evidence that was made apart from the registry is attached by bulla, and
/// verified by both.
#[test]
fn what_was_made_elsewhere_is_attached() {
    let Some(stage) = Stage::new() else {
        return;
    };
    let image = stage.image("attached");
    let mut args = vec![
        "sign",
        "--key",
        "b.key",
        "--new-bundle-format=false",
        "--upload=false",
    ];
    args.extend([
        "--output-signature",
        "a.sig",
        "--output-payload",
        "a.payload",
    ]);
    args.extend(UNLOGGED);
    args.push(&image);
    stage.run(false, &args).success();
    stage
        .run(
            true,
            &[
                "attach",
                "signature",
                "--signature",
                "a.sig",
                "--payload",
                "a.payload",
                &image,
            ],
        )
        .success();
    verify(&stage, "verify", &["--key", "b.pub"], &image)
        .0
        .success();
    // Without attaching: the files in place of the registry.
    let other = stage.image("detached");
    let files = [
        "--key",
        "b.pub",
        "--signature",
        "a.sig",
        "--payload",
        "a.payload",
    ];
    verify(&stage, "verify", &files, &image).0.success();
    verify(&stage, "verify", &files, &other).0.exit(12);
    stage
        .pair
        .world
        .write("bom.json", r#"{"spdxVersion": "SPDX-2.3"}"#);
    stage
        .run(true, &["attach", "sbom", "--sbom", "bom.json", &image])
        .success();
    for ours in [true, false] {
        let found = stage.run(ours, &["download", "sbom", &image]);
        assert_eq!(
            found.success().stdout.trim(),
            r#"{"spdxVersion": "SPDX-2.3"}"#
        );
    }
}

/// An index and its images: signed together, each verified alone.
#[test]
fn an_index_is_signed_with_its_images() {
    let Some(stage) = Stage::new() else {
        return;
    };
    let (one, two) = (stage.image("one"), stage.image("two"));
    let index = format!("{}/index:v1", stage.registry.host());
    let world = &stage.pair.world;
    let mut make = world.command(&stage.crane);
    make.args([
        "index",
        "append",
        "--insecure",
        "-m",
        &one,
        "-m",
        &two,
        "-t",
        &index,
    ]);
    world.run(&mut make).success();
    for (ours, flag) in [
        (true, "--new-bundle-format=true"),
        (false, "--new-bundle-format=false"),
    ] {
        let mut args = vec!["sign", "-r", "--key", "a.key", flag];
        args.extend(UNLOGGED);
        args.push(&index);
        stage.run(ours, &args).success();
        verify(&stage, "verify", &["--key", "a.pub"], &index)
            .0
            .success();
        for image in [&one, &two] {
            let digest = image.split('@').nth(1).unwrap();
            let child = format!("{}/index@{digest}", stage.registry.host());
            verify(&stage, "verify", &["--key", "a.pub"], &child)
                .0
                .success();
        }
    }
}
