//! Go, npm and pip for real, where tool and network are there: fetched once, then
//! built without network from the cache.

use crate::setup::{Project, read, skip};
use std::process::Command;

/// Runs a tool in the source to write the lock file; says why the test must skip.
fn prepare(test: &str, project: &Project, script: &str) -> bool {
    let made = Command::new("sh")
        .args(["-ec", script])
        .current_dir(project.source())
        .output();
    let fine = made.is_ok_and(|output| output.status.success());
    if !fine {
        skip(
            test,
            "the package manager is not installed, or there is no network",
        );
    }
    fine
}

fn twice(mut project: Project, recipe: &str) -> String {
    let first = project
        .build(recipe)
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(!first.fetched.is_empty() && first.fetched.iter().all(|file| !file.cached));
    let text = read(&first);
    project.options.offline = true;
    let second = project
        .build(recipe)
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(second.fetched.iter().all(|file| file.cached));
    assert_eq!(first.outputs[0].digest, second.outputs[0].digest);
    project.assert_clean();
    text
}

fn recipe(lock: &str, steps: &[&str]) -> String {
    let mut text = format!("version = 1\nname = \"t\"\n[fetch]\nlock = \"{lock}\"\n");
    for (index, script) in steps.iter().enumerate() {
        text.push_str(&format!(
            "[[step]]\nname = \"s{index}\"\nrun = [\"sh\", \"-ec\", '''{script}''']\n"
        ));
    }
    text + "[[output]]\npath = \"out\"\nto = \"/out\"\n[image]\n"
}

#[test]
fn go() {
    let Some(project) = Project::new() else {
        return;
    };
    project.write(
        "go.mod",
        "module example.com/t\n\ngo 1.21\n\nrequire rsc.io/quote v1.5.2\n",
    );
    project.write(
        "main.go",
        "package main\n\nimport (\n\t\"fmt\"\n\t\"rsc.io/quote\"\n)\n\nfunc main() { fmt.Println(quote.Glass()) }\n",
    );
    if prepare("fetch_others::go", &project, "go mod tidy") {
        let text = twice(
            project,
            &recipe("go.sum", &["go build -o t .", "./t > out"]),
        );
        assert!(text.contains("glass"), "{text}");
    }
}

#[test]
fn npm() {
    let Some(project) = Project::new() else {
        return;
    };
    project.write(
        "package.json",
        "{\"name\":\"t\",\"version\":\"1.0.0\",\"dependencies\":{\"semver\":\"7.5.4\"}}",
    );
    let script = "npm install --package-lock-only --ignore-scripts --no-audit --no-fund";
    if prepare("fetch_others::npm", &project, script) {
        let text = twice(
            project,
            &recipe(
                "package-lock.json",
                &["node_modules/.bin/semver -r '>=1' 1.2.3 0.1.0 > out"],
            ),
        );
        assert_eq!(text, "1.2.3\n");
    }
}

#[test]
fn pip() {
    let Some(project) = Project::new() else {
        return;
    };
    let script = "python3 -m pip download -q --no-deps --only-binary :all: six==1.16.0 -d .w && \
                  echo \"six==1.16.0 --hash=sha256:$(sha256sum .w/*.whl | cut -d' ' -f1)\" > requirements.txt && rm -r .w";
    if prepare("fetch_others::pip", &project, script) {
        let steps = [
            "python3 -m pip install -q --no-deps --require-hashes -r requirements.txt --target t",
            "PYTHONPATH=t python3 -c 'import six; print(six.__version__)' > out",
        ];
        assert_eq!(
            twice(project, &recipe("requirements.txt", &steps)),
            "1.16.0\n"
        );
    }
}
