//! What is proposed for a repository builds it, unedited, the same bytes twice.

use crate::setup::{Project, skip};
use bulla_build::{Built, Recipe, detect, reproduce};
use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

/// Proposes and builds; none if a tool is missing.
fn build(test: &str, tool: &str, argument: &str, project: &Project) -> Option<Built> {
    if !Command::new(tool)
        .arg(argument)
        .output()
        .is_ok_and(|output| output.status.success())
    {
        skip(test, &format!("{tool} is not installed"));
        return None;
    }
    let proposal = detect::propose(&project.source()).unwrap();
    let recipe = Recipe::parse(&proposal.text, "bulla.toml").unwrap();
    // The recipe is part of the tree that is built.
    project.write("bulla.toml", &proposal.text);
    let twice = reproduce(&recipe, &project.source(), &project.options, &mut |_| {});
    let twice = twice.unwrap_or_else(|error| panic!("{error}\n{}", proposal.text));
    assert_eq!(twice.difference, None, "{}", proposal.text);
    project.assert_clean();
    Some(twice.first)
}

fn run(program: &str, arguments: &[&str], file: &Path) -> String {
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(file, mode).unwrap();
    let mut command = if program.is_empty() {
        Command::new(file)
    } else {
        Command::new(program)
    };
    if !program.is_empty() {
        command.args(arguments).arg(file);
    }
    let output: Output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn cargo() {
    let Some(project) = Project::new() else {
        return;
    };
    project.write(
        "Cargo.toml",
        "[package]\nname = \"tool\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
    );
    project.write(
        "Cargo.lock",
        "version = 4\n[[package]]\nname = \"tool\"\nversion = \"0.1.0\"\n",
    );
    project.write("src/main.rs", "fn main() { println!(\"rust\"); }\n");
    if let Some(built) = build("detect::cargo", "cargo", "--version", &project) {
        assert_eq!(run("", &[], &built.outputs[0].file), "rust\n");
    }
}

#[test]
fn go() {
    let Some(project) = Project::new() else {
        return;
    };
    project.write("go.mod", "module example.com/tool\n\ngo 1.21\n");
    project.write(
        "main.go",
        "package main\n\nfunc main() { println(\"go\") }\n",
    );
    if let Some(built) = build("detect::go", "go", "version", &project) {
        assert_eq!(run("", &[], &built.outputs[0].file), "");
    }
}

#[test]
fn npm() {
    let Some(project) = Project::new() else {
        return;
    };
    project.write(
        "package.json",
        "{\"name\":\"app\",\"scripts\":{\"build\":\"node build.js\"}}",
    );
    project.write(
        "package-lock.json",
        "{\"lockfileVersion\":3,\"packages\":{\"\":{}}}",
    );
    project.write("build.js", "require('fs').writeFileSync('built.js', '1')\n");
    if let Some(built) = build("detect::npm", "npm", "--version", &project) {
        let list = run("tar", &["tf"], &built.outputs[0].file);
        assert!(
            list.contains("./built.js") && !list.contains("app.tar"),
            "{list}"
        );
    }
}

#[test]
fn python() {
    let Some(project) = Project::new() else {
        return;
    };
    project.write("pyproject.toml", "[project]\nname = \"app\"\n");
    project.write("main.py", "from pkg import word\nprint(word.WORD)\n");
    project.write("pkg/__init__.py", "");
    project.write("pkg/word.py", "WORD = 'python'\n");
    if let Some(built) = build("detect::python", "python3", "--version", &project) {
        assert_eq!(run("python3", &[], &built.outputs[0].file), "python\n");
    }
}

#[test]
fn make() {
    let Some(project) = Project::new() else {
        return;
    };
    project.write(
        "Makefile",
        ".PHONY: all clean\nall: tool\n\ntool: tool.o\n\t$(CC) $(LDFLAGS) -o $@ $^\n",
    );
    project.write(
        "tool.c",
        "#include <stdio.h>\nint main(void) { puts(\"make\"); return 0; }\n",
    );
    if let Some(built) = build("detect::make", "make", "--version", &project) {
        assert_eq!(run("", &[], &built.outputs[0].file), "make\n");
    }
}

#[test]
fn static_site() {
    let Some(project) = Project::new() else {
        return;
    };
    project.write("public/index.html", "<p>site</p>\n");
    project.write("public/css/a.css", "p {}\n");
    let built = build("detect::static_site", "true", "", &project).unwrap();
    assert_eq!(built.outputs.len(), 2);
}
