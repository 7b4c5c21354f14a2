use super::*;
use crate::testing;
use bulla_core::{Diagnose as _, Severity};
use bulla_inventory::Ecosystem;

pub(crate) fn ranged(events: &[(&str, &str)]) -> Affected {
    let event = |(kind, version): &(&str, &str)| match *kind {
        "introduced" => Event::Introduced((*version).into()),
        "fixed" => Event::Fixed((*version).into()),
        _ => Event::LastAffected((*version).into()),
    };
    Affected {
        ranges: vec![Range {
            events: events.iter().map(event).collect(),
        }],
        versions: Vec::new(),
    }
}

pub(crate) fn advisory(id: &str, aliases: &[&str], severity: Severity) -> Advisory {
    Advisory {
        id: id.into(),
        aliases: aliases.iter().map(|a| (*a).to_owned()).collect(),
        severity,
        date: Some(Date::constant(2026, 1, 2)),
        ..Advisory::default()
    }
}

/// A database with one scope per ecosystem that tests need.
pub(crate) fn database(entries: &[(&str, &str, &Advisory, Affected)]) -> Database {
    let mut builder = Builder::new();
    for (scope, name, advisory, affected) in entries {
        let scope: Scope = scope.parse().unwrap();
        builder.covers(scope.clone(), "test", Some(Date::constant(2026, 1, 2)));
        builder.extend(
            (*advisory).clone(),
            vec![(scope, (*name).into(), affected.clone())],
        );
    }
    builder.build("test").unwrap()
}

fn small() -> Database {
    let a = advisory("RUSTSEC-2026-0001", &["CVE-2026-1"], Severity::High);
    let mut b = advisory("GO-2026-1", &[], Severity::Unknown);
    b.kind = AdvisoryKind::Malicious;
    b.date = None;
    let listed = Affected {
        versions: vec!["1.0".into(), "2.0".into()],
        ..ranged(&[("introduced", "0"), ("last_affected", "3")])
    };
    database(&[
        (
            "cargo",
            "Some_Crate",
            &a,
            ranged(&[("introduced", "0"), ("fixed", "1.2.3")]),
        ),
        ("golang", "github.com/A/b", &b, listed),
    ])
}

#[test]
fn what_is_written_is_read_again() {
    let database = small();
    let bytes = database.to_bytes().unwrap();
    let again = Database::from_bytes("again", &bytes).unwrap();
    assert_eq!(again.digest(), database.digest());
    assert_eq!(again.sources(), database.sources());
    assert_eq!(again.to_bytes().unwrap(), bytes);
    let found = again
        .look_up(&Scope::of(Ecosystem::Cargo), "some-crate")
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0.aliases, ["CVE-2026-1"]);
    assert_eq!(
        found[0].1,
        ranged(&[("introduced", "0"), ("fixed", "1.2.3")])
    );
    let found = again
        .look_up(&Scope::of(Ecosystem::Golang), "github.com/a/B")
        .unwrap();
    assert_eq!(
        (found[0].0.kind, found[0].1.versions.len()),
        (AdvisoryKind::Malicious, 2)
    );
    assert!(
        again
            .look_up(&Scope::of(Ecosystem::Golang), "other")
            .unwrap()
            .is_empty()
    );
    assert!(
        again
            .look_up(&Scope::of(Ecosystem::Npm), "some-crate")
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        again.advisory("CVE-2026-1").unwrap().id,
        "RUSTSEC-2026-0001"
    );
}

#[test]
fn every_damaged_byte_is_noticed() {
    let bytes = small().to_bytes().unwrap();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        let error = Database::from_bytes("x", &damaged).err();
        // A changed flag of the compression header may mean the same bytes.
        assert!(
            error.is_some() || at == HEADER_BYTES + 1,
            "byte {at} was not noticed"
        );
    }
    for length in 0..bytes.len() {
        assert!(
            Database::from_bytes("x", &bytes[..length]).is_err(),
            "cut at {length}"
        );
    }
}

#[test]
fn other_files_and_newer_formats_are_told_apart() {
    let code = |bytes: &[u8]| Database::from_bytes("x", bytes).err().map(|e| e.code().0);
    let mut newer = small().to_bytes().unwrap();
    newer[8] = 9;
    assert_eq!(code(&newer), Some("SCAN-0007"));
    assert_eq!(code(&[b'x'; 100]), Some("SCAN-0005"));
    assert_eq!(code(b""), Some("SCAN-0001"));
    let missing = Database::open(Path::new("/nonexistent/x.bulladb"))
        .err()
        .unwrap();
    assert_eq!(missing.code().0, "SCAN-0006");
    assert!(missing.hint().unwrap().contains("bulla scan db import"));
}

#[test]
fn saving_is_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.bulladb");
    small().save(&path).unwrap();
    assert_eq!(Database::open(&path).unwrap().name(), "own");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let error = small()
        .save(&folder.path().join("no/such/folder"))
        .unwrap_err();
    assert_eq!(error.code().0, "SCAN-0008");
}

#[test]
fn the_embedded_database_is_whole_and_small() {
    let database = Database::embedded().unwrap();
    assert!(
        embedded::BYTES.len() <= 600 << 10,
        "{} bytes",
        embedded::BYTES.len()
    );
    let scopes: Vec<String> = database
        .sources()
        .iter()
        .map(|s| s.scope.to_string())
        .collect();
    assert_eq!(scopes, ["cargo", "golang", "pypi"]);
    assert!(database.len() > 8000, "{} advisories", database.len());
    for source in database.sources() {
        assert!(source.date >= Date::constant(2024, 10, 10), "{source:?}");
    }
    // One that will not change any more.
    let found = database
        .look_up(&Scope::of(Ecosystem::Cargo), "openssl")
        .unwrap();
    assert!(
        found
            .iter()
            .any(|(a, _)| a.id == "RUSTSEC-2016-0001" && a.severity == Severity::High)
    );
}

#[test]
fn the_embedded_database_is_made_of_the_shared_data() {
    let Some(paths) = testing::osv_archives() else {
        return;
    };
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let made = build_embedded(&paths).unwrap();
    let made = Database::from_bytes("embedded", &made).unwrap();
    let committed = Database::embedded().unwrap();
    assert_eq!(
        made.digest(),
        committed.digest(),
        "make it again: see data/README.md"
    );
}

proptest::proptest! {
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = Database::from_bytes("x", &bytes);
        // Behind a right checksum, too.
        let digest = Digest::sha256(&bytes);
        if let Ok(database) = Database::index("x", bytes, digest) {
            let _ = database.look_up(&Scope::of(Ecosystem::Cargo), "a");
        }
    }
}
