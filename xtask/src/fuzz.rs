//! `cargo xtask fuzz [--smoke] [TARGET…] [--seconds N]`: the targets of `fuzz/`, all of
//! them or those that are named, for a few seconds each.
//!
//! Needs a nightly toolchain and cargo-fuzz; without them it says so and ends
//! well, as a test would (a failure under `BULLA_NO_SKIP=1`). The smoke needs neither.

mod smoke;

use std::{fs, process::Command};

use crate::{
    Result,
    workspace::{file_name, on_path, root},
};

/// Runs the targets.
pub fn run(args: &[String]) -> Result {
    let Wanted {
        smoke,
        seconds,
        chosen,
    } = read(args, &targets()?)?;
    if smoke {
        return smoke::run(seconds, &chosen);
    }
    if let Some(reason) = missing() {
        println!("SKIP fuzz: {reason}");
        if std::env::var("BULLA_NO_SKIP").is_ok_and(|value| value == "1") {
            return Err("nothing may be skipped here".into());
        }
        return Ok(());
    }
    let mut failed = Vec::new();
    for target in chosen {
        println!("fuzz {target} for {seconds} s");
        let status = Command::new("cargo")
            .current_dir(root().join("fuzz"))
            .args(["+nightly", "fuzz", "run", "--fuzz-dir", ".", &target, "--"])
            .args([&format!("-max_total_time={seconds}"), "-rss_limit_mb=2048"])
            .args(["-timeout=10", "-verbosity=0", "-print_final_stats=1"])
            // The toolchain of the caller would win over +nightly.
            .env_remove("RUSTUP_TOOLCHAIN")
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("RUSTC_WRAPPER")
            .status()?;
        if !status.success() {
            failed.push(target);
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("failed: {} (inputs in fuzz/artifacts)", failed.join(", ")).into())
}

/// What the arguments ask for.
#[derive(Debug, PartialEq)]
struct Wanted {
    /// The short run on a stable toolchain.
    smoke: bool,
    /// How long each target runs.
    seconds: u32,
    chosen: Vec<String>,
}

/// How long, and which of the targets: all, or those of the smoke, if none is named.
fn read(args: &[String], known: &[String]) -> Result<Wanted> {
    let (mut smoke, mut seconds, mut chosen) = (false, None, Vec::new());
    let mut args = args.iter();
    while let Some(argument) = args.next() {
        if argument == "--smoke" {
            smoke = true;
        } else if argument == "--seconds" {
            let value = args.next().map(String::as_str).unwrap_or_default();
            let number: u32 = value
                .parse()
                .map_err(|_| format!("--seconds takes a number, not {value:?}"))?;
            seconds = Some(number);
        } else if known.contains(argument) {
            chosen.push(argument.clone());
        } else {
            return Err(format!("no target is called {argument:?}: {}", known.join(", ")).into());
        }
    }
    if chosen.is_empty() {
        chosen = known.to_vec();
        if smoke {
            chosen.retain(|target| smoke::TARGETS.contains(&target.as_str()));
        }
    }
    Ok(Wanted {
        smoke,
        seconds: seconds.unwrap_or(if smoke { 4 } else { 10 }),
        chosen,
    })
}

fn missing() -> Option<String> {
    if on_path("cargo-fuzz").is_none() {
        return Some("no cargo-fuzz here: cargo install cargo-fuzz".to_owned());
    }
    let nightly = Command::new("cargo")
        .args(["+nightly", "--version"])
        .env_remove("RUSTUP_TOOLCHAIN")
        .output();
    match nightly {
        Ok(output) if output.status.success() => None,
        _ => Some("no nightly toolchain here: rustup toolchain install nightly".to_owned()),
    }
}

/// The names of the targets.
fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("fuzz/fuzz_targets"))? {
        let name = file_name(&entry?.path());
        if let Some(name) = name.strip_suffix(".rs") {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::{Wanted, read};

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn takes_names_and_a_time() {
        let known = words("bundle note sct version");
        let read = |text: &str| read(&words(text), &known);
        let wanted = |smoke, seconds, chosen| Wanted {
            smoke,
            seconds,
            chosen: words(chosen),
        };
        assert_eq!(
            read("").unwrap(),
            wanted(false, 10, "bundle note sct version")
        );
        assert_eq!(
            read("sct --seconds 600 note").unwrap(),
            wanted(false, 600, "sct note")
        );
        assert_eq!(read("--smoke").unwrap(), wanted(true, 4, "bundle note sct"));
        assert_eq!(
            read("--smoke version --seconds 2").unwrap(),
            wanted(true, 2, "version")
        );
        for wrong in ["--seconds", "--seconds x", "bundles", "--minutes 1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
