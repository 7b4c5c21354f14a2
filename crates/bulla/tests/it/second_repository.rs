//! A second project of another language, made here: C with a Makefile, two steps
//! and two outputs; and a Go module without dependencies.

use std::{fs, path::Path, process::Command};

use bulla_core::Digest;
use bulla_testkit::{Instance, Repository, World, require, require_user_namespaces};
use serde_json::Value;

const MAKEFILE: &str = "\
CFLAGS = -O2
all: greet

greet: main.o libgreet.a
\t$(CC) $(LDFLAGS) -o $@ main.o libgreet.a

libgreet.a: greet.o
\t$(AR) rcs $@ $^

clean:
\trm -f greet *.o *.a
.PHONY: all clean
";
const MAIN: &str = "\
#include <stdio.h>
const char *greeting(void);
int main(void) { puts(greeting()); return 0; }
";
const GREETING: &str = "const char *greeting(void) { return \"Good day\"; }\n";

/// Two steps, two outputs.
const RECIPE: &str = r#"version = 1
name = "greet"
[[step]]
name = "library"
run = ["make", "libgreet.a"]
[[step]]
name = "link"
run = ["make", "LDFLAGS=-static", "greet"]
[[output]]
path = "greet"
to = "/usr/bin/greet"
mode = "0755"
[[output]]
path = "libgreet.a"
to = "/usr/lib/libgreet.a"
[image]
base = "scratch"
entrypoint = ["/usr/bin/greet"]
"#;

fn c_project(world: &World) -> Option<Repository<'_>> {
    require("make")?;
    require("cc")?;
    if !require_user_namespaces() {
        return None;
    }
    let repository = Repository::new(world, "greet")?;
    repository
        .write("Makefile", MAKEFILE)
        .write("main.c", MAIN)
        .write("greet.c", GREETING)
        .commit("Greet");
    Some(repository)
}

fn bulla(world: &World, dir: &Path, args: &[&str]) -> bulla_testkit::Outcome {
    let mut command = world.command(world.binary());
    world.run(command.args(args).current_dir(dir))
}

/// A file of the only layer of a layout, by `tar`, not by us.
fn in_layer(layout: &Path, path: &str) -> Vec<u8> {
    let blobs = layout.join("blobs/sha256");
    let document = |digest: &str| -> Value {
        let name = digest.strip_prefix("sha256:").unwrap();
        serde_json::from_slice(&fs::read(blobs.join(name)).unwrap()).unwrap()
    };
    let index: Value =
        serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let manifest = document(index["manifests"][0]["digest"].as_str().unwrap());
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 1, "{manifest}");
    let layer = layers[0]["digest"].as_str().unwrap();
    let output = Command::new("tar")
        .arg("-xOzf")
        .arg(blobs.join(layer.strip_prefix("sha256:").unwrap()))
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// The files that an inventory lists: path and digest.
fn listed(world: &World, dir: &Path, target: &str) -> Vec<(String, String)> {
    let json = bulla(world, dir, &["sbom", target, "-o", "json"])
        .success()
        .json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let files = json["files"].as_array().unwrap().iter();
    files
        .map(|file| (text(&file["path"]), text(&file["digest"])))
        .collect()
}

#[test]
fn what_init_proposes_for_make_works() {
    let world = World::new();
    let Some(repository) = c_project(&world) else {
        return;
    };
    Instance::create(&world);
    let dir = repository.dir();
    bulla(&world, dir, &["ship", "."])
        .exit(7)
        .says("SOURCE-0092")
        .says("bulla init .");
    let printed = bulla(&world, dir, &["init", "--print"]);
    printed.success().says("LDFLAGS=-static");
    assert!(!dir.join("bulla.toml").exists(), "--print writes nothing");
    bulla(&world, dir, &["init"]).success().says("Make project");
    let written = fs::read_to_string(dir.join("bulla.toml")).unwrap();
    assert_eq!(written, printed.stdout);
    bulla(&world, dir, &["init"])
        .exit(2)
        .says("CLI-0020")
        .says("--force");
    repository.commit("Add the recipe");
    let shipped = bulla(&world, dir, &["ship", "."]);
    shipped.success().says("ALLOWED");
    let files = listed(&world, dir, shipped.stdout.trim());
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(files[0].0, "usr/bin/greet");
}

