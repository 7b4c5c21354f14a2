//! Two programs in turn, round by round, so that what disturbs the machine
//! disturbs both: wall time of each run, and the largest resident set.
//!
//! Memory is taken in runs of its own by GNU `time`, since the standard library
//! does not tell it and this task has neither dependencies nor unsafe code.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use super::Figure;
use crate::{Result, workspace::on_path};

/// Runs in which memory is taken: it hardly varies.
const MEMORY_ROUNDS: usize = 5;

/// A command that is made anew for each round.
pub(super) type Make<'a> = &'a dyn Fn(usize) -> Result<Command>;

/// What we promise beside cosign.
#[derive(Clone, Copy)]
pub(super) struct Promise {
    /// How many times less time we take.
    pub(super) faster: f64,
    /// How many times less memory, where we promise it.
    pub(super) smaller: Option<f64>,
}

/// Runs both in turn. Ratios are limited from above: ours in percent of theirs.
pub(super) fn measure(
    what: &str,
    rounds: usize,
    promise: Promise,
    ours: Make,
    theirs: Make,
) -> Result<Vec<Figure>> {
    // Once each for the caches of the machine.
    for make in [ours, theirs] {
        millis(&mut make(0)?)?;
    }
    let mut pairs = Vec::new();
    for round in 1..=rounds {
        pairs.push((millis(&mut ours(round)?)?, millis(&mut theirs(round)?)?));
    }
    let mut figures = beside(what, "ms", "time", Some(promise.faster), &pairs);
    if promise.smaller.is_some() {
        let mut pairs = Vec::new();
        for round in rounds + 1..=rounds + MEMORY_ROUNDS {
            pairs.push((peak_mib(&ours(round)?)?, peak_mib(&theirs(round)?)?));
        }
        figures.extend(beside(what, "MiB", "memory", promise.smaller, &pairs));
    }
    Ok(figures)
}

/// Ours, theirs, and ours in percent of theirs, which may be a so many-th at most.
fn beside(
    what: &str,
    unit: &'static str,
    quantity: &str,
    times_less: Option<f64>,
    pairs: &[(f64, f64)],
) -> Vec<Figure> {
    let limit = times_less.map(|times| 100.0 / times);
    let of = |pick: fn(&(f64, f64)) -> f64| pairs.iter().map(pick).collect();
    vec![
        Figure::new(format!("{what}: bulla"), unit, None, of(|pair| pair.0)),
        Figure::new(format!("{what}: cosign"), unit, None, of(|pair| pair.1)),
        Figure::new(
            format!("{what}: of cosign's {quantity}"),
            "%",
            limit,
            of(|(ours, theirs)| 100.0 * ours / theirs),
        ),
    ]
}

/// Milliseconds of a command that must succeed. Its words go nowhere: a pipe
/// would be one more thing to measure.
fn millis(command: &mut Command) -> Result<f64> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let started = Instant::now();
    let status = command.status()?;
    let time = started.elapsed().as_secs_f64() * 1e3;
    if status.success() {
        return Ok(time);
    }
    let output = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?} failed ({status}):\n{said}").into())
}

/// The largest resident set of a command, in MiB.
fn peak_mib(command: &Command) -> Result<f64> {
    let time = on_path("time").ok_or("needs GNU time: cargo xtask peers time")?;
    let file = std::env::temp_dir().join(format!("bulla-bench-rss-{}", std::process::id()));
    let mut timed = Command::new(time);
    timed.args(["-f", "%M", "-o"]).arg(&file).arg("--");
    timed.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => timed.env(name, value),
            None => timed.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        timed.current_dir(folder);
    }
    millis(&mut timed)?;
    let kib = number(&file);
    fs::remove_file(&file)?;
    Ok(kib? / 1024.0)
}

fn number(file: &Path) -> Result<f64> {
    let text = fs::read_to_string(file)?;
    let last = text.lines().last().unwrap_or_default().trim().to_owned();
    last.parse()
        .map_err(|_| format!("time said {last:?} instead of a size").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_fails_is_no_figure() {
        assert!(millis(&mut Command::new("false")).is_err());
        assert!(millis(&mut Command::new("true")).is_ok_and(|time| time > 0.0));
    }

    #[test]
    fn a_ratio_is_held_against_the_promise() {
        let kept = |times_less, pairs: &[(f64, f64)]| {
            beside("x", "ms", "time", times_less, pairs)[2].keeps_limit()
        };
        assert!(kept(Some(10.0), &[(3.0, 30.0), (2.9, 30.0), (9.0, 30.0)]));
        assert!(!kept(Some(10.0), &[(3.1, 30.0), (2.9, 30.0), (9.0, 30.0)]));
        assert!(kept(None, &[(60.0, 30.0)]));
    }
}
