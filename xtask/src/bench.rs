//! `cargo xtask bench`: the promises on speed and size, measured.
//!
//! `bench verify` runs beside cosign, in turn, and holds the ratios against what
//! is promised; `bench log` runs beside rekor-tiles. Each figure is taken several times and shown as minimum, median and maximum
//! beside its limit and the last run. Runs are kept as JSON lines in
//! `target/bench/history.jsonl`; `--record` also appends to the committed
//! `bench/history.jsonl`, which later runs on other machines are held against.

mod authority;
mod history;
mod load;
mod log;
mod measure;
mod registry;
mod verify;
mod versus;

use std::path::PathBuf;

use history::History;
pub use verify::scenes;

use crate::{
    Result,
    workspace::{cargo, output, root, target},
};

/// One figure of one run.
#[derive(Clone, Debug, PartialEq)]
struct Figure {
    name: String,
    unit: &'static str,
    /// The limit that we promise, if there is one.
    limit: Option<f64>,
    values: Vec<f64>,
}

impl Figure {
    fn new(
        name: impl Into<String>,
        unit: &'static str,
        limit: Option<f64>,
        mut values: Vec<f64>,
    ) -> Self {
        values.sort_by(f64::total_cmp);
        Self {
            name: name.into(),
            unit,
            limit,
            values,
        }
    }

    fn min(&self) -> f64 {
        self.values.first().copied().unwrap_or(f64::NAN)
    }

    fn max(&self) -> f64 {
        self.values.last().copied().unwrap_or(f64::NAN)
    }

    fn median(&self) -> f64 {
        self.values
            .get(self.values.len() / 2)
            .copied()
            .unwrap_or(f64::NAN)
    }

    fn keeps_limit(&self) -> bool {
        self.limit.is_none_or(|limit| self.median() <= limit)
    }
}

/// Measures everything, or with `verify` what is promised beside cosign.
pub fn run(args: &[String]) -> Result {
    if let Some(("log", rest)) = args
        .split_first()
        .map(|(first, rest)| (first.as_str(), rest))
    {
        let (record, rest): (Vec<String>, Vec<String>) =
            rest.iter().cloned().partition(|arg| arg == "--record");
        return report(&log::figures(&binary()?, &rest)?, !record.is_empty());
    }
    let (mut record, mut cold, mut beside_cosign) = (false, false, false);
    let mut rounds = 40;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "verify" => beside_cosign = true,
            "--record" => record = true,
            "--cold-build" => cold = true,
            "--rounds" => {
                let number = args.next().and_then(|number| number.parse().ok());
                rounds = number.ok_or("--rounds needs a number")?;
            }
            other => return Err(format!("bench does not know {other}").into()),
        }
    }
    let binary = binary()?;
    let figures = if beside_cosign {
        verify::figures(&binary, rounds)?
    } else {
        let mut figures = vec![measure::size(&binary)?, measure::version(&binary)?];
        figures.extend(measure::up(&binary)?);
        figures.extend(measure::ship(&binary)?);
        if cold {
            figures.push(measure::cold_build()?);
        }
        figures
    };
    report(&figures, record)
}

/// The release binary: `BULLA_BIN`, or built now.
fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("BULLA_BIN") {
        return Ok(path.into());
    }
    let status = cargo()
        .args(["build", "-q", "--release", "-p", "bulla"])
        .status()?;
    if !status.success() {
        return Err("the release build failed".into());
    }
    Ok(target().join("release/bulla"))
}

/// Prints the figures beside those of the last run, and keeps them.
fn report(figures: &[Figure], record: bool) -> Result {
    let kept = target().join("bench/history.jsonl");
    let committed = root().join("bench/history.jsonl");
    let history = History::read(&[&committed, &kept]);
    println!(
        "{:<44} {:>9} {:>9} {:>9}       {:>7}  {:>9}",
        "", "min", "median", "max", "limit", "last"
    );
    let mut slower = Vec::new();
    let mut broken = Vec::new();
    for figure in figures {
        let last = history.last(&figure.name);
        let limit = figure
            .limit
            .map_or(String::new(), |limit| format!("{limit:.0}"));
        let before = last.map_or(String::new(), |(median, _)| format!("{median:.1}"));
        let mark = if figure.keeps_limit() { " " } else { "✗" };
        println!(
            "{:<44} {:>9.1} {:>9.1} {:>9.1} {:<5} {limit:>7}{mark} {before:>9}",
            figure.name,
            figure.min(),
            figure.median(),
            figure.max(),
            figure.unit
        );
        if last.is_some_and(|last| history::is_worse(figure.min(), figure.median(), last)) {
            slower.push(figure.name.as_str());
        }
        if !figure.keeps_limit() {
            broken.push(figure.name.as_str());
        }
    }
    let commit = output(std::process::Command::new("git").current_dir(root()).args([
        "rev-parse",
        "--short=12",
        "HEAD",
    ]))
    .unwrap_or_default();
    history::append(&kept, commit.trim(), figures)?;
    if record {
        history::append(&committed, commit.trim(), figures)?;
    }
    match slower.as_slice() {
        [] => println!("nothing became slower or larger than the last run"),
        names => println!("worse than the last run: {}", names.join(", ")),
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(format!("beyond the limit: {}", broken.join(", ")).into())
    }
}
