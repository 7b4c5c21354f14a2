//! Rules about single source files: size, unfinished code, unsafe code.

use std::fs;

use crate::{
    Result,
    lexer::tokens,
    workspace::{crates, file_name, relative, rust_files},
};

/// Above this a file is named.
const LARGE: usize = 400;
/// Above this the check fails.
const TOO_LARGE: usize = 500;
/// The places for `unsafe`: the sandbox's system calls, and the allocator.
const UNSAFE: [&str; 2] = ["crates/bulla-build/src/sandbox", "crates/bulla-alloc/src"];

/// Files that grew too large; those above the softer limit are only printed.
pub fn sizes() -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for file in rust_files()? {
        let text = fs::read_to_string(&file)?;
        if text.starts_with("// @generated") {
            continue;
        }
        let lines = text.lines().count();
        let name = relative(&file);
        if lines > TOO_LARGE {
            complaints.push(format!(
                "{name}: {lines} lines, at most {TOO_LARGE}: split it by noun"
            ));
        } else if lines > LARGE {
            println!("   · {name}: {lines} lines");
        }
    }
    Ok(complaints)
}

/// Crates with more than one program of integration tests: each links everything again.
pub fn test_programs() -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for krate in crates()? {
        let folder = krate.dir.join("tests");
        let manifest = fs::read_to_string(krate.dir.join("Cargo.toml"))?;
        let mut programs = 0;
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry?.path();
            let is_program =
                path.extension().is_some_and(|e| e == "rs") || path.join("main.rs").is_file();
            // What tests start is kept beside them as a [[bin]].
            let started = manifest
                .split("[[")
                .filter(|section| section.starts_with("bin]]"))
                .any(|bin| bin.contains(&format!("tests/{}/main.rs", file_name(&path))));
            programs += usize::from(is_program && !started);
        }
        if programs > 1 {
            complaints.push(format!(
                "{}: {programs} programs of integration tests, one is enough: tests/it/main.rs",
                krate.name
            ));
        }
    }
    Ok(complaints)
}

/// Code that was left for later.
pub fn unfinished() -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for file in rust_files()? {
        let tokens = tokens(&fs::read_to_string(&file)?);
        for pair in tokens.windows(2) {
            let (word, mark) = (&pair[0], &pair[1]);
            if mark.is_mark('!') && (word.is("todo") || word.is("unimplemented")) {
                complaints.push(format!("{}:{}: unfinished", relative(&file), word.line));
            }
        }
    }
    Ok(complaints)
}

/// `unsafe` elsewhere, and unsafe blocks without an argument.
pub fn unsafe_code() -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for file in rust_files()? {
        let name = relative(&file);
        let text = fs::read_to_string(&file)?;
        let lines: Vec<&str> = text.lines().collect();
        for token in tokens(&text) {
            if !token.is("unsafe") {
                continue;
            }
            let at = format!("{name}:{}", token.line);
            if !UNSAFE.iter().any(|place| name.starts_with(place)) {
                complaints.push(format!("{at}: unsafe belongs in {}", UNSAFE.join(" or ")));
            } else if !argued(&lines, token.line) {
                complaints.push(format!("{at}: unsafe without a SAFETY comment"));
            }
        }
    }
    Ok(complaints)
}

/// Whether a `SAFETY` comment stands within the six lines up to `line`.
fn argued(lines: &[&str], line: usize) -> bool {
    lines
        .iter()
        .take(line)
        .rev()
        .take(7)
        .any(|l| l.contains("SAFETY"))
}
