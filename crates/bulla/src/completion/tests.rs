use super::*;
use std::{path::Path, process::Command};

fn tree() -> Tree {
    let node = |path: &str, commands: &[&str], flags: Vec<Flag>, values: &[&str]| Node {
        path: path.into(),
        commands: commands
            .iter()
            .map(|word| Choice {
                word: (*word).into(),
                about: format!("it's \"{word}\": $x `y` \\"),
            })
            .collect(),
        flags,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let flag = |long: &str, short, takes, values: &[&str]| Flag {
        long: long.into(),
        short,
        about: "what it's for".into(),
        takes,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    Tree {
        program: "pro-gram".into(),
        nodes: vec![
            node(
                "",
                &["sign", "sign-blob", "trust"],
                vec![flag("quiet", Some('q'), false, &[])],
                &[],
            ),
            node(
                "sign",
                &[],
                vec![
                    flag("key", Some('k'), true, &[]),
                    flag("color", None, true, &["always", "never"]),
                ],
                &[],
            ),
            node("trust", &["show", "init"], Vec::new(), &[]),
            node("trust show", &[], Vec::new(), &["local", "public"]),
        ],
    }
}

/// What bash offers at the end of these words.
fn offered(script: &str, words: &[&str]) -> Vec<String> {
    let list: Vec<String> = words.iter().map(|word| quoted(word, r"'\''")).collect();
    let ask = format!(
        "COMP_WORDS=({}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _pro_gram; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        list.join(" ")
    );
    let bash = Command::new("bash")
        .args(["--norc", "--noprofile", "-c", &format!("{script}\n{ask}")])
        .output()
        .unwrap();
    assert!(bash.status.success(), "{bash:?}");
    assert!(bash.stderr.is_empty(), "{bash:?}");
    let text = String::from_utf8(bash.stdout).unwrap();
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn bash_offers_what_may_stand_there() {
    let script = Shell::Bash.script(&tree());
    for (words, expected) in [
        (
            &["pro-gram", ""] as &[&str],
            &["sign", "sign-blob", "trust"] as &[&str],
        ),
        (&["pro-gram", "sig"], &["sign", "sign-blob"]),
        (&["pro-gram", "-"], &["--quiet", "-q"]),
        (&["pro-gram", "-q", "trust", ""], &["show", "init"]),
        (&["pro-gram", "trust", "show", "p"], &["public"]),
        (&["pro-gram", "sign", "--"], &["--key", "--color"]),
        (&["pro-gram", "sign", "--color", ""], &["always", "never"]),
        (&["pro-gram", "sign", "--color", "=", "n"], &["never"]),
        (&["pro-gram", "sign", "--color", "="], &["always", "never"]),
        // A value is no command, even if it looks like one.
        (
            &["pro-gram", "sign", "--key", "trust", "--co"],
            &["--color"],
        ),
        (&["pro-gram", "sign", "-k", "trust", "--co"], &["--color"]),
        (&["pro-gram", "sign", "--key", "tr"], &[]),
        (&["pro-gram", "trust", "nonsense", "sh"], &["show"]),
    ] {
        assert_eq!(offered(&script, words), expected, "{words:?}");
    }
}

/// The other shells read their scripts where they are installed; everywhere each
/// word is in them.
#[test]
fn each_script_has_every_word() {
    let tree = tree();
    for shell in Shell::value_variants() {
        let script = shell.script(&tree);
        let long = match shell {
            Shell::Fish => ["-l 'key'", "-l 'color'", "-l 'quiet'"],
            _ => ["--key", "--color", "--quiet"],
        };
        let words = ["sign-blob", "init", "always", "public", "pro-gram"];
        for word in words.iter().chain(&long) {
            assert!(script.contains(word), "{shell:?} lacks {word}:\n{script}");
        }
        let check: &[&str] = match shell {
            Shell::Bash => &["bash", "-n"],
            Shell::Fish => &["fish", "--no-execute"],
            Shell::Powershell => &["pwsh", "-NoProfile", "-File"],
            Shell::Zsh => &["zsh", "-n"],
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("script.ps1");
        std::fs::write(&file, &script).unwrap();
        parses(check, &file);
    }
}

fn parses(check: &[&str], file: &Path) {
    let (program, args) = check.split_first().unwrap();
    match Command::new(program).args(args).arg(file).output() {
        Err(absent) if absent.kind() == std::io::ErrorKind::NotFound => {}
        done => {
            let done = done.unwrap();
            assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
        }
    }
}

/// Quotes, backslashes and dollars in what is told end no string early: outside
/// of quotes nothing of it is left.
#[test]
fn what_is_told_stays_in_its_quotes() {
    for (shell, quote) in [
        (Shell::Zsh, r#":it'\''s "sign""#),
        (Shell::Fish, r"'it\'s"),
        (Shell::Powershell, "it''s"),
    ] {
        let script = shell.script(&tree());
        assert!(script.contains(quote), "{shell:?}:\n{script}");
    }
    assert!(Shell::Fish.script(&tree()).contains(r"`y` \\'"));
}

#[test]
fn both_trees_are_whole() {
    let own = own();
    let paths: Vec<&str> = own.nodes.iter().map(|node| node.path.as_str()).collect();
    for path in ["", "verify", "trust show", "cosign", "cosign upload blob"] {
        assert_eq!(
            paths.iter().filter(|one| **one == path).count(),
            1,
            "{path}"
        );
    }
    let completion = own.nodes.iter().find(|node| node.path == "completion");
    assert_eq!(
        completion.unwrap().values,
        ["bash", "fish", "powershell", "zsh"]
    );
    let face = crate::cosign::tree();
    let sign = face.nodes.iter().find(|node| node.path == "sign").unwrap();
    assert!(sign.flags.iter().any(|flag| flag.long == "registry-token"));
    assert!(!sign.flags.iter().any(|flag| flag.long == "sk"), "refused");
    assert!(
        !face.nodes[0]
            .commands
            .iter()
            .any(|one| one.word == "piv-tool")
    );
}
