//! The export equals `git archive`, and refuses what must not be written.

use bulla_core::{Diagnose, Digest};
use bulla_source::{Export, Limits, Mode, Repository, SourceError, TreeDigest};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::support::Repo;

fn export(repo: &Repo, directory: &str) -> Result<Export, SourceError> {
    export_with(repo, directory, &Limits::default())
}

fn export_with(repo: &Repo, directory: &str, limits: &Limits) -> Result<Export, SourceError> {
    let repository = Repository::discover(repo.root()).unwrap();
    let head = repository.head()?;
    repository.export(&head, directory, &repo.out(), limits)
}

/// Path to (kind and mode, contents) of everything below `root`.
fn listing(root: &Path) -> BTreeMap<String, (String, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut ahead = vec![root.to_path_buf()];
    while let Some(folder) = ahead.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            if metadata.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                let target = target.to_string_lossy().into_owned().into_bytes();
                found.insert(name, ("link".into(), target));
            } else if metadata.is_dir() {
                found.insert(name, ("folder".into(), Vec::new()));
                ahead.push(path);
            } else {
                let run = metadata.permissions().mode() & 0o100 != 0;
                found.insert(name, (format!("file {run}"), fs::read(path).unwrap()));
            }
        }
    }
    found
}

fn rich() -> Repo {
    let repo = Repo::new();
    repo.write("README", "hello\n");
    repo.write("src/main.rs", "fn main() {}\n");
    repo.write("src/deep/er/x", vec![0u8, 255, 10, 13]);
    repo.write("src/crlf.txt", "a\r\nb\r\n");
    repo.write("empty", "");
    repo.write("Gr\u{fc}\u{df}e \u{2603} with\nnewline", "odd name");
    repo.write("aux.c", "a name that only Windows reserves");
    repo.write("run.sh", "#!/bin/sh\n");
    let run = repo.root().join("run.sh");
    fs::set_permissions(run, fs::Permissions::from_mode(0o755)).unwrap();
    symlink("../README", repo.root().join("src/readme")).unwrap();
    symlink("deep", repo.root().join("src/to-folder")).unwrap();
    symlink("not-there-yet/x", repo.root().join("dangling")).unwrap();
    repo
}

#[test]
fn equals_git_archive() {
    let repo = rich();
    let id = repo.commit("all kinds");
    for (directory, treeish) in [("", id.clone()), ("src/deep", format!("{id}:src/deep"))] {
        let tar = repo.top().join("archive.tar");
        repo.run(["archive", "-o", tar.to_str().unwrap(), &treeish]);
        let reference = repo.top().join("reference");
        fs::create_dir(&reference).unwrap();
        let tar_ran = Command::new("tar")
            .arg("-xf")
            .arg(&tar)
            .current_dir(&reference)
            .status();
        assert!(tar_ran.unwrap().success());
        let exported = export(&repo, directory).unwrap();
        assert_eq!(listing(&repo.out()), listing(&reference), "{directory}");
        assert_eq!(exported.commit.as_deref(), Some(id.as_str()));
        let tree = match directory {
            "" => repo.run(["rev-parse", &format!("{id}^{{tree}}")]),
            _ => repo.run(["rev-parse", &treeish]),
        };
        assert_eq!(exported.git_tree, Some(tree));
        let mode = fs::metadata(repo.out()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "the directory is private");
        fs::remove_dir_all(repo.out()).unwrap();
        fs::remove_dir_all(reference).unwrap();
    }
}

#[test]
fn a_tree_added_back_has_the_same_git_tree_id() {
    let repo = rich();
    repo.commit("all kinds");
    let exported = export(&repo, "").unwrap();
    repo.git(["init", "-q"], &repo.out());
    repo.git(["add", "-A", "-f"], &repo.out());
    let tree = repo.git(["write-tree"], &repo.out());
    assert_eq!(exported.git_tree, Some(tree));
}

#[test]
fn the_tree_digest_is_what_its_documentation_says() {
    let repo = Repo::new();
    repo.write("b", "two");
    repo.write("a/x", "one");
    symlink("b", repo.root().join("l")).unwrap();
    repo.commit("three");
    let exported = export(&repo, "").unwrap();
    let hex = |text: &str| Digest::sha256(text.as_bytes()).hex().to_owned();
    let form = format!(
        "100644 a/x\0{}\n100644 b\0{}\n120000 l\0{}\n",
        hex("one"),
        hex("two"),
        hex("b")
    );
    assert_eq!(exported.tree_sha256, Digest::sha256(form.as_bytes()));
    let repository = Repository::discover(repo.root()).unwrap();
    let head = repository.head().unwrap();
    let alone = repository
        .tree_sha256(&head, "", &Limits::default())
        .unwrap();
    assert_eq!(alone, exported.tree_sha256);
    let mut again = TreeDigest::new();
    for file in exported.files.iter().rev() {
        let path = file.path.to_str().unwrap();
        again.add(path.as_bytes(), file.mode, &file.sha256);
    }
    assert_eq!(again.finish(), exported.tree_sha256);
    let modes: Vec<Mode> = exported.files.iter().map(|file| file.mode).collect();
    assert_eq!(modes, [Mode::File, Mode::File, Mode::Link]);
}

