//! Makefiles: `make`, and the program named like the first target.

use super::{Draft, Folder};

pub(super) fn draft(folder: &Folder<'_>) -> Option<Draft> {
    let name = ["GNUmakefile", "makefile", "Makefile"]
        .into_iter()
        .find(|name| folder.has(name))?;
    let text = folder.read(name)?;
    let program = program(&text).unwrap_or_else(|| folder.name());
    Some(Draft {
        kind: "Make",
        name: None,
        lock: None,
        steps: "[[step]]\nname = \"make\"\n\
                # Linked statically: the image needs no C library.\n\
                run = [\"make\", \"LDFLAGS=-static\"]\n"
            .into(),
        outputs: vec![(program.clone(), format!("/usr/bin/{program}"), "0755")],
        base: "scratch",
        entrypoint: vec![format!("/usr/bin/{program}")],
        notes: vec![format!(
            "`{program}` is taken for the program that make writes"
        )],
    })
}

/// The program: the first target that is a file, or what `all` is made of.
fn program(text: &str) -> Option<String> {
    let rules: Vec<(&str, &str)> = text
        .lines()
        .filter(|line| !line.starts_with(['\t', '#', ' ', '.']) && !line.contains('='))
        .filter_map(|line| line.split_once(':'))
        .collect();
    let plain = |word: &&str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    let phony = [
        "all", "clean", "install", "test", "check", "default", "build",
    ];
    let (first, needs) = rules.first()?;
    let candidates = first.split_whitespace().chain(needs.split_whitespace());
    candidates
        .filter(plain)
        .find(|word| !phony.contains(word))
        .map(str::to_owned)
}
