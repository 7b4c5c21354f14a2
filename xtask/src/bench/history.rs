//! The figures of earlier runs: one JSON line for each figure of each run.

use std::{collections::BTreeMap, fs, io::Write, path::Path, time::SystemTime};

use super::Figure;
use crate::Result;

/// Median and maximum of the last run, by figure.
#[derive(Debug, Default)]
pub(super) struct History(BTreeMap<String, (f64, f64)>);

impl History {
    /// Reads files in order; later lines win.
    pub(super) fn read(files: &[&Path]) -> Self {
        let mut history = Self::default();
        for file in files {
            let text = fs::read_to_string(file).unwrap_or_default();
            for line in text.lines() {
                history.line(line);
            }
        }
        history
    }

    fn line(&mut self, line: &str) {
        if let (Some(name), Some(median), Some(max)) = (
            field(line, "figure"),
            number(line, "median"),
            number(line, "max"),
        ) {
            self.0.insert(name.to_owned(), (median, max));
        }
    }

    /// Median and maximum of the last run.
    pub(super) fn last(&self, name: &str) -> Option<(f64, f64)> {
        self.0.get(name).copied()
    }
}

/// Whether a figure is worse than before beyond the noise of both runs: the
/// median by a tenth, and even the best of now above the worst of then.
pub(super) fn is_worse(min: f64, median: f64, (last_median, last_max): (f64, f64)) -> bool {
    median > last_median * 1.1 && min > last_max
}

/// Appends one run.
pub(super) fn append(file: &Path, commit: &str, figures: &[Figure]) -> Result {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let time = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)?
        .as_secs();
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let mut out = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)?;
    for figure in figures {
        writeln!(
            out,
            "{{\"time\":{time},\"commit\":\"{commit}\",\"cpus\":{cpus},\"figure\":\"{}\",\
             \"unit\":\"{}\",\"min\":{:.3},\"median\":{:.3},\"max\":{:.3},\"runs\":{}}}",
            figure.name,
            figure.unit,
            figure.min(),
            figure.median(),
            figure.max(),
            figure.values.len()
        )?;
    }
    Ok(())
}

fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("\"{name}\":\""))?;
    rest.split('"').next()
}

fn number(line: &str, name: &str) -> Option<f64> {
    let (_, rest) = line.split_once(&format!("\"{name}\":"))?;
    rest.split([',', '}']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{History, append, is_worse};
    use crate::bench::Figure;

    #[test]
    fn what_is_written_is_read_and_the_last_run_counts() {
        let file = std::env::temp_dir().join(format!("bulla-bench-{}.jsonl", std::process::id()));
        for value in [4.0, 2.0] {
            let figure = Figure::new("start", "ms", Some(5.0), vec![value, value + 1.0, value]);
            append(&file, "abc", &[figure]).expect("a written line");
        }
        let history = History::read(&[&file]);
        std::fs::remove_file(&file).expect("the file");
        assert_eq!(history.last("start"), Some((2.0, 3.0)));
        assert_eq!(history.last("other"), None);
    }

    #[test]
    fn noise_is_not_worse() {
        assert!(!is_worse(1.9, 2.4, (2.0, 2.2)));
        assert!(is_worse(2.3, 2.4, (2.0, 2.2)));
        assert!(!is_worse(2.05, 2.1, (2.0, 2.02)));
    }
}