#[test]
fn git_attributes_filters_and_the_working_tree_play_no_part() {
    let repo = Repo::new();
    let marker = repo.top().join("ran");
    let filter = format!("touch {}; cat", marker.display());
    repo.write(".gitattributes", "* text eol=crlf\nsecret export-ignore\n");
    repo.write("a.txt", "one\ntwo\n");
    repo.write("secret", "kept\n");
    repo.commit("attributes");
    repo.run(["config", "filter.evil.smudge", &filter]);
    repo.run(["config", "filter.evil.clean", &filter]);
    repo.write(".git/info/attributes", "* filter=evil\n");
    repo.write("a.txt", "changed\n");
    export(&repo, "").unwrap();
    assert_eq!(fs::read(repo.out().join("a.txt")).unwrap(), b"one\ntwo\n");
    assert_eq!(fs::read(repo.out().join("secret")).unwrap(), b"kept\n");
    let repository = Repository::discover(repo.root()).unwrap();
    assert!(!repository.dirty("").unwrap().is_empty());
    assert!(!marker.exists(), "a filter program was run");
}

#[test]
fn contents_are_bounded_and_leave_out_links() {
    let repo = Repo::new();
    repo.write("long", "0123456789");
    repo.write("short", "abc");
    symlink("short", repo.root().join("link")).unwrap();
    repo.commit("files");
    let exported = export(&repo, "").unwrap();
    let files: Vec<_> = exported.contents(4).map(Result::unwrap).collect();
    let seen: Vec<_> = files
        .iter()
        .map(|f| (f.path.to_str().unwrap(), f.bytes.as_slice(), f.whole))
        .collect();
    assert_eq!(
        seen,
        [("long", &b"0123"[..], false), ("short", &b"abc"[..], true)]
    );
    assert_eq!(exported.bytes(), 10 + 3 + 5);
}

/// The export of `HEAD` fails with `code`, and leaves nothing behind.
fn refused(repo: &Repo, directory: &str, code: &str) -> SourceError {
    let error = export(repo, directory).expect_err(code);
    assert_eq!(error.code().0, code, "{error}");
    assert!(error.hint().is_some());
    assert!(!repo.out().exists(), "something was left behind");
    error
}

#[test]
fn submodules_and_lfs_pointers_are_refused_by_name() {
    let repo = Repo::new();
    repo.write("a", "a");
    let id = repo.commit("a");
    let module = repo.raw_tree(&[("160000", "lib", &id)]);
    let tree = repo.raw_tree(&[("40000", "vendor", &module)]);
    repo.commit_tree(&tree);
    let error = refused(&repo, "", "SOURCE-0008");
    assert!(error.to_string().contains("vendor/lib"), "{error}");

    let repo = Repo::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    repo.write("assets/big.bin", pointer);
    repo.write("ok/file", "fine");
    repo.commit("lfs");
    let error = refused(&repo, "", "SOURCE-0009");
    assert!(error.to_string().contains("assets/big.bin"), "{error}");
    export(&repo, "ok").expect("a folder without pointers");
}

#[test]
fn paths_that_escape_or_hide_git_are_refused() {
    let names = [
        "..",
        ".",
        "",
        ".git",
        ".GIT",
        "git~1",
        ".g\u{200c}it",
        "a/b",
        ".git.",
    ];
    for name in names {
        let repo = Repo::new();
        let blob = repo.raw_blob(b"x");
        let tree = repo.raw_tree(&[("100644", name, &blob)]);
        repo.commit_tree(&tree);
        let error = export(&repo, "").expect_err(name);
        assert_eq!(error.code().0, "SOURCE-0010", "{name:?}: {error}");
        assert!(!repo.out().exists());
    }
}

#[test]
fn a_file_cannot_be_written_through_a_link_or_twice() {
    // the class of CVE-2024-32002: `a` is a link and, for some file systems, `A/` lies behind it
    let repo = Repo::new();
    let link = repo.raw_blob(b"/etc");
    let blob = repo.raw_blob(b"x");
    let folder = repo.raw_tree(&[("100644", "passwd", &blob)]);
    let tree = repo.raw_tree(&[("120000", "a", &link), ("40000", "a", &folder)]);
    repo.commit_tree(&tree);
    refused(&repo, "", "SOURCE-0010");
}

