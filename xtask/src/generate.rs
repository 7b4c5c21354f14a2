//! `cargo xtask gen [--check]`: the part of the documents that is made from
//! the product itself, committed, and compared by `check`.

pub mod cli;
pub mod codes;

use std::{fs, path::PathBuf};

use crate::{
    Result,
    workspace::{relative, root},
};

/// Writes the generated files, or with `--check` only compares them.
pub fn run(args: &[String]) -> Result {
    match args {
        [] => {
            for (path, text) in pages(Some(cli::build()?))? {
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder)?;
                }
                let fresh = fs::read_to_string(&path).is_ok_and(|old| old == text);
                if !fresh {
                    fs::write(&path, text)?;
                }
                let word = if fresh { "unchanged" } else { "written" };
                println!(" {} {word}", relative(&path));
            }
            Ok(())
        }
        [arg] if arg == "--check" => match check()?.as_slice() {
            [] => Ok(()),
            complaints => Err(complaints.join("\n").into()),
        },
        _ => Err("gen takes --check or nothing".into()),
    }
}

/// Generated files that differ from what would be written now.
pub fn check() -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    let binary = cli::built();
    if binary.is_none() {
        println!("   · cli.md is not compared: cargo build -p bulla comes first");
    }
    for (path, text) in pages(binary)? {
        let old = fs::read_to_string(&path).unwrap_or_default();
        if old != text {
            let line = old.lines().zip(text.lines()).take_while(|(a, b)| a == b);
            complaints.push(format!(
                "{}:{} is out of date: cargo xtask gen",
                relative(&path),
                line.count() + 1
            ));
        }
    }
    Ok(complaints)
}

/// Every page; the commands only as far as there is a binary to ask.
fn pages(binary: Option<PathBuf>) -> Result<Vec<(PathBuf, String)>> {
    let folder = root().join("docs/src/reference");
    let mut pages = vec![(folder.join("error-codes.md"), codes::page()?)];
    if let Some(binary) = binary {
        pages.push((folder.join("cli.md"), cli::page(&binary)?));
    }
    Ok(pages)
}
