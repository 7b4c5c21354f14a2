use super::*;
use bulla_core::Diagnose;
use proptest::prelude::*;

const WHOLE: &str = r#"
version = 1
name = "hello"
[fetch]
lock = "Cargo.lock"
[[step]]
name = "compile"
run = ["cargo", "build", "--release", "--frozen"]
env = { RUSTFLAGS = "-C target-feature=+crt-static" }
[limits]
time = "90s"
memory = "512MiB"
processes = 64
disk = "1GB"
[[output]]
path = "target/release/hello"
to = "/usr/bin/hello"
mode = "0755"
[image]
base = "scratch"
entrypoint = ["/usr/bin/hello"]
user = "65532:65532"
env = { A = "1" }
labels = { x = "y" }
[policy]
fail-on = "high"
"#;

fn error(text: &str) -> RecipeError {
    Recipe::parse(text, "bulla.toml").unwrap_err()
}

fn with(from: &str, to: &str) -> String {
    assert!(WHOLE.contains(from), "{from:?} is not in the example");
    WHOLE.replacen(from, to, 1)
}

#[test]
fn reads_a_whole_recipe() {
    let recipe = Recipe::parse(WHOLE, "bulla.toml").unwrap();
    assert_eq!(recipe.name, "hello");
    assert_eq!(recipe.lock.as_ref().unwrap().kind, LockKind::Cargo);
    assert_eq!(
        recipe.steps[0].env["RUSTFLAGS"],
        "-C target-feature=+crt-static"
    );
    let limits = Limits {
        time: 90,
        memory: 512 << 20,
        processes: 64,
        disk: 1_000_000_000,
    };
    assert_eq!(recipe.limits, limits);
    assert_eq!(recipe.outputs[0].mode, 0o755);
    assert_eq!(recipe.image.base, Base::Scratch);
    assert_eq!(recipe.policy["fail-on"].as_str(), Some("high"));
    assert_eq!(recipe.digest, Digest::sha256(WHOLE.as_bytes()));
}

#[test]
fn what_is_left_out_has_its_default() {
    let text = "version = 1\nname = \"a\"\n[[output]]\npath = \"a\"\nto = \"/a\"\n[image]\n";
    let recipe = Recipe::parse(text, "bulla.toml").unwrap();
    assert_eq!(recipe.limits, Limits::default());
    assert_eq!((recipe.limits.time, recipe.limits.processes), (900, 512));
    assert_eq!(recipe.outputs[0].mode, 0o644);
    assert_eq!(recipe.image.user, "65532:65532");
    assert!(recipe.lock.is_none() && recipe.steps.is_empty());
}

