//! `cargo xtask test`: every test of the workspace in one `cargo test`.
//!
//! Shows one line per test program and every failure in full, gathers what was
//! skipped for lack of a tool (`SKIP name: reason`, printed by the test), and
//! closes with `bulla: N passed, N failed, N skipped`. Under `BULLA_NO_SKIP=1`
//! a skip is a failure.

mod transcript;

use std::io::{BufRead, BufReader, Read};

use transcript::{Counts, Transcript};

use crate::{
    Result, peers,
    workspace::{cargo, shared},
};

/// Runs the tests; `args` go to `cargo test`.
pub fn run(args: &[String]) -> Result {
    let verbose = args.iter().any(|arg| arg == "-v");
    let no_skip = std::env::var("BULLA_NO_SKIP").is_ok_and(|value| value == "1");
    let mut command = cargo();
    command.args(["test", "--no-fail-fast"]);
    if !args.iter().any(|arg| arg == "-p" || arg == "--package") {
        command.arg("--workspace");
    }
    let (ours, filters): (Vec<&String>, Vec<&String>) = split(args);
    command.args(ours.into_iter().filter(|arg| *arg != "-v"));
    command
        .args(["--", "--show-output", "--color=never"])
        .args(filters);
    for (name, value) in environment() {
        if std::env::var_os(&name).is_none() {
            command.env(name, value);
        }
    }
    // One pipe for both streams keeps cargo's headings beside the tests they head.
    let (reader, writer) = std::io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    drop(command);
    let transcript = read(reader, verbose)?;
    let status = child.wait()?;
    let mut counts = transcript.counts();
    if !status.success() && counts.failed == 0 {
        println!("cargo test stopped with {status} before every test had run");
        counts.failed += 1;
    }
    close(&transcript, counts, no_skip)
}

/// Arguments for cargo, and names of tests for the test programs.
fn split(args: &[String]) -> (Vec<&String>, Vec<&String>) {
    let mut ours = Vec::new();
    let mut filters = Vec::new();
    let mut value = false;
    for arg in args {
        if value || arg.starts_with('-') {
            value = matches!(
                arg.as_str(),
                "-p" | "--package" | "--test" | "--features" | "-F"
            );
            ours.push(arg);
        } else {
            filters.push(arg);
        }
    }
    (ours, filters)
}

/// What tests need to know about this machine, unless it is set already.
fn environment() -> Vec<(String, String)> {
    let mut environment = vec![
        (
            "BULLA_PEERS".to_owned(),
            peers::folder().display().to_string(),
        ),
        ("RUST_BACKTRACE".to_owned(), "1".to_owned()),
        ("INSTA_UPDATE".to_owned(), "no".to_owned()),
    ];
    if let Some(python) = peers::python() {
        environment.push(("BULLA_PYTHON".to_owned(), python.display().to_string()));
    }
    if let Some(suites) = shared() {
        environment.push(("BULLA_SUITES".to_owned(), suites.display().to_string()));
    }
    environment
}

fn read(reader: impl Read, verbose: bool) -> Result<Transcript> {
    let mut transcript = Transcript::default();
    let mut reader = BufReader::new(reader);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_end_matches(['\n', '\r']);
        let shown = transcript.line(line);
        if verbose {
            println!("{line}");
        } else if let Some(shown) = shown {
            println!("{shown}");
        }
    }
    transcript.end();
    Ok(transcript)
}

fn close(transcript: &Transcript, mut counts: Counts, no_skip: bool) -> Result {
    println!();
    for skip in transcript.skips() {
        println!("skipped  {skip}");
    }
    for failure in transcript.failures() {
        println!("failed   {failure}");
    }
    if no_skip && counts.skipped > 0 {
        println!("BULLA_NO_SKIP=1: nothing may be skipped here");
        counts.failed += counts.skipped;
        counts.skipped = 0;
    }
    println!(
        "bulla: {} passed, {} failed, {} skipped",
        counts.passed, counts.failed, counts.skipped
    );
    if counts.failed > 0 {
        return Err("there are failures".into());
    }
    if counts.passed == 0 {
        return Err("no test ran".into());
    }
    Ok(())
}
