//! The dirty check agrees with `git status`; the dirty export names no commit.

use bulla_core::Diagnose;
use bulla_source::{Change, ChangeKind, Limits, Repository};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::support::Repo;

fn change(path: &str, kind: ChangeKind) -> Change {
    let path = path.to_owned();
    Change { path, kind }
}

fn repo() -> Repo {
    let repo = Repo::new();
    repo.write(".gitignore", "target/\n*.log\n");
    repo.write("a", "a");
    repo.write("sub/b", "b");
    repo.write("sub/c", "c");
    repo.commit("all");
    repo
}

#[test]
fn dirty_is_what_git_status_shows() {
    let repo = repo();
    let dirty = |directory: &str| {
        let repository = Repository::discover(repo.root()).unwrap();
        repository.dirty(directory).unwrap()
    };
    assert_eq!(dirty(""), []);
    repo.write("target/x", "ignored");
    repo.write("y.log", "ignored");
    fs::write(repo.root().join("a"), "a").unwrap();
    assert_eq!(dirty(""), [], "ignored and merely touched files are clean");
    repo.write("new/file", "untracked");
    repo.write("sub/b", "changed");
    fs::remove_file(repo.root().join("sub/c")).unwrap();
    repo.write("a", "staged");
    repo.run(["add", "a"]);
    let run = repo.root().join(".gitignore");
    fs::set_permissions(run, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(
        dirty(""),
        [
            change(".gitignore", ChangeKind::Modified),
            change("a", ChangeKind::Staged),
            change("new/file", ChangeKind::Untracked),
            change("sub/b", ChangeKind::Modified),
            change("sub/c", ChangeKind::Modified),
        ]
    );
    let inside = [
        change("sub/b", ChangeKind::Modified),
        change("sub/c", ChangeKind::Modified),
    ];
    assert_eq!(dirty("sub"), inside);
    assert_eq!(dirty("./sub/"), inside);
    assert_eq!(dirty("new"), [change("new/file", ChangeKind::Untracked)]);
    let shown = repo.run(["status", "--porcelain", "-uall"]);
    assert_eq!(shown.lines().count(), 5, "{shown}");
}

#[test]
fn a_change_hidden_by_equal_size_and_time_is_found() {
    // the "racy git" case: same size, same second, right after `git add`
    let repo = Repo::new();
    repo.write("a", "one");
    repo.commit("a");
    repo.write("a", "two");
    let repository = Repository::discover(repo.root()).unwrap();
    assert_eq!(
        repository.dirty("").unwrap(),
        [change("a", ChangeKind::Modified)]
    );
}

#[test]
fn line_endings_and_submodules_are_no_change() {
    let repo = Repo::new();
    repo.write(".gitattributes", "* text=auto eol=crlf\n");
    repo.write("a", "one\r\ntwo\r\n");
    let inner = Repo::new();
    inner.commit("inner");
    let url = inner.root();
    let add = [
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
    ];
    repo.run(add.iter().copied().chain([url.to_str().unwrap(), "module"]));
    repo.commit("all");
    assert_eq!(repo.run(["status", "--porcelain"]), "");
    repo.write(
        "module/x",
        "not ours to judge: an export refuses submodules",
    );
    let repository = Repository::discover(repo.root()).unwrap();
    assert_eq!(repository.dirty("").unwrap(), []);
    let refused = repository.export_dirty("", &repo.out(), &Limits::default());
    assert_eq!(refused.unwrap_err().code().0, "SOURCE-0008");
}

#[test]
fn a_dirty_export_is_the_working_files_and_names_no_commit() {
    let repo = repo();
    repo.write("sub/b", "changed");
    repo.write("sub/new", "untracked");
    repo.write("sub/x.log", "ignored");
    fs::remove_file(repo.root().join("sub/c")).unwrap();
    symlink("b", repo.root().join("sub/link")).unwrap();
    let repository = Repository::discover(repo.root()).unwrap();
    let limits = Limits::default();
    let export = repository
        .export_dirty("sub", &repo.out(), &limits)
        .unwrap();
    assert_eq!(
        (export.commit.clone(), export.git_tree.clone()),
        (None, None)
    );
    let names: Vec<_> = export
        .files
        .iter()
        .map(|f| f.path.to_str().unwrap())
        .collect();
    assert_eq!(names, ["b", "link", "new"]);
    assert_eq!(fs::read(repo.out().join("b")).unwrap(), b"changed");
    fs::remove_dir_all(repo.out()).unwrap();

    // committed as it is, it has the same digest
    let id = repo.commit("now");
    let commit = repository.resolve(&id).unwrap();
    let clean = repository
        .export(&commit, "sub", &repo.out(), &limits)
        .unwrap();
    assert_eq!(clean.tree_sha256, export.tree_sha256);
}

#[test]
fn a_dirty_export_follows_no_link_and_refuses_by_name() {
    let repo = repo();
    let limits = Limits::default();
    let export = || {
        let repository = Repository::discover(repo.root()).unwrap();
        repository.export_dirty("", &repo.out(), &limits)
    };
    // a tracked folder replaced by a link to somewhere else
    fs::create_dir(repo.top().join("elsewhere")).unwrap();
    fs::write(repo.top().join("elsewhere/b"), "outside").unwrap();
    fs::remove_dir_all(repo.root().join("sub")).unwrap();
    symlink("../elsewhere", repo.root().join("sub")).unwrap();
    assert_eq!(export().unwrap_err().code().0, "SOURCE-0011");
    assert!(!repo.out().exists());
    fs::remove_file(repo.root().join("sub")).unwrap();
    // and by a link to a folder inside: the link is exported, nothing through it
    repo.write("other/b", "through the link");
    symlink("other", repo.root().join("sub")).unwrap();
    let names: Vec<_> = export()
        .unwrap()
        .files
        .into_iter()
        .map(|f| f.path)
        .collect();
    let names: Vec<_> = names.iter().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(names, [".gitignore", "a", "other/b", "sub"]);
    fs::remove_dir_all(repo.out()).unwrap();
    fs::remove_file(repo.root().join("sub")).unwrap();

    repo.write(
        "big",
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    );
    assert_eq!(export().unwrap_err().code().0, "SOURCE-0009");
    fs::remove_file(repo.root().join("big")).unwrap();

    repo.git(["init", "-q", "inner"], &repo.root());
    repo.write("inner/x", "x");
    repo.git(["add", "-A"], &repo.root().join("inner"));
    repo.git(["commit", "-q", "-m", "x"], &repo.root().join("inner"));
    assert_eq!(export().unwrap_err().code().0, "SOURCE-0008");
}
