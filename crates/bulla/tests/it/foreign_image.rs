//! An image that bulla had no part in: a Debian root file system by mmdebstrap,
//! packed by umoci, pushed by skopeo. It is listed, scanned, signed, verified and
//! explained like one of ours, and what is missing is said.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bulla_testkit::{Outcome, Shared, World, data, require, skip};

const SUITE: &str = "bookworm";
const DANA: &str = "dana@example.com";
/// What packages may leave out: a smaller image, and files that dpkg lists in vain.
const LEFT_OUT: [&str; 6] = [
    "/usr/lib/*/gconv/*",
    "/usr/share/doc/*",
    "/usr/share/i18n/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
    "/usr/share/zoneinfo/*",
];

/// The image layout, made once for each version of its makers and kept with the peers.
fn layout(world: &World) -> Option<PathBuf> {
    let (mmdebstrap, umoci) = (require("mmdebstrap")?, require("umoci")?);
    let version = |program: &Path| {
        let outcome = world.run(world.command(program).arg("--version"));
        let line = outcome
            .success()
            .stdout
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        line.split(' ').next_back().unwrap_or_default().to_owned()
    };
    let name = format!(
        "{SUITE}-mmdebstrap-{}-umoci-{}",
        version(&mmdebstrap),
        version(&umoci)
    );
    let kept = cache().join(name);
    if kept.join("index.json").is_file() {
        return Some(kept);
    }
    let tar = world.dir().join("root.tar");
    let mut command = world.command(&mmdebstrap);
    command.arg("--variant=essential");
    for path in LEFT_OUT {
        command.arg(format!("--dpkgopt=path-exclude={path}"));
    }
    command
        .arg(SUITE)
        .arg(&tar)
        .arg("http://deb.debian.org/debian");
    let outcome = world.run(&mut command);
    if outcome.code != 0 {
        let why: Vec<_> = outcome
            .stderr
            .lines()
            .filter(|line| line.starts_with("E:"))
            .collect();
        skip(&format!(
            "mmdebstrap made no root file system: {}",
            why.join(" ")
        ));
        return None;
    }
    let made = world.dir().join("layout");
    let image = format!("{}:v1", made.display());
    for args in [
        vec!["init", "--layout", &made.display().to_string()],
        vec!["new", "--image", &image],
        vec![
            "raw",
            "add-layer",
            "--image",
            &image,
            &tar.display().to_string(),
        ],
        vec![
            "config",
            "--image",
            &image,
            "--config.entrypoint",
            "/bin/sh",
            "--config.user",
            "65532:65532",
        ],
    ] {
        world.run(world.command(&umoci).args(args)).success();
    }
    keep(&made, &kept);
    Some(made)
}

/// Where images are kept between runs: beside the peers.
fn cache() -> PathBuf {
    let peers = std::env::var_os("BULLA_PEERS").map(PathBuf::from);
    peers
        .unwrap_or_else(std::env::temp_dir)
        .join("bulla-foreign-images")
}

/// Copies it whole or not at all; another run may have been quicker.
fn keep(made: &Path, kept: &Path) {
    let beside = kept.with_extension(std::process::id().to_string());
    if copy(made, &beside).is_ok() {
        let _ = fs::rename(&beside, kept);
    }
    let _ = fs::remove_dir_all(&beside);
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

fn bulla<const N: usize>(shared: &Shared, args: [&str; N]) -> Outcome {
    shared.world().bulla(args)
}

#[test]
fn a_debian_image_is_listed_scanned_signed_and_explained() {
    let (Some(skopeo), Some(tracker)) = (require("skopeo"), data("debian-tracker")) else {
        return;
    };
    let shared = Shared::start();
    let (world, instance) = (shared.world(), shared.instance());
    let Some(layout) = layout(world) else {
        return;
    };
    let image = format!("{}/debian:{SUITE}", instance.registry());
    let mut command = instance.client(world, skopeo);
    command
        .args(["--insecure-policy", "copy", "--dest-tls-verify=false"])
        .arg(format!("oci:{}:v1", layout.display()))
        .arg(format!("docker://{image}"));
    world.run(&mut command).success();

    let listed = bulla(&shared, ["sbom", &image, "-o", "json"]);
    let listed = listed.success().json();
    let components = listed["components"].as_array().expect("components");
    let of = |name: &str| {
        components
            .iter()
            .find(|component| component["name"] == name)
    };
    let libc = of("libc6").expect("libc6");
    let purl = libc["purl"].as_str().expect("a purl");
    assert!(purl.starts_with("pkg:deb/debian/libc6@"), "{purl}");
    assert!(purl.contains("distro=debian-12"), "{purl}");
    assert!(
        of("dpkg").is_some() && components.len() > 40,
        "{}",
        components.len()
    );
    assert_eq!(
        listed["problems"].as_array().map(Vec::len),
        Some(0),
        "{}",
        listed["problems"]
    );

    // Without data for Debian: not covered, said in words and as data, never clean.
    let uncovered = bulla(&shared, ["scan", &image]);
    uncovered
        .success()
        .says("no data for deb/debian-12")
        .says("NO DATA: not scanned");
    let uncovered = bulla(&shared, ["scan", &image, "-o", "json"]);
    let coverage = &uncovered.success().json()["coverage"];
    assert_eq!(coverage[0]["name"], "deb/debian-12", "{coverage}");
    assert_eq!(coverage[0]["covered"], false, "{coverage}");

    // With the tracker's lists: covered.
    let database = world.dir().join("debian.bulladb");
    let mut command = world.command(world.binary());
    command
        .args(["scan", "db", "import"])
        .arg(&tracker)
        .arg("--out")
        .arg(&database);
    world.run(&mut command).success();
    let database = database.display().to_string();
    let covered = bulla(&shared, ["scan", &image, "--db", &database, "-o", "json"]);
    let covered = covered.success().json();
    assert_eq!(
        covered["coverage"][0]["name"], "deb/debian-12",
        "{}",
        covered["coverage"]
    );
    assert_eq!(
        covered["coverage"][0]["covered"], true,
        "{}",
        covered["coverage"]
    );

    let issuer = instance.url("oidc");
    let verify = |email: &str| {
        let (identity, issuer) = (
            ["--certificate-identity", email],
            ["--certificate-oidc-issuer", issuer],
        );
        let args = ["verify", &image].into_iter().chain(identity).chain(issuer);
        world.bulla(args)
    };
    verify(DANA).exit(3);
    bulla(&shared, ["sign", &image, "--email", DANA]).success();
    verify(DANA).success().says(DANA);
    verify("erin@example.com").exit(1);

    // The chain has one stage of evidence; the default policy misses the others by name.
    let explained = bulla(&shared, ["explain", &image]);
    explained.says("DENIED").says("provenance");
    let explained = bulla(&shared, ["explain", &image, "-o", "json"]);
    let digest = explained.json()["digest"].clone();
    let tagged = bulla(&shared, ["verify", &image, "-o", "json"]);
    assert_eq!(tagged.json()["digest"], digest);
}
