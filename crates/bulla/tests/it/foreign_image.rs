//! An image that bulla had no part in: a Debian root file system by mmdebstrap,
//! packed by umoci, pushed by skopeo. It is listed, scanned, signed, verified and
//! explained like one of ours, and what is missing is said.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bulla_core::Digest;
use bulla_testkit::{Shared, World, data, require, skip};
use serde_json::Value;

const SUITE: &str = "bookworm";
const DANA: &str = "dana@example.com";
/// What packages may leave out: a smaller image, and files that dpkg lists in vain.
/// Not perl: packages run it while they are installed.
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
        "{SUITE}-{}-mmdebstrap-{}-umoci-{}",
        Digest::sha256(LEFT_OUT.concat().as_bytes()).short(),
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
    command.arg(SUITE).arg(&tar);
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

/// An advisory of our own about a package that the image has.
const ADVISORY: &str = "\
[01 Nov 2026] DSA-9999-1 zlib - security update
\t{CVE-2026-99999}
\t[bookworm] - zlib 1:99.0-1
";

/// The shared instance, and the image in its registry by digest.
fn stage() -> Option<(Shared, String)> {
    let skopeo = require("skopeo")?;
    let shared = Shared::start();
    let (world, instance) = (shared.world(), shared.instance());
    let layout = layout(world)?;
    let image = format!("{}/debian:{SUITE}", instance.registry());
    let mut command = instance.client(world, skopeo);
    command
        .args(["--insecure-policy", "copy", "--dest-tls-verify=false"])
        .arg(format!("oci:{}:v1", layout.display()))
        .arg(format!("docker://{image}"));
    world.run(&mut command).success();
    Some((shared, image))
}

#[test]
fn a_debian_image_is_listed_scanned_signed_and_explained() {
    let Some((shared, image)) = stage() else {
        return;
    };
    let world = shared.world();
    let sbom = listed(world, &image);
    scanned(world, &image, &sbom);

    let issuer = shared.instance().url("oidc");
    let verify = |email: &str| {
        let identity = ["--certificate-identity", email];
        let issuer = ["--certificate-oidc-issuer", issuer];
        let args = ["verify", &image].into_iter().chain(identity).chain(issuer);
        world.bulla(args)
    };
    verify(DANA).exit(3);
    let signed = world.bulla(["sign", &image, "--email", DANA]);
    let pinned = signed.success().stdout.trim().to_owned();
    verify(DANA).success().says(&pinned);
    verify("erin@example.com").exit(1);

    // One link of the chain is there; the others are missed by name, not passed over.
    let explained = world.bulla(["explain", &image, "-o", "json"]);
    let chain = explained.json();
    assert!(
        chain.to_string().contains(&pinned[pinned.len() - 64..]),
        "{chain}"
    );
    let explained = world.bulla(["explain", &image]);
    explained.says(DANA).says("DENIED").says("provenance");
}

/// Every package with its release, as data and as a document for the scan.
fn listed(world: &World, image: &str) -> String {
    let document = world.dir().join("bom.json").display().to_string();
    let to = format!("cyclonedx={document}");
    let listed = world.bulla(["sbom", image, "-o", "json", "-o", &to]);
    let listed = listed.success().json();
    let components = listed["components"].as_array().expect("components");
    let of = |name: &str| components.iter().find(|one| one["name"] == name);
    let libc = of("libc6").expect("libc6");
    let purl = libc["purl"].as_str().expect("a purl");
    assert!(purl.starts_with("pkg:deb/debian/libc6@"), "{purl}");
    assert!(purl.contains("distro=debian-12"), "{purl}");
    assert!(
        of("dpkg").is_some() && components.len() > 40,
        "{}",
        components.len()
    );
    let problems = listed["problems"].as_array().expect("problems");
    assert!(problems.is_empty(), "{problems:?}");
    document
}

