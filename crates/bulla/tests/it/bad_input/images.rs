//! Images built elsewhere whose layers are hostile.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use bulla_core::Digest;
use serde_json::{Value, json};

use super::Bench;

const GIB: u64 = 1 << 30;
const PLAIN: &str = "application/vnd.oci.image.layer.v1.tar";
const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// One header of a tar archive (POSIX ustar), without content.
fn entry(path: &str, kind: u8, link: &str, size: u64) -> [u8; 512] {
    let mut header = [0u8; 512];
    let mut put =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, path);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}"));
    put(136, "00000000000\0");
    put(148, "        ");
    put(157, link);
    put(257, "ustar\0");
    put(263, "00");
    header[156] = kind;
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

fn archive(entries: &[[u8; 512]]) -> Vec<u8> {
    let mut bytes = entries.concat();
    bytes.extend([0; 1024]);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip");
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.stdout
}

/// An image layout with this one layer.
fn layout(folder: &Path, media_type: &str, layer: &[u8], diff_id: &Digest) -> PathBuf {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8], media_type: &str| -> Value {
        let digest = Digest::sha256(bytes);
        fs::write(blobs.join(digest.hex()), bytes).unwrap();
        json!({"mediaType": media_type, "digest": digest.to_string(), "size": bytes.len()})
    };
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let config = json!({
        "architecture": architecture, "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [diff_id.to_string()]},
    });
    let config = put(
        config.to_string().as_bytes(),
        "application/vnd.oci.image.config.v1+json",
    );
    let layer = put(layer, media_type);
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest =
        json!({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]});
    let mut manifest = put(manifest.to_string().as_bytes(), kind);
    manifest["platform"] = json!({"os": "linux", "architecture": architecture});
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    fs::write(folder.join("index.json"), index.to_string()).unwrap();
    fs::write(
        folder.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .unwrap();
    folder.to_path_buf()
}

/// `sbom`, `scan` and `ship --image` refuse it with this code, push nothing and
/// leave nothing; a sound image is taken right after.
#[track_caller]
fn refused(name: &str, media_type: &str, layer: &[u8], diff_id: &Digest, code: &str) {
    refused_by(3, name, media_type, layer, diff_id, code);
}

/// The same by the first `commands` of them.
#[track_caller]
fn refused_by(
    commands: usize,
    name: &str,
    media_type: &str,
    layer: &[u8],
    diff_id: &Digest,
    code: &str,
) {
    let bench = Bench::new();
    let dir = bench.world.dir();
    let target = layout(&dir.join(name), media_type, layer, diff_id);
    let target = format!("layout:{}", target.display());
    for args in [
        &["sbom", &target] as &[&str],
        &["scan", &target],
        &["ship", "--email", "dana@example.com", "--image", &target],
    ]
    .iter()
    .take(commands)
    {
        let outcome = bench.bulla(&dir, args);
        outcome.exit(7).says(code);
        assert_eq!(outcome.stdout, "", "{}", outcome.account());
        bench.is_clean(&dir);
    }
    assert!(!bench.world.root().join("escaped").exists());
    let good = archive(&[entry("etc/", b'5', "", 0), entry("etc/empty", b'0', "", 0)]);
    let good = layout(&dir.join("good"), PLAIN, &good, &Digest::sha256(&good));
    let good = format!("layout:{}", good.display());
    bench.bulla(&dir, &["sbom", &good]).success();
    bench
        .bulla(
            &dir,
            &["ship", "--email", "dana@example.com", "--image", &good],
        )
        .exit(3)
        .says("provenance is missing")
        .says("POLICY-");
}

#[track_caller]
fn refused_entries(name: &str, entries: &[[u8; 512]], code: &str) {
    let bytes = archive(entries);
    refused(name, PLAIN, &bytes, &Digest::sha256(&bytes), code);
}

#[test]
fn paths_and_links_that_lead_out_are_refused() {
    refused_entries(
        "up",
        &[entry("../../escaped", b'0', "", 0)],
        "INVENTORY-0012",
    );
    refused_entries(
        "hard",
        &[entry("passwd", b'1', "../../etc/passwd", 0)],
        "INVENTORY-0012",
    );
}

#[test]
fn a_file_written_through_a_link_is_refused() {
    refused_entries(
        "through",
        &[
            entry("out", b'2', "/tmp", 0),
            entry("out/escaped", b'0', "", 0),
        ],
        "INVENTORY-0010",
    );
}

#[test]
fn ten_sparse_gibibytes_out_of_nothing_are_refused() {
    // A GNU sparse entry: nothing is stored, the real size says 10 GiB.
    let mut sparse = entry("huge", b'S', "", 0);
    sparse[257..265].copy_from_slice(b"ustar  \0");
    sparse[386..398].copy_from_slice(format!("{:012o}", 10 * GIB).as_bytes());
    sparse[398..410].copy_from_slice(b"00000000000\0");
    sparse[483..495].copy_from_slice(format!("{:012o}", 10 * GIB).as_bytes());
    sparse[148..156].copy_from_slice(b"        ");
    let sum: u64 = sparse.iter().map(|byte| u64::from(*byte)).sum();
    sparse[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    refused_entries("sparse", &[sparse], "INVENTORY-0018");
}

#[test]
fn ten_gibibytes_from_ten_mebibytes_are_refused() {
    // Members of a gzip file follow one another: a header, then zeros without end.
    let mut bomb = gzip(&entry("zeros", b'0', "", 7 * GIB));
    let zeros = gzip(&vec![0; 64 << 20]);
    for _ in 0..160 {
        bomb.extend(&zeros);
    }
    // All of them read layers the same way, and this takes a while.
    let unknown = Digest::sha256(b"unknown");
    refused_by(1, "bomb", GZIP, &bomb, &unknown, "INVENTORY-0016");
}

#[test]
fn a_layer_cut_short_is_refused() {
    let whole = archive(&[entry("file", b'0', "", 100_000)]);
    refused(
        "cut",
        PLAIN,
        &whole,
        &Digest::sha256(&whole),
        "INVENTORY-0015",
    );
}

#[test]
fn what_is_no_image_is_said_so() {
    let bench = Bench::new();
    let dir = bench.world.dir();
    let ship = ["ship", "--email", "dana@example.com", "--image"];
    let with = |target: &str| {
        let args: Vec<&str> = ship.into_iter().chain([target]).collect();
        bench.bulla(&dir, &args)
    };
    with("layout:nowhere")
        .exit(7)
        .says("OCI-00")
        .says("nowhere");
    with("dir:.").exit(2).says("CLI-0090").says("layout:DIR");
    with("no such thing").exit(2).says("no such thing");
    bench.is_clean(&dir);
}
