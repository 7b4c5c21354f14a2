use std::{fs, path::Path};

use super::{in_peers, in_versions};

fn make(folder: &Path, path: &str) {
    let file = folder.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, "").unwrap();
}

#[test]
fn the_peer_of_that_name_and_the_newest_wins() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "cosign-3.1.3/bin/cosign");
    make(folder.path(), "cosign-3.1.10/bin/cosign");
    make(folder.path(), "cosign2-9.0.0/bin/cosign");
    make(folder.path(), "distribution-3.1.2/bin/registry");
    make(folder.path(), "sigstore-python-4.5.1/bin/sigstore");
    let found = |program| {
        let file = in_peers(folder.path(), program)?;
        Some(
            file.strip_prefix(folder.path())
                .unwrap()
                .display()
                .to_string(),
        )
    };
    assert_eq!(found("cosign").as_deref(), Some("cosign-3.1.10/bin/cosign"));
    assert_eq!(
        found("sigstore").as_deref(),
        Some("sigstore-python-4.5.1/bin/sigstore")
    );
    assert_eq!(
        found("cosign2").as_deref(),
        Some("cosign2-9.0.0/bin/cosign")
    );
    assert_eq!(
        found("distribution").as_deref(),
        Some("distribution-3.1.2/bin/registry")
    );
    assert_eq!(found("crane"), None);
}

#[test]
fn the_newest_version_of_a_server_wins() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "9/bin/postgres");
    make(folder.path(), "15/bin/postgres");
    make(folder.path(), "17/bin/psql");
    let found = in_versions(folder.path(), "postgres").unwrap();
    assert_eq!(found, folder.path().join("15/bin/postgres"));
    assert_eq!(in_versions(folder.path(), "initdb"), None);
    assert_eq!(in_versions(&folder.path().join("none"), "postgres"), None);
}
