//! Finding a repository, and resolving what a person names.

use bulla_core::Diagnose;
use bulla_source::Repository;
use std::fs;

use crate::support::{Repo, skip};

fn code(result: Result<impl Sized, bulla_source::SourceError>) -> &'static str {
    let error = result.err().expect("it must fail");
    assert!(error.hint().is_some(), "{error} has no hint");
    error.code().0
}

#[test]
fn a_commit_says_what_git_says() {
    let repo = Repo::new();
    repo.write("a", "a");
    let first = repo.commit("Add a\n\nand say why");
    repo.write("b", "b");
    let id = repo.commit("Add \u{1b}[31mb");
    repo.run(["tag", "-a", "v1", "-m", "first", &first]);
    let repository = Repository::discover(repo.root()).unwrap();
    let head = repository.head().unwrap();
    assert_eq!(head.id(), id);
    assert_eq!(head.short_id(), id[..12]);
    assert_eq!(head.tree_id(), repo.run(["rev-parse", "HEAD^{tree}"]));
    assert_eq!(head.parents(), std::slice::from_ref(&first));
    assert_eq!(
        head.summary(),
        "Add \u{fffd}[31mb",
        "nothing steers the terminal"
    );
    assert_eq!(head.author().name, "Ada");
    assert_eq!(head.committer().email, "ada@example.com");
    assert_eq!(head.committed_at().to_string(), "2026-03-01T12:00:00Z");
    assert_eq!(repository.branch().as_deref(), Some("refs/heads/main"));
    for name in ["v1", "HEAD~1", "HEAD^", &first[..8], "main~1"] {
        assert_eq!(repository.resolve(name).unwrap().id(), first, "{name}");
    }
    assert_eq!(repository.resolve("v1").unwrap().summary(), "Add a");
    assert_eq!(code(repository.resolve("nope")), "SOURCE-0004");
    assert_eq!(code(repository.resolve("--upload-pack=x")), "SOURCE-0004");
    assert_eq!(code(repository.resolve("HEAD^{tree}")), "SOURCE-0006");
}

#[test]
fn what_is_not_a_repository_says_so() {
    let repo = Repo::bare_dir();
    assert_eq!(code(Repository::discover(repo.top())), "SOURCE-0001");
    assert!(Repository::discover(repo.top().join("absent")).is_err());
    fs::create_dir(repo.top().join(".git")).unwrap();
    assert_eq!(code(Repository::discover(repo.top())), "SOURCE-0001");
    let unborn = Repo::new();
    assert_eq!(
        code(Repository::discover(unborn.root()).unwrap().head()),
        "SOURCE-0003"
    );
}

#[test]
fn a_folder_inside_is_remembered() {
    let repo = Repo::new();
    repo.write("examples/hello/x", "x");
    repo.commit("x");
    let repository = Repository::discover(repo.root().join("examples/hello")).unwrap();
    assert_eq!(repository.directory(), "examples/hello");
    assert_eq!(
        repository.root().canonicalize().unwrap(),
        repo.root().canonicalize().unwrap()
    );
    assert_eq!(Repository::discover(repo.root()).unwrap().directory(), "");
}

#[test]
fn bare_shallow_and_linked() {
    let repo = Repo::new();
    repo.write("a", "a");
    repo.commit("one");
    repo.write("a", "b");
    let id = repo.commit("two");

    repo.git(["clone", "-q", "--bare", "repo", "bare.git"], repo.top());
    let bare = Repository::discover(repo.top().join("bare.git")).unwrap();
    assert!(bare.is_bare());
    let head = bare.head().unwrap();
    assert_eq!(head.id(), id);
    assert_eq!(code(bare.dirty("")), "SOURCE-0007");
    assert_eq!(
        code(bare.export_dirty("", &repo.out(), &Default::default())),
        "SOURCE-0007"
    );
    bare.export(&head, "", &repo.out(), &Default::default())
        .unwrap();
    assert_eq!(
        bare.remote(),
        None,
        "a path on this machine is not published"
    );

    let url = format!("file://{}", repo.root().display());
    repo.git(["clone", "-q", "--depth", "1", &url, "shallow"], repo.top());
    let shallow = Repository::discover(repo.top().join("shallow")).unwrap();
    assert!(shallow.is_shallow());
    assert_eq!(shallow.head().unwrap().id(), id);
    assert_eq!(code(shallow.resolve("HEAD~1")), "SOURCE-0005");

    repo.run(["worktree", "add", "-q", "../linked", "-b", "side"]);
    repo.git(
        ["commit", "-q", "--allow-empty", "-m", "three"],
        &repo.top().join("linked"),
    );
    let linked = Repository::discover(repo.top().join("linked")).unwrap();
    assert_eq!(linked.branch().as_deref(), Some("refs/heads/side"));
    assert_eq!(linked.head().unwrap().summary(), "three");
    assert_eq!(linked.dirty("").unwrap(), []);
    fs::write(repo.top().join("linked/a"), "c").unwrap();
    assert_eq!(linked.dirty("").unwrap().len(), 1);
    assert_eq!(
        Repository::discover(repo.root())
            .unwrap()
            .dirty("")
            .unwrap(),
        []
    );
}