#[test]
fn two_steps_and_two_outputs_reach_the_pod() {
    let world = World::new();
    let Some(repository) = c_project(&world) else {
        return;
    };
    Instance::create(&world);
    let dir = repository.dir();
    repository
        .write("bulla.toml", RECIPE)
        .commit("Add the recipe");

    let shipped = bulla(&world, dir, &["ship", ".", "-o", "json"]);
    shipped.success().says("2 steps").says("ALLOWED");
    let shipped = shipped.json();
    let reference = shipped["reference"].as_str().unwrap();
    assert!(reference.contains("/greet:git-"), "{reference}");

    // The same commit built for itself is the same image; built twice, too.
    let out = world.dir().join("image");
    let out_name = out.display().to_string();
    let built = bulla(
        &world,
        dir,
        &["build", "--reproduce", "--out", &out_name, "."],
    );
    built.success().says("every output has the same digest");
    assert_eq!(built.stdout.trim(), shipped["digest"].as_str().unwrap());

    // What the image holds, read by tar, is what the inventories list.
    let expected: Vec<(String, String)> = ["usr/bin/greet", "usr/lib/libgreet.a"]
        .map(|path| {
            (
                path.to_owned(),
                Digest::sha256(&in_layer(&out, path)).to_string(),
            )
        })
        .to_vec();
    let layout = format!("layout:{}", out.display());
    assert_eq!(listed(&world, dir, &layout), expected);
    assert_eq!(listed(&world, dir, reference), expected);
    assert!(in_layer(&out, "usr/lib/libgreet.a").starts_with(b"!<arch>"));
    let program = world.write("program", in_layer(&out, "usr/bin/greet"));
    let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    fs::set_permissions(&program, mode).unwrap();
    let said = world.run(&mut world.command(&program));
    assert_eq!(said.success().stdout, "Good day\n");

    // The provenance names the steps.
    let provenance = fs::read(out.with_extension("provenance.json")).unwrap();
    let provenance: Value = serde_json::from_slice(&provenance).unwrap();
    let steps = &provenance["buildDefinition"]["internalParameters"]["steps"];
    assert_eq!(steps.as_array().map(Vec::len), Some(2), "{provenance}");
}

#[test]
fn a_build_that_differs_shows_where() {
    let world = World::new();
    let Some(repository) = c_project(&world) else {
        return;
    };
    let dir = repository.dir();
    let random = RECIPE.replace(
        r#"["make", "LDFLAGS=-static", "greet"]"#,
        r#"["sh", "-c", "make LDFLAGS=-static greet && od -An -N16 -tx1 /dev/urandom >> libgreet.a"]"#,
    );
    assert_ne!(random, RECIPE);
    repository.write("bulla.toml", random).commit("Stir");
    let sound = world.dir().join("kept");
    bulla(
        &world,
        dir,
        &["build", "--out", sound.to_str().unwrap(), "."],
    )
    .success();
    let before = fs::read(sound.join("index.json")).unwrap();
    let outcome = bulla(
        &world,
        dir,
        &[
            "build",
            "--reproduce",
            "--out",
            sound.to_str().unwrap(),
            ".",
        ],
    );
    outcome
        .exit(1)
        .says("BUILD-0090")
        .says("libgreet.a differs at byte")
        .says("SOURCE_DATE_EPOCH");
    assert_eq!(outcome.stdout, "");
    // What was there before is still whole.
    assert_eq!(fs::read(sound.join("index.json")).unwrap(), before);
    let left = fs::read_dir(world.dir()).unwrap().flatten();
    let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".bulla"));
    assert_eq!(left.count(), 0);
}

#[test]
fn a_go_module_without_dependencies_ships() {
    let world = World::new();
    if require("go").is_none() || !require_user_namespaces() {
        return;
    }
    let Some(repository) = Repository::new(&world, "greet") else {
        return;
    };
    Instance::create(&world);
    repository
        .write("go.mod", "module example.com/greet\n\ngo 1.21\n")
        .write(
            "main.go",
            "package main\n\nfunc main() { println(\"Good day\") }\n",
        );
    let dir = repository.dir();
    bulla(&world, dir, &["init"]).success().says("Go project");
    repository.commit("Greet");
    let shipped = bulla(&world, dir, &["ship", "."]);
    shipped.success().says("ALLOWED").says("covers golang");
    let files = listed(&world, dir, shipped.stdout.trim());
    assert_eq!(files[0].0, "usr/bin/greet", "{files:?}");
}
