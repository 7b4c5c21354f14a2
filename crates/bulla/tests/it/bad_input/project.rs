//! What is wrong with the project itself.

use bulla_testkit::{Repository, require};

use super::{Bench, recipe};

#[test]
fn a_malformed_recipe_shows_line_column_and_caret() {
    let bench = Bench::new();
    let text = recipe("echo > out", "")
        .replace("run = [\"sh\", \"-c\", '''echo > out''']", "run = \"sh\"");
    let Some(repository) = bench.repository("malformed", &text) else {
        return;
    };
    for command in ["ship", "build"] {
        let outcome = bench.bulla(repository.dir(), &[command, "."]);
        outcome
            .exit(7)
            .says("BUILD-0002")
            .says("bulla.toml:5:7")
            .says("run = \"sh\"")
            .says("^^^^");
        bench.is_clean(repository.dir());
    }
    let unknown = recipe("echo > out", "").replace("[limits]", "[limit]");
    repository.write("bulla.toml", unknown).commit("Misspell");
    bench
        .bulla(repository.dir(), &["build", "."])
        .exit(7)
        .says("BUILD-0004")
        .says("did you mean `limits`")
        .says("bulla.toml:6:2");
    bench.next_run_works(&repository);
}

#[test]
fn no_recipe_names_the_command_that_writes_one() {
    let bench = Bench::new();
    let Some(repository) = Repository::new(&bench.world, "bare") else {
        return;
    };
    repository.write("README", "nothing here").commit("First");
    let outcome = bench.bulla(repository.dir(), &["ship", "."]);
    outcome.exit(7).says("SOURCE-0092").says("bulla init .");
    assert!(!outcome.stderr.contains("[y/N]"), "nobody is there to ask");
    repository.write("bulla.toml", recipe("echo > out", ""));
    // Untracked is not committed.
    let outcome = bench.bulla(repository.dir(), &["ship", "--rev", "HEAD~0", "."]);
    outcome.exit(7).says("SOURCE-0092").says("git add");
    bench.next_run_works(&repository);
}

#[test]
fn on_a_terminal_ship_offers_to_write_the_recipe() {
    let bench = Bench::new();
    let (Some(script), Some(repository)) =
        (require("script"), Repository::new(&bench.world, "site"))
    else {
        return;
    };
    repository
        .write("index.html", "<h1>Hello</h1>")
        .commit("First");
    let binary = bench.world.binary();
    let asked = |answer: &str| {
        let mut command = bench.world.command(&script);
        bench.refine(&mut command, repository.dir());
        let file = bench.world.write("answer", answer);
        command
            .args(["-qec", &format!("{} ship .", binary.display()), "/dev/null"])
            .stdin(std::fs::File::open(file).unwrap());
        bench.world.run(&mut command)
    };
    asked("n\n")
        .says("write one now? [y/N]")
        .says("SOURCE-0092");
    let file = repository.dir().join("bulla.toml");
    assert!(!file.exists(), "written although the answer was no");
    asked("y\n").says("wrote ./bulla.toml");
    assert!(file.exists());
    repository.commit("Add the recipe");
    bench
        .bulla(repository.dir(), &["ship", "."])
        .success()
        .says("ALLOWED");
}

#[test]
fn not_a_repository_and_no_commit_are_told_apart() {
    let bench = Bench::new();
    let outside = bench.world.root().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let outcome = bench.bulla(&outside, &["ship", "--email", "dana@example.com", "."]);
    outcome.exit(7).says("SOURCE-0001").says("git init");
    bench
        .bulla(&outside, &["build", "no-such-folder"])
        .exit(7)
        .says("no-such-folder");
    let Some(repository) = Repository::new(&bench.world, "empty") else {
        return;
    };
    let outcome = bench.bulla(repository.dir(), &["ship", "."]);
    outcome.exit(7).says("SOURCE-").says("no commit");
    bench.is_clean(repository.dir());
    bench.next_run_works(&repository);
}

#[test]
fn without_its_lock_file_nothing_is_fetched() {
    let bench = Bench::new();
    let text =
        recipe("echo > out", "").replace("[[step]]", "[fetch]\nlock = \"Cargo.lock\"\n[[step]]");
    let Some(repository) = bench.repository("unlocked", &text) else {
        return;
    };
    let outcome = bench.bulla(repository.dir(), &["ship", "."]);
    outcome
        .exit(7)
        .says("BUILD-0046")
        .says("Cargo.lock")
        .says("cargo generate-lockfile");
    bench.is_clean(repository.dir());
    bench.next_run_works(&repository);
}

#[test]
fn what_build_left_does_not_make_the_tree_dirty() {
    let bench = Bench::new();
    let Some(repository) = bench.repository("again", &recipe("echo again > out", "")) else {
        return;
    };
    let dir = repository.dir();
    let first = bench.bulla(dir, &["build", "."]);
    let second = bench.bulla(dir, &["build", "."]);
    assert_eq!(first.success().stdout, second.success().stdout);
    let shipped = bench.bulla(dir, &["ship", "."]);
    shipped.success().says("ALLOWED");
    std::fs::write(dir.join("stray"), "not committed").unwrap();
    let outcome = bench.bulla(dir, &["build", "."]);
    outcome.exit(1).says("SOURCE-0091").says("changed: stray");
    // A folder in the way is not replaced.
    std::fs::remove_file(dir.join("stray")).unwrap();
    let kept = bench.world.write("kept/notes", "precious");
    let kept_dir = kept.parent().unwrap().to_str().unwrap();
    let outcome = bench.bulla(dir, &["build", "--out", kept_dir, "."]);
    outcome.exit(2).says("IMAGE-0003");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "precious");
}
