//! Commands, flags and mistakes.

use super::{Pair, flags};
use bulla_testkit::{Outcome, World};

/// The commands that a help text lists.
fn commands(help: &Outcome) -> Vec<String> {
    let lines = help.stdout.lines();
    lines
        .skip_while(|line| !line.ends_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|name| name != "help")
        .collect()
}

/// Every visible command of the real program is one of ours, with every visible
/// flag; and every flag of ours is one that the real program knows.
#[test]
fn the_flags_are_those_of_the_real_program() {
    let Some(pair) = Pair::new() else {
        return;
    };
    let mut paths = vec![Vec::new()];
    let mut compared = 0;
    while let Some(path) = paths.pop() {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let mut args = words.clone();
        args.push("--help");
        let (theirs, ours) = pair.both(&args);
        let own = commands(&ours);
        for command in commands(&theirs) {
            assert!(own.contains(&command), "no command {words:?} {command}");
            let mut deeper = path.clone();
            deeper.push(command);
            paths.push(deeper);
        }
        let missing: Vec<_> = flags(&theirs.stdout)
            .difference(&flags(&ours.stdout))
            .cloned()
            .collect();
        assert!(missing.is_empty(), "{words:?} lacks {missing:?}");
        if words.is_empty() || !commands(&theirs).is_empty() {
            continue;
        }
        // All of ours at once: the real program reads every one before it helps.
        let all: Vec<String> = ours
            .stdout
            .lines()
            .filter_map(|line| Some((flags(line).pop_first()?, line)))
            .map(|(name, line)| format!("--{name}={}", value(&words, &name, line)))
            .collect();
        let args = words.iter().copied().chain(all.iter().map(String::as_str));
        let args: Vec<&str> = args.chain(["--help"]).collect();
        let known = pair.theirs(&pair.world.dir(), &args);
        assert_eq!(known.code, 0, "{}", known.account());
        compared += 1;
    }
    assert!(compared >= 25, "only {compared} commands were compared");
}

/// A value that the flag takes.
fn value(command: &[&str], name: &str, line: &str) -> &'static str {
    match (command, name) {
        (_, "registry-referrers-mode") => "legacy",
        (["clean"], "type") => "all",
        _ if line.contains(&format!("--{name} TIME")) => "1s",
        _ if line.contains(&format!("--{name} VALUE")) => "x",
        _ if line.contains(&format!("--{name} A,B")) => "a=b",
        _ if line.contains(&format!("--{name} N")) => "1",
        _ => "true",
    }
}

/// What is mistyped or contradictory ends with 1, with the words that scripts
/// look for.
#[test]
fn mistakes_end_as_in_the_real_program() {
    let Some(pair) = Pair::new() else {
        return;
    };
    for args in [
        &["nonsense"] as &[&str],
        &["verify-blob"],
        &["verify-blob", "x"],
        &["verify-blob", "--nonsense", "x"],
        &["verify-blob", "-x", "y"],
        &["verify-blob", "--bundle"],
        &["verify-blob", "--bundle", "b", "x", "y"],
        &["verify-blob", "--bundle", "b", "x"],
        &["verify-blob", "-bundle", "b", "x"],
        &[
            "verify-blob",
            "--bundle",
            "b",
            "--certificate-identity",
            "i",
            "x",
        ],
        &["verify-blob-attestation", "x"],
        &["verify-blob", "--key", "nowhere.pub", "--bundle", "b", "x"],
        &[
            "verify-blob",
            "--key",
            "k",
            "--certificate-identity",
            "i",
            "x",
        ],
        &["verify"],
        &["verify-attestation"],
        &["sign"],
        &["attest", "x"],
        &["copy", "x"],
        &["public-key"],
    ] {
        let (theirs, ours) = pair.both(args);
        assert_eq!(ours.code, 1, "{}", ours.account());
        assert_eq!(ours.stdout, "", "{}", ours.account());
        // Both end with what is wrong, in the same words up to the first of them
        // that names a cause.
        let told = |outcome: &bulla_testkit::Outcome| {
            let line = outcome
                .stderr
                .lines()
                .find(|line| line.starts_with("error during"));
            line.unwrap_or_else(|| panic!("{}", outcome.account()))
                .chars()
                .take(60)
                .collect::<String>()
        };
        assert_eq!(told(&theirs), told(&ours));
    }
}