#[test]
fn remotes_are_published_without_credentials() {
    let repo = Repo::new();
    let remote = || Repository::discover(repo.root()).unwrap().remote();
    assert_eq!(remote(), None);
    repo.run(["remote", "add", "origin", "x"]);
    for (url, published) in [
        (
            "https://user:token@example.com/a/b.git",
            Some("https://example.com/a/b.git"),
        ),
        (
            "https://example.com:8443/a/b?token=x#y",
            Some("https://example.com:8443/a/b"),
        ),
        ("git@example.com:a/b.git", Some("ssh://example.com/a/b.git")),
        (
            "ssh://git@example.com:2222/a/b",
            Some("ssh://example.com:2222/a/b"),
        ),
        ("/srv/git/a", None),
        ("file:///srv/git/a", None),
        ("../other", None),
        ("ext::sh -c evil", None),
    ] {
        repo.run(["config", "remote.origin.url", url]);
        assert_eq!(remote().as_deref(), published, "{url}");
    }
}

#[test]
fn a_repository_of_another_user_is_refused() {
    let repo = Repo::new();
    repo.write("a", "a");
    repo.commit("a");
    for path in [repo.root(), repo.root().join(".git")] {
        if std::os::unix::fs::chown(&path, Some(12345), Some(12345)).is_err() {
            return skip(
                "a_repository_of_another_user_is_refused",
                "needs root for chown",
            );
        }
    }
    assert!(
        !repo.try_git(["status"], &repo.root()).status.success(),
        "git refuses too"
    );
    let error = Repository::discover(repo.root()).err().expect("refused");
    assert_eq!(error.code().0, "SOURCE-0002", "{error}");
    assert!(error.hint().unwrap().contains("safe.directory"));
}

/// git's rule, in a process of its own because the home directory decides.
#[test]
fn safe_directory_allows_a_repository_of_another_user() {
    const NAME: &str = "safe_directory_allows_a_repository_of_another_user";
    if let Some(path) = std::env::var_os("BULLA_TEST_REPOSITORY") {
        Repository::discover(path).unwrap().head().unwrap();
        return;
    }
    let repo = Repo::new();
    repo.commit("a");
    let root = repo.root().canonicalize().unwrap();
    for path in [root.clone(), root.join(".git")] {
        if std::os::unix::fs::chown(&path, Some(12345), Some(12345)).is_err() {
            return skip(NAME, "needs root for chown");
        }
    }
    for (text, allowed) in [
        (format!("[safe]\n\tdirectory = {}\n", root.display()), true),
        ("[safe]\n\tdirectory = *\n".to_owned(), true),
        ("[safe]\n\tdirectory = /elsewhere\n".to_owned(), false),
    ] {
        fs::write(repo.top().join(".gitconfig"), &text).unwrap();
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("open::{NAME}")])
            .env("HOME", repo.top())
            .env_remove("XDG_CONFIG_HOME")
            .env("BULLA_TEST_REPOSITORY", &root)
            .output()
            .unwrap();
        assert_eq!(child.status.success(), allowed, "{text}");
    }
}

/// In a process of its own, whose `PATH` holds programs that tell on their caller.
#[test]
fn no_program_is_ever_run() {
    if let Some(path) = std::env::var_os("BULLA_TEST_TRAPPED") {
        let repository = Repository::discover(path).unwrap();
        let head = repository.head().unwrap();
        head.verify(&Default::default());
        repository.dirty("").unwrap();
        repository.remote();
        let out = |name: &str| repository.root().join("..").join(name);
        repository
            .export(&head, "", &out("out"), &Default::default())
            .unwrap();
        repository
            .export_dirty("", &out("dirty"), &Default::default())
            .unwrap();
        return;
    }
    let repo = Repo::new();
    repo.write(".gitattributes", "* filter=trap\n");
    repo.write("a", "a");
    repo.commit("a");
    repo.write("a", "b");
    let trap = format!("touch {}", repo.top().join("ran").display());
    for key in [
        "filter.trap.clean",
        "filter.trap.process",
        "core.fsmonitor",
        "gpg.program",
    ] {
        repo.run(["config", key, &trap]);
    }
    let programs = repo.top().join("programs");
    fs::create_dir(&programs).unwrap();
    for name in ["git", "gpg", "ssh-keygen", "sh", "git-lfs"] {
        let at = programs.join(name);
        fs::write(&at, format!("#!/bin/sh\n/usr/bin/{trap}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(at, mode).unwrap();
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "open::no_program_is_ever_run"])
        .env("PATH", &programs)
        .env("BULLA_TEST_TRAPPED", repo.root())
        .output()
        .unwrap();
    assert!(
        child.status.success(),
        "{}",
        String::from_utf8_lossy(&child.stdout)
    );
    assert!(repo.out().join("a").exists(), "the child did its work");
    assert!(!repo.top().join("ran").exists(), "a program was run");
}

#[test]
fn a_sha256_repository_is_refused_by_name() {
    let repo = Repo::bare_dir();
    let made = repo.try_git(["init", "-q", "--object-format=sha256", "repo"], repo.top());
    if !made.status.success() {
        return skip(
            "a_sha256_repository_is_refused_by_name",
            "this git knows only sha1",
        );
    }
    assert_eq!(code(Repository::discover(repo.root())), "SOURCE-0017");
}
