//! What a person can read before running anything: help, version, near misses.

use bulla_testkit::{World, workspace};

/// The commands of the program, as `bulla --help` must list them.
const COMMANDS: [&str; 36] = [
    "admit",
    "attest",
    "attest-blob",
    "build",
    "bundle",
    "clean",
    "client",
    "completion",
    "copy",
    "cosign",
    "download",
    "explain",
    "generate-key-pair",
    "import-key-pair",
    "init",
    "load",
    "log",
    "public-key",
    "revoke",
    "save",
    "sbom",
    "scan",
    "serve",
    "ship",
    "sign",
    "sign-blob",
    "token",
    "tree",
    "trust",
    "up",
    "user",
    "verify",
    "verify-attestation",
    "verify-blob",
    "verify-blob-attestation",
    "version",
];

#[test]
fn help_lists_every_command_in_order() {
    let world = World::new();
    let help = world.bulla(["--help"]);
    let listed: Vec<&str> = help
        .success()
        .stdout
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(listed, COMMANDS);
    // The words of a type, not of a command.
    assert!(!help.stdout.contains("Arguments of"));
    world
        .bulla(["-h"])
        .success()
        .says("Commands:")
        .says("Examples:");
    for code in ["0 allowed", "1 denied", "2 usage", "3 nothing", "4 auth"] {
        help.says(code);
    }
    let wide = help.stdout.lines().find(|line| line.chars().count() > 100);
    assert_eq!(wide, None);
}

#[test]
fn each_command_shows_examples_formats_and_exit_codes() {
    let world = World::new();
    // The cosign face has a help and exit codes of its own.
    let own = COMMANDS.into_iter().filter(|name| *name != "cosign");
    let with_trust = own.map(|name| vec![name]);
    let deeper = [
        vec!["bundle", "create"],
        vec!["bundle", "inspect"],
        vec!["bundle", "upgrade"],
        vec!["download", "attestation"],
        vec!["download", "sbom"],
        vec!["download", "signature"],
        vec!["log", "findings"],
        vec!["log", "search"],
        vec!["scan", "db", "import"],
        vec!["trust", "ceremony", "init"],
        vec!["trust", "ceremony", "plan"],
        vec!["trust", "ceremony", "publish"],
        vec!["trust", "ceremony", "sign"],
        vec!["trust", "ceremony", "verify"],
        vec!["trust", "export"],
        vec!["trust", "init"],
        vec!["trust", "show"],
        vec!["trust", "update"],
    ];
    for path in with_trust.chain(deeper) {
        let help = world.bulla(path.iter().copied().chain(["--help"]));
        let text = &help.success().stdout;
        let examples: Vec<&str> = text
            .lines()
            .skip_while(|line| *line != "Examples:")
            .skip(1)
            .take_while(|line| line.starts_with("  "))
            .filter(|line| line.contains("bulla "))
            .collect();
        assert!(examples.len() >= 3, "{path:?}: {examples:?}\n{text}");
        let formats = text.lines().find(|line| line.starts_with("Formats: "));
        let formats = formats.unwrap_or_else(|| panic!("{path:?}: no formats\n{text}"));
        for format in ["text", "json"] {
            assert!(formats.contains(format), "{path:?}: {formats}");
        }
        help.says("Exit codes: 0 allowed").says("7 could not run");
    }
}

/// The formats that `--help` states are those that the command takes.
#[test]
fn an_unknown_format_names_the_known_ones() {
    let world = World::new();
    for (args, known) in [
        (&["version"] as &[&str], "text, json"),
        (&["ship", "."], "text, json, svg"),
        (&["explain", "CLI-0001"], "text, json"),
        (&["explain", "127.0.0.1:1/a:b"], "text, json, svg"),
        (&["sbom", "."], "text, json, cyclonedx, spdx"),
        (&["init", "--print"], "text, json"),
    ] {
        let outcome = world.bulla(args.iter().copied().chain(["-o", "xml"]));
        outcome.exit(2).says("CLI-0002").says("xml").says(known);
        assert_eq!(outcome.stdout, "", "{}", outcome.account());
    }
    let page = world.bulla(["explain", "CLI-0001", "-o", "json"]);
    assert_eq!(page.success().json()["code"], "CLI-0001");
    world
        .bulla(["version", "-o", "json="])
        .exit(2)
        .says("file name");
    world.bulla(["version", "-o", "="]).exit(2);
}

#[test]
fn a_mistyped_command_or_flag_suggests_the_nearest() {
    let world = World::new();
    world.bulla(["shp"]).exit(2).says("'ship'");
    world.bulla(["verfy", "x"]).exit(2).says("'verify'");
    world
        .bulla(["ship", "--alow-dirty"])
        .exit(2)
        .says("'--allow-dirty'");
    world
        .bulla(["up", "--reday-file", "f"])
        .exit(2)
        .says("'--ready-file'");
    world
        .bulla(["build", "--isolation", "namespace"])
        .exit(2)
        .says("'namespaces'");
    world
        .bulla(["ship", "--image", "layout:x", "--rev", "y"])
        .exit(2)
        .says("--rev");
    world.bulla(Vec::<&str>::new()).exit(2).says("Commands:");
    world
        .bulla(["explain", "CLI-9999"])
        .exit(2)
        .says("CLI-9999");
}

#[test]
fn the_version_is_text_or_data() {
    let world = World::new();
    let version = env!("CARGO_PKG_VERSION");
    let text = world.bulla(["version"]);
    let target = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    assert_eq!(
        text.success().stdout,
        format!("bulla {version} ({target})\n")
    );
    assert_eq!(text.stderr, "");
    let json = world.bulla(["version", "-o", "json"]).success().json();
    assert_eq!(
        json,
        serde_json::json!({"version": version, "target": target})
    );
    let file = world.dir().join("version.json");
    let to_file = format!("json={}", file.display());
    let both = world.bulla(["version", "-o", "text", "-o", &to_file]);
    assert_eq!(both.success().stdout, text.stdout);
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(written, json);
    let flag = world.bulla(["--version"]);
    assert_eq!(flag.success().stdout, format!("bulla {version}\n"));
    assert!(
        std::fs::read_dir(world.home()).unwrap().next().is_none(),
        "version touches nothing"
    );
}

/// Every variable that the program reads is in `bulla --help`.
#[test]
fn every_environment_variable_is_documented() {
    let help = World::new().bulla(["--help"]).success().stdout.clone();
    let mut found = Vec::new();
    let mut folders = vec![workspace().join("crates/bulla/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            for before in ["env::var(\"", "env::var_os(\"", "env = \""] {
                let names = text.split(before).skip(1);
                found.extend(names.filter_map(|rest| rest.split('"').next().map(str::to_owned)));
            }
        }
    }
    found.extend(["DOCKER_CONFIG", "XDG_DATA_HOME"].map(str::to_owned));
    assert!(found.iter().any(|name| name == "BULLA_DATA"), "{found:?}");
    assert!(found.iter().any(|name| name == "BULLA_LOG"), "{found:?}");
    let missing: Vec<_> = found
        .iter()
        .filter(|name| !help.contains(name.as_str()))
        .collect();
    assert!(missing.is_empty(), "not in bulla --help: {missing:?}");
}