/// A flag in the environment, a switch that is off, a value after `=`.
#[test]
fn spellings_are_read_alike() {
    let Some(pair) = Pair::new() else {
        return;
    };
    let env = |ours: bool, name: &str, value: &str, args: &[&str]| {
        let program = match ours {
            true => pair.world.binary(),
            false => pair.cosign.clone(),
        };
        let mut command = pair.world.command(program);
        command.args(ours.then_some("cosign"));
        command.args(args).env(name, value);
        pair.world.run(&mut command)
    };
    for ours in [true, false] {
        // The bundle is found, so it is the identity that is missing.
        env(ours, "COSIGN_BUNDLE", "b", &["verify-blob", "x"])
            .exit(1)
            .says("--certificate-identity or --certificate-identity-regexp is required");
    }
    // Not for this command: the variable is the password of key files.
    let login = ["login", "registry.example.com", "-u", "me"];
    env(true, "COSIGN_PASSWORD", "hunter2", &login).exit(1);
    for args in [
        &["version", "--json=false"] as &[&str],
        &["-version"],
        &["env", "--show-descriptions=false"],
        &["--timeout", "5s", "version"],
        &["-d", "version"],
        &["help", "verify-blob"],
        &[],
        &["bundle"],
    ] {
        pair.both(args).1.success();
    }
}

/// Under the name `cosign`, wherever it lies, the program is the face alone.
#[test]
fn the_name_makes_the_face() {
    let world = World::new();
    let folder = world.dir().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let name = folder.join("cosign");
    std::os::unix::fs::symlink(world.binary(), &name).unwrap();
    let run = |args: &[&str]| {
        let mut command = world.command(&name);
        command.args(args);
        world.run(&mut command)
    };
    run(&["version"]).success().says("cosign");
    run(&["verify-blob"])
        .exit(1)
        .says("accepts 1 arg(s), received 0");
    // bulla's own commands are not there, and the word is not needed twice.
    run(&["ship"]).exit(1).says("unknown command");
    run(&["cosign", "version"]).exit(1);
    // An option of bulla's own before the word would be ignored.
    world
        .bulla(["--offline", "cosign", "version"])
        .exit(2)
        .says("CLI-0409");
}

/// Each flag of the table is under one heading of the help, and the refused ones
/// are refused by name.
#[test]
fn what_is_not_offered_is_refused_by_name() {
    let world = World::new();
    for args in [
        &["verify-blob", "--sk", "x"] as &[&str],
        &["verify", "--k8s-keychain", "x"],
        &["piv-tool"],
        &["dockerfile", "verify", "Dockerfile"],
    ] {
        let outcome = world.bulla(["cosign"].iter().chain(args));
        outcome.exit(1).says("mend it:");
        assert!(outcome.stderr.contains("CLI-0400") || outcome.stderr.contains("CLI-0404"));
    }
}

/// A credential goes where docker keeps it, and to nobody else.
#[test]
fn login_keeps_a_credential() {
    let world = World::new();
    let config = world.dir().join("docker");
    let mut command = world.command(world.binary());
    command
        .args([
            "cosign",
            "login",
            "registry.example.com",
            "-u",
            "me",
            "-p",
            "hunter2",
        ])
        .env("DOCKER_CONFIG", &config);
    let outcome = world.run(&mut command);
    outcome.success().says("logged in via");
    assert!(
        !outcome
            .account()
            .replace(&outcome.command, "")
            .contains("hunter2")
    );
    let file = config.join("config.json");
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.contains("bWU6aHVudGVyMg=="), "{kept}");
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    world
        .bulla(["cosign", "login", "registry.example.com"])
        .exit(1);
}
