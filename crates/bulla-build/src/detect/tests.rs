use super::*;
use crate::recipe::{LockKind, Recipe};
use std::fs;

fn proposal(files: &[(&str, &str)]) -> Option<(Proposal, Recipe)> {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let proposal = propose(directory.path())?;
    let recipe = Recipe::parse(&proposal.text, "bulla.toml")
        .unwrap_or_else(|error| panic!("{error}\n{}", proposal.text));
    Some((proposal, recipe))
}

#[test]
fn every_kind_gets_a_recipe_that_parses() {
    for (files, kind, lock) in [
        (
            &[
                ("Cargo.toml", "[package]\nname = \"my_tool\"\n"),
                ("Cargo.lock", ""),
            ][..],
            "Cargo",
            Some(LockKind::Cargo),
        ),
        (
            &[("go.mod", "module example.com/a/tool/v2\n"), ("go.sum", "")],
            "Go",
            Some(LockKind::Go),
        ),
        (
            &[
                (
                    "package.json",
                    "{\"name\":\"@me/site\",\"scripts\":{\"build\":\"x\"}}",
                ),
                ("package-lock.json", "{}"),
            ],
            "npm",
            Some(LockKind::Npm),
        ),
        (
            &[
                ("requirements.txt", "a==1 --hash=sha256:00"),
                ("main.py", ""),
            ],
            "Python",
            Some(LockKind::Pip),
        ),
        (
            &[(
                "Makefile",
                ".PHONY: all\nall: tool\ntool: a.c\n\tcc -o tool a.c\n",
            )],
            "Make",
            None,
        ),
        (
            &[("public/index.html", "<p>"), ("public/a/b.css", "")],
            "static site",
            None,
        ),
    ] {
        let (proposal, recipe) = proposal(files).unwrap();
        assert_eq!(proposal.kind, kind);
        assert_eq!(recipe.lock.map(|lock| lock.kind), lock, "{kind}");
        assert!(proposal.text.contains("# "), "{kind} has no comments");
    }
}

#[test]
fn names_and_programs_are_found() {
    let (_, recipe) = proposal(&[("Cargo.toml", "[package]\nname = \"my_tool\"\n")]).unwrap();
    assert_eq!(recipe.name, "my-tool");
    assert_eq!(recipe.image.entrypoint, ["/usr/bin/my_tool"]);
    let (_, recipe) = proposal(&[("go.mod", "module example.com/a/tool/v2\n")]).unwrap();
    assert_eq!(recipe.outputs[0].to, "/usr/bin/tool");
    let (_, recipe) = proposal(&[("Makefile", "all: tool\n")]).unwrap();
    assert_eq!(recipe.outputs[0].path, Path::new("tool"));
    let (_, recipe) = proposal(&[("index.html", ""), ("img/a.png", ""), (".git/x", "")]).unwrap();
    let paths: Vec<_> = recipe
        .outputs
        .iter()
        .map(|output| output.to.as_str())
        .collect();
    assert_eq!(paths, ["/srv/www/img/a.png", "/srv/www/index.html"]);
}

#[test]
fn nothing_known_gets_nothing() {
    assert!(proposal(&[("README", "")]).is_none());
}
