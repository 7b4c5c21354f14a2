//! `cargo xtask fuzz --smoke`: some targets for a few seconds each, two things
//! apart from the long run. It needs neither a nightly toolchain nor cargo-fuzz:
//! `fuzz/instrument.sh` gives our own crates the coverage that libFuzzer steers by,
//! without a sanitizer for addresses (there is no unsafe code in them), and all else
//! is shared with what the tests compiled. What it finds is a panic, an overflow, a
//! broken assertion of a target, a hang or an exhausted memory.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    sync::atomic::{AtomicUsize, Ordering},
    sync::mpsc,
    time::Instant,
};

use crate::{
    Result,
    workspace::{cargo, root, target},
};

/// What a change is most likely to break, and what the services take from anybody.
pub const TARGETS: &[&str] = &[
    "add_checkpoint",
    "bundle",
    "certificate",
    "certificate_request",
    "chain",
    "envelope",
    "id_token",
    "issuer_file",
    "issuer_template",
    "key_file",
    "log_entry",
    "log_entry_v1",
    "log_query",
    "login_request",
    "note",
    "oauth_form",
    "revocation_list",
    "sct",
    "signing_request",
    "timestamp_query",
];

/// Builds the targets with coverage and runs each for so many seconds.
pub fn run(seconds: u32, chosen: &[String]) -> Result {
    let started = Instant::now();
    build(chosen)?;
    println!("built in {:.0} s", started.elapsed().as_secs_f32());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, (sender, results)) = (AtomicUsize::new(0), mpsc::channel());
    let mut failed = Vec::new();
    std::thread::scope(|scope| {
        for _ in 0..workers.min(chosen.len()) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some(name) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = one(name, seconds).map_err(|error| error.to_string());
                    if sender.send((name, outcome)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (name, outcome) in results {
            match outcome {
                Ok(line) => println!(" ✓ {name:<24} {line}"),
                Err(account) => {
                    println!(" ✗ {name}\n{account}");
                    failed.push(name.as_str());
                }
            }
        }
    });
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("failed: {} (inputs in fuzz/artifacts)", failed.join(", ")).into())
}

fn build(chosen: &[String]) -> Result {
    let fuzz = root().join("fuzz");
    let mut command = cargo();
    command
        .args(["build", "--quiet", "--manifest-path"])
        .arg(fuzz.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", target())
        .env(
            "BULLA_RUSTC_WRAPPER",
            std::env::var_os("RUSTC_WRAPPER").unwrap_or_default(),
        )
        .env("RUSTC_WRAPPER", fuzz.join("instrument.sh"));
    for name in chosen {
        command.args(["--bin", name]);
    }
    if command.status()?.success() {
        return Ok(());
    }
    Err("the targets do not build (is it c++ that is missing? apt-get install g++)".into())
}

/// Runs one target to its end: how far it came, or everything that it said.
fn one(name: &str, seconds: u32) -> Result<String> {
    let fuzz = root().join("fuzz");
    let (corpus, artifacts) = (
        fuzz.join("corpus").join(name),
        fuzz.join("artifacts").join(name),
    );
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&artifacts)?;
    let output = Command::new(target().join("debug").join(name))
        .current_dir(&fuzz)
        .arg(&corpus)
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={seconds}"))
        .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
        .output()?;
    judge(&output, &artifacts)
}

fn judge(output: &Output, artifacts: &Path) -> Result<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let lines: Vec<&str> = said.lines().collect();
        let tail = lines[lines.len().saturating_sub(60)..].join("\n");
        return Err(format!("{tail}\n{} ({})", output.status, artifacts.display()).into());
    }
    // Without coverage it would throw noise at the outermost check, and be content.
    if !said.contains("inline 8-bit counters") {
        return Err("it was not built with coverage: remove it, and build again".into());
    }
    let number = |name: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim().parse::<u64>().ok())
    };
    let (Some(runs), Some(new)) = (
        number("stat::number_of_executed_units:"),
        number("stat::new_units_added:"),
    ) else {
        return Err(format!("it did not say how far it came:\n{said}").into());
    };
    Ok(format!("{runs} runs, {new} led further"))
}

#[cfg(test)]
mod tests;
