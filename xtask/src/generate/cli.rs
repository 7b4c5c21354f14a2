//! The command reference, from `--help` of every command.
//!
//! `gen` builds the binary first (`BULLA_BIN` names one that is there already);
//! `check` asks the one that is there, and builds nothing. It runs in an empty
//! environment, so that no variable of the writer shows up.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Result,
    workspace::{cargo, target},
};

/// The page, as `binary` would have it.
pub fn page(binary: &Path) -> Result<String> {
    let mut page = String::from(
        "# Commands\n\n\
         <!-- Made by `cargo xtask gen` from `--help`: do not edit. -->\n\n\
         What every command prints with `--help`. Exit codes are the same everywhere: \
         0 allowed, 1 denied or failed, 2 usage, 3 nothing to verify, 4 authentication, \
         5 undecidable, 6 findings at or above `--fail-on`, 7 could not run.\n",
    );
    describe(binary, &[], &mut page)?;
    Ok(page)
}

/// The binary to ask, if one is there; nothing is built.
pub fn built() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("BULLA_BIN") {
        return Some(path.into());
    }
    Some(target().join("debug/bulla")).filter(|path| path.is_file())
}

/// The binary to ask, built now unless `BULLA_BIN` names one.
pub fn build() -> Result<PathBuf> {
    if std::env::var_os("BULLA_BIN").is_some()
        && let Some(path) = built()
    {
        return Ok(path);
    }
    let status = cargo().args(["build", "-q", "-p", "bulla"]).status()?;
    if !status.success() {
        return Err("the binary does not build: cargo build -p bulla".into());
    }
    Ok(target().join("debug/bulla"))
}

fn describe(binary: &Path, path: &[String], page: &mut String) -> Result {
    let help = help(binary, path)?;
    if help.is_empty() {
        return Ok(());
    }
    let title = ["bulla"].into_iter().chain(path.iter().map(String::as_str));
    let title = title.collect::<Vec<_>>().join(" ");
    let level = "#".repeat(2 + path.len().min(3));
    write!(page, "\n{level} `{title}`\n\n```text\n{help}\n```\n")?;
    for command in commands(&help) {
        let mut path = path.to_vec();
        path.push(command);
        describe(binary, &path, page)?;
    }
    Ok(())
}

fn help(binary: &Path, path: &[String]) -> Result<String> {
    let output = Command::new(binary)
        .args(path)
        .arg("--help")
        .env_clear()
        .env("HOME", "/home/you")
        .env("TERM", "dumb")
        .env("NO_COLOR", "1")
        .env("COLUMNS", "96")
        .output()
        .map_err(|error| format!("{}: {error}", binary.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
    Ok(lines.join("\n"))
}

/// The names in the `Commands:` section of a help text.
fn commands(help: &str) -> Vec<String> {
    let mut found = Vec::new();
    let section = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    for line in section {
        let Some(rest) = line.strip_prefix("  ") else {
            continue;
        };
        let name = rest.split(' ').next().unwrap_or_default();
        if !name.is_empty() && name != "help" {
            found.push(name.to_owned());
        }
    }
    found
}

#[cfg(test)]
#[test]
fn only_names_count_as_commands() {
    let help = "Usage: x\n\nCommands:\n  ship   does it\n         all\n  up     runs\n  help   this\n\nOptions:\n  -h  y";
    assert_eq!(commands(help), ["ship", "up"]);
}
