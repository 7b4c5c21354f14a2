//! `cargo xtask fuzz`: every target of `fuzz/` for a few seconds each.
//!
//! Needs a nightly toolchain and cargo-fuzz; without them it says so and ends
//! well, as a test would (a failure under `BULLA_NO_SKIP=1`).

use std::{fs, process::Command};

use crate::{
    Result,
    workspace::{file_name, on_path, root},
};

/// Runs the targets.
pub fn run(args: &[String]) -> Result {
    let seconds: u32 = match args {
        [] => 10,
        [flag, value] if flag == "--seconds" => value
            .parse()
            .map_err(|_| format!("--seconds takes a number, not {value:?}"))?,
        _ => return Err("fuzz takes --seconds N".into()),
    };
    if let Some(reason) = missing() {
        println!("SKIP fuzz: {reason}");
        if std::env::var("BULLA_NO_SKIP").is_ok_and(|value| value == "1") {
            return Err("nothing may be skipped here".into());
        }
        return Ok(());
    }
    let mut failed = Vec::new();
    for target in targets()? {
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