#[test]
fn links_that_leave_are_refused_even_in_two_steps() {
    for (links, ok) in [
        (vec![("l", "/etc/passwd")], false),
        (vec![("l", "../x")], false),
        (vec![("sub/l", "../x")], true),
        (vec![("sub/l", "../../x")], false),
        (vec![("d", "."), ("l", "d/../x")], false),
        (vec![("d", "sub"), ("l", "d/../x")], true),
        (vec![("a", "b"), ("b", "a")], false),
        (vec![("l", "nowhere/../../x")], false),
        (vec![("l", "nowhere/../x")], true),
    ] {
        let repo = Repo::new();
        repo.write("sub/keep", "");
        for (path, target) in &links {
            symlink(target, repo.root().join(path)).unwrap();
        }
        repo.commit("links");
        if ok {
            export(&repo, "").unwrap_or_else(|error| panic!("{links:?}: {error}"));
        } else {
            refused(&repo, "", "SOURCE-0011");
        }
    }
    // a link that stays in the repository and leaves the sub-folder
    let repo = Repo::new();
    repo.write("LICENSE", "free");
    repo.write("sub/keep", "");
    symlink("../LICENSE", repo.root().join("sub/LICENSE")).unwrap();
    repo.commit("link");
    let error = refused(&repo, "sub", "SOURCE-0011");
    assert!(error.to_string().contains("sub/LICENSE"), "{error}");
    export(&repo, "").unwrap();
}

#[test]
fn limits_hold_also_against_a_tree_that_repeats_itself() {
    let repo = Repo::new();
    let blob = repo.raw_blob(b"x");
    let mut tree = repo.raw_tree(&[("100644", "f", &blob)]);
    for _ in 0..12 {
        let entries: Vec<_> = ["a", "b", "c", "d", "e"]
            .map(|n| ("40000", n, tree.as_str()))
            .into();
        tree = repo.raw_tree(&entries);
    }
    repo.commit_tree(&tree);
    let mut limits = Limits::default();
    limits.entries = 10_000;
    let error = export_with(&repo, "", &limits).unwrap_err();
    assert!(error.to_string().contains("number of files"), "{error}");
    assert!(!repo.out().exists());

    let repo = Repo::new();
    repo.write("a/b/c", "0123456789");
    repo.commit("deep");
    let mut limits = Limits::default();
    limits.file_bytes = 9;
    assert_eq!(
        export_with(&repo, "", &limits).unwrap_err().code().0,
        "SOURCE-0012"
    );
    let mut limits = Limits::default();
    limits.depth = 1;
    assert_eq!(
        export_with(&repo, "", &limits).unwrap_err().code().0,
        "SOURCE-0012"
    );
    let mut limits = Limits::default();
    limits.total_bytes = 10;
    export_with(&repo, "", &limits).unwrap();
}

#[test]
fn a_damaged_or_replaced_object_is_not_passed_off_as_the_commit() {
    let repo = Repo::new();
    repo.write("a", "honest");
    repo.commit("a");
    let honest = repo.run(["rev-parse", "HEAD:a"]);
    let other = repo.raw_blob(b"evil!!");
    repo.run(["replace", &honest, &other]);
    export(&repo, "").unwrap();
    assert_eq!(fs::read(repo.out().join("a")).unwrap(), b"honest");
    fs::remove_dir_all(repo.out()).unwrap();
    repo.run(["replace", "-d", &honest]);

    let loose = |id: &str| {
        repo.root()
            .join(".git/objects")
            .join(&id[..2])
            .join(&id[2..])
    };
    fs::set_permissions(loose(&honest), fs::Permissions::from_mode(0o644)).unwrap();
    fs::copy(loose(&other), loose(&honest)).unwrap();
    refused(&repo, "", "SOURCE-0016");
    fs::remove_file(loose(&honest)).unwrap();
    refused(&repo, "", "SOURCE-0015");
}

#[test]
fn the_destination_must_be_empty_and_survives_a_failure() {
    let repo = Repo::new();
    repo.write("a", "a");
    symlink("/etc", repo.root().join("z")).unwrap();
    repo.commit("a");
    fs::create_dir(repo.out()).unwrap();
    assert_eq!(export(&repo, "").unwrap_err().code().0, "SOURCE-0011");
    assert_eq!(
        fs::read_dir(repo.out()).unwrap().count(),
        0,
        "left as it was"
    );
    fs::write(repo.out().join("mine"), "mine").unwrap();
    assert_eq!(export(&repo, "").unwrap_err().code().0, "SOURCE-0013");
    assert_eq!(fs::read(repo.out().join("mine")).unwrap(), b"mine");
    fs::remove_dir_all(repo.out()).unwrap();
    assert_eq!(
        refused(&repo, "nowhere", "SOURCE-0014").code().0,
        "SOURCE-0014"
    );
    refused(&repo, "a", "SOURCE-0014");
    refused(&repo, "../x", "SOURCE-0010");
    refused(&repo, "/etc", "SOURCE-0010");
}

#[test]
fn packed_objects_and_times() {
    let repo = rich();
    repo.commit("one");
    repo.write("src/main.rs", "fn main() { println!() }\n");
    repo.commit("two");
    repo.run(["gc", "-q", "--aggressive", "--prune=now"]);
    let exported = export(&repo, "").unwrap();
    let time = fs::metadata(repo.out().join("src/main.rs"))
        .unwrap()
        .modified()
        .unwrap();
    let since = time
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert_eq!(since, 1_772_366_400, "files carry the commit's time");
    assert!(exported.files.len() > 8);
}