fn scanned(world: &World, image: &str, sbom: &str) {
    // Without data for Debian: not covered, in words and as data; never clean.
    let report = world.dir().join("scan.json").display().to_string();
    let to = format!("json={report}");
    let uncovered = world.bulla(["scan", image, "-o", "text", "-o", &to]);
    uncovered
        .success()
        .says("no data for deb/debian-12")
        .says("NO DATA: not scanned");
    let report = fs::read(report).expect("the report");
    let report: Value = serde_json::from_slice(&report).expect("a report");
    assert_eq!(deb(&report)["covered"], false, "{report}");

    // With data for this release: covered, and found.
    world.write("advisories/data/DSA/list", ADVISORY);
    let folder = world.dir().join("advisories");
    let database = import(world, &folder);
    let found = world.bulla(["scan", sbom, "--db", &database, "-o", "json"]);
    let report = found.success().json();
    assert_eq!(deb(&report)["covered"], true, "{report}");
    let finding = &report["findings"][0];
    assert_eq!(finding["name"], "zlib1g", "{report}");
    assert_eq!(finding["fixedIn"], "1:99.0-1", "{report}");
    let broken = world.write("broken/list", "no advisory\n");
    let refused = world.bulla(["scan", "db", "import", &broken.display().to_string()]);
    refused.exit(7).says("SCAN-0003");

    // Data for other releases of Debian does not cover this one.
    if let Some(tracker) = data("debian-tracker") {
        let database = import(world, &tracker);
        let other = world.bulla(["scan", sbom, "--db", &database, "-o", "json"]);
        let report = other.success().json();
        assert_eq!(deb(&report)["covered"], false, "{report}");
    }
}

/// The line of the report about Debian's packages.
fn deb(report: &Value) -> &Value {
    let mut coverage = report["coverage"].as_array().expect("coverage").iter();
    let of = coverage.find(|one| one["name"] == "deb/debian-12");
    of.expect("a line about deb/debian-12")
}

/// A database of that folder alone.
fn import(world: &World, folder: &Path) -> String {
    let name = folder.file_name().expect("a name").to_string_lossy();
    let out = world
        .dir()
        .join(format!("{name}.bulladb"))
        .display()
        .to_string();
    let folder = folder.display().to_string();
    world
        .bulla(["scan", "db", "import", &folder, "--out", &out])
        .success();
    out
}

#[test]
fn a_scan_says_what_it_could_not_look_at() {
    let world = World::new();
    let sbom = r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
        {"type": "library", "name": "whatever", "version": "1", "purl": "not a purl"}]}"#;
    let sbom = world.write("bom.json", sbom).display().to_string();
    world
        .bulla(["scan", &sbom])
        .success()
        .says("! not scanned: ");
    let report = world.bulla(["scan", &sbom, "-o", "json"]);
    let report = report.success().json();
    assert_eq!(
        report["problems"].as_array().map(Vec::len),
        Some(1),
        "{report}"
    );
}

#[test]
fn advisories_of_every_format_are_imported() {
    let (Some(osv), Some(tracker), Some(alpine)) = (
        data("osv/crates.io/all.zip"),
        data("debian-tracker"),
        data("alpine-secdb/v3.11"),
    ) else {
        return;
    };
    let world = World::new();
    let [osv, tracker, alpine] = [osv, tracker, alpine].map(|path| path.display().to_string());
    let out = world.dir().join("all.bulladb").display().to_string();
    let args = [
        "scan", "db", "import", &osv, &tracker, &alpine, "--out", &out, "-o", "json",
    ];
    let imported = world.bulla(args);
    let imported = imported.success().json();
    let sources = imported["sources"].as_array().expect("sources");
    for scope in ["cargo", "deb/debian-11", "apk/alpine-3.11"] {
        let of = |source: &&Value| source["scope"] == scope;
        let source = sources
            .iter()
            .find(of)
            .unwrap_or_else(|| panic!("no {scope}: {sources:?}"));
        assert!(source["advisories"].as_u64() > Some(10), "{source}");
    }
    let status = world.bulla(["scan", "db", "status", "--db", &out, "-o", "json"]);
    assert_eq!(status.success().json()["digest"], imported["digest"]);
}