#[test]
fn an_unknown_key_is_shown_with_the_nearest_one() {
    let text = with("run = [", "runn = [");
    let error = error(&text);
    let RecipeError::UnknownKey {
        key,
        suggestion,
        at,
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!((key.as_str(), suggestion.as_deref()), ("runn", Some("run")));
    assert_eq!((at.line, at.column), (8, 1));
    let shown = error.to_string();
    assert!(shown.contains("did you mean `run`?"), "{shown}");
    assert!(shown.contains("--> bulla.toml:8:1"), "{shown}");
    assert!(shown.contains("8 | runn = [\"cargo\""), "{shown}");
    assert!(shown.ends_with("  | ^^^^"), "{shown}");
}

#[test]
fn a_recipe_cannot_bring_its_own_trust_or_isolation() {
    for (from, to) in [
        ("[policy]", "[trust]\nroot = \"x\"\n[policy]"),
        ("[policy]", "[sandbox]\nlevel = \"none\"\n[policy]"),
    ] {
        let error = error(&with(from, to));
        assert!(
            matches!(error.code().0, "BUILD-0001" | "BUILD-0004"),
            "{to}: {error}"
        );
    }
}

#[test]
fn each_bad_value_is_refused_at_its_place() {
    for (from, to, line) in [
        ("version = 1", "version = 2", 2),
        ("\"hello\"", "\"Hello World\"", 3),
        ("\"Cargo.lock\"", "\"yarn.lock\"", 5),
        ("\"Cargo.lock\"", "\"../Cargo.lock\"", 5),
        ("\"compile\"", "\"a/b\"", 7),
        (
            "[\"cargo\", \"build\", \"--release\", \"--frozen\"]",
            "[]",
            8,
        ),
        ("RUSTFLAGS", "\"RUST FLAGS\"", 9),
        ("\"90s\"", "\"90\"", 11),
        ("\"512MiB\"", "\"99999999999TiB\"", 12),
        ("processes = 64", "processes = 0", 13),
        ("\"target/release/hello\"", "\"/etc/passwd\"", 16),
        ("\"target/release/hello\"", "\"a/../../b\"", 16),
        ("to = \"/usr/bin/hello\"", "to = \"usr/bin/hello\"", 17),
        ("to = \"/usr/bin/hello\"", "to = \"/usr/../x\"", 17),
        ("\"0755\"", "\"4755\"", 18),
        ("\"scratch\"", "\"debian:12\"", 20),
        ("user = \"65532:65532\"", "user = \"0:0\"", 22),
        ("user = \"65532:65532\"", "user = \"root\"", 22),
    ] {
        let error = error(&with(from, to));
        let at = error.position().unwrap();
        assert_eq!(at.line, line, "{to}: {error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn two_steps_or_outputs_cannot_share_a_name() {
    let step = "[[step]]\nname = \"compile\"\nrun = [\"true\"]\n[limits]";
    assert!(
        error(&with("[limits]", step))
            .to_string()
            .contains("two steps")
    );
    let output = "[[output]]\npath = \"b\"\nto = \"/usr/bin/hello\"\n[image]";
    assert!(
        error(&with("[image]", output))
            .to_string()
            .contains("two outputs")
    );
}

#[test]
fn a_syntax_error_has_line_and_column() {
    let error = error("version = 1\nname = \"a\nstep = 3\n");
    assert_eq!(error.code().0, "BUILD-0002");
    assert_eq!(error.position().unwrap().line, 2);
    let missing = Recipe::parse("version = 1\n", "x").unwrap_err();
    assert!(missing.to_string().contains("name"), "{missing}");
}

#[test]
fn too_large_is_refused_before_it_is_parsed() {
    let text = format!("#{}", "x".repeat(CONFIG_BYTES as usize));
    assert_eq!(error(&text).code().0, "BUILD-0003");
}

#[test]
fn base_by_digest_or_layout() {
    let digest = format!("\"reg.example/base@sha256:{}\"", "ab".repeat(32));
    let parse = |base: &str| {
        Recipe::parse(&with("\"scratch\"", base), "x")
            .unwrap()
            .image
            .base
    };
    assert!(matches!(parse(&digest), Base::Reference(_)));
    assert_eq!(parse("\"layout:base\""), Base::Layout("base".into()));
}

#[test]
fn quantities() {
    assert_eq!(parse_duration("15m"), Some(900));
    assert_eq!(parse_duration("0s"), None);
    assert_eq!(parse_duration("99999999h"), None);
    assert_eq!(parse_size("4GiB"), Some(4 << 30));
    assert_eq!(parse_size("1kB"), None);
    assert_eq!(parse_size("GiB"), None);
    assert_eq!(parse_size("-1GiB"), None);
}

proptest! {
    #[test]
    fn no_text_panics(text in "(?s).{0,400}") {
        if let Err(error) = Recipe::parse(&text, "x") {
            let _ = error.to_string();
        }
    }

    #[test]
    fn no_mutation_of_a_recipe_panics(at in 0..WHOLE.len(), junk in "\\PC{0,4}") {
        let mut text = WHOLE.to_owned();
        text.replace_range(at..at + 1, &junk);
        if let Err(error) = Recipe::parse(&text, "x") {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
