//! A full disk: a small file system of the test's own in a mount namespace.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use bulla_authority::AuthorityError;
use bulla_crypto::merkle::{leaf_hash, verify_consistency, verify_inclusion};

use super::{add, command, open_log, tell};
use crate::skip;

/// Noise, so that it takes the room that it seems to take.
fn big(number: usize) -> String {
    hex::encode(bulla_crypto::random::bytes::<20_000>().unwrap()) + &number.to_string()
}

/// The child: fills the disk, makes room, goes on.
pub(super) async fn fill(directory: &Path) {
    let log = open_log(&directory.join("data")).await;
    let mut acknowledged = Vec::new();
    for number in 0..20 {
        let entry = big(number);
        acknowledged.push((add(&log, &entry).await.unwrap(), entry));
    }
    let ballast = directory.join("ballast");
    let mut file = File::create(&ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    let mut refused = 0;
    for number in 20..400 {
        let entry = big(number);
        match add(&log, &entry).await {
            Ok(added) => acknowledged.push((added, entry)),
            Err(AuthorityError::LogUnavailable { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
        }
        if refused == 20 {
            break;
        }
    }
    assert_eq!(refused, 20, "the disk is not full");
    let (last, _) = acknowledged.last().unwrap();
    assert!(log.is_leading() && log.size() >= last.size);

    drop(file);
    std::fs::remove_file(&ballast).unwrap();
    let entry = big(1000);
    acknowledged.push((add(&log, &entry).await.expect("room again"), entry));
    for log in [log, open_log(&directory.join("data")).await] {
        for (ack, entry) in &acknowledged {
            let found = log.prove(ack.index).await.unwrap().unwrap();
            assert_eq!(found.stored, entry.as_bytes());
            let leaf = leaf_hash(entry.as_bytes());
            verify_inclusion(&leaf, ack.index, found.size, &found.proof, &found.root).unwrap();
            let proof = log.consistency(ack.size, found.size).await.unwrap();
            verify_consistency(ack.size, found.size, &proof, &ack.root, &found.root).unwrap();
        }
    }
    tell("the disk was full and is not any more");
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let name = "a_full_disk_refuses_and_loses_nothing";
    let mount = "mount -t tmpfs -o size=12m tmpfs \"$BULLA_CRASH_DIRECTORY\" && exec \"$@\"";
    let dir = tempfile::tempdir().unwrap();
    let allowed = Command::new("unshare")
        .args(["-Urm", "sh", "-c", mount, "sh", "true"])
        .env(super::DIRECTORY, dir.path())
        .stderr(Stdio::null())
        .status();
    if !allowed.is_ok_and(|status| status.success()) {
        return skip(name, "no file system can be mounted in a user namespace");
    }
    let output = command(
        &["unshare", "-Urm", "sh", "-c", mount, "sh"],
        "fill",
        dir.path(),
    )
    .output()
    .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("full and is not any more"), "{output:?}");
    assert!(output.status.success(), "{output:?}");
}
