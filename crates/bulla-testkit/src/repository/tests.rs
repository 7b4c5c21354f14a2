use super::{Repository, SshKey};
use crate::World;

#[test]
fn the_same_files_make_the_same_commit() {
    let commit = || {
        let world = World::new();
        let repository = Repository::new(&world, "one")?;
        Some(repository.write("a.txt", "a").commit("first"))
    };
    if let (Some(one), Some(two)) = (commit(), commit()) {
        assert_eq!(one, two);
    }
}

#[test]
fn a_signed_commit_verifies() {
    let world = World::new();
    let Some(repository) = Repository::new(&world, "signed") else {
        return;
    };
    let Some(key) = SshKey::generate(&world, "dana@example.com") else {
        return;
    };
    repository.write("a.txt", "a").commit_signed("first", &key);
    let signers = world.write("allowed_signers", key.allowed_signer());
    let signers = signers.display().to_string();
    repository.git(["config", "gpg.ssh.allowedSignersFile", &signers]);
    repository.git(["verify-commit", "HEAD"]);
}
