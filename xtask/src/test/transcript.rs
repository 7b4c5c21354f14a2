//! Reads what `cargo test -- --show-output` prints, line by line.
//!
//! A test that printed a `SKIP` line passed as far as libtest knows; here it
//! counts as skipped, once, however much it lacked. A program that ends without
//! its `test result:` line was killed: its missing tests count as failed.

use std::collections::{BTreeMap, BTreeSet};

/// How the tests ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Passed without testing, for lack of something.
    pub skipped: usize,
}

/// The state of reading.
#[derive(Debug, Default)]
pub struct Transcript {
    /// The crate whose library or binary was tested last.
    krate: String,
    program: String,
    /// Tests announced by the running program, and not ended yet.
    open: Option<usize>,
    ended: Counts,
    section: Section,
    skips: BTreeMap<(String, String), BTreeSet<String>>,
    failures: Vec<String>,
    compiled: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Section {
    /// Cargo's own lines and the lines of single tests.
    #[default]
    Outside,
    /// `successes:`; the test whose output is shown.
    Successes(String),
    /// `failures:`, shown as it is.
    Failures,
}

impl Transcript {
    /// Takes one line; answers what a person should see of it.
    pub fn line(&mut self, line: &str) -> Option<String> {
        if let Some(shown) = self.heading(line) {
            return shown;
        }
        if let Some(rest) = line.strip_prefix("test result: ") {
            return self.result(rest);
        }
        match (&self.section, line) {
            (_, "successes:") => self.section = Section::Successes(String::new()),
            (_, "failures:") => self.section = Section::Failures,
            (Section::Successes(_), _) => self.success(line),
            (Section::Failures, _) => return Some(line.to_owned()),
            (Section::Outside, _) => return self.outside(line),
        }
        None
    }

    /// The last line is through.
    pub fn end(&mut self) {
        self.abandon();
    }

    /// What was counted.
    pub fn counts(&self) -> Counts {
        let skipped = self.skips.len();
        Counts {
            passed: self.ended.passed.saturating_sub(skipped),
            failed: self.ended.failed,
            skipped: skipped + self.ended.skipped,
        }
    }

    /// One line for each test that was skipped.
    pub fn skips(&self) -> impl Iterator<Item = String> {
        self.skips.iter().map(|((program, test), reasons)| {
            let reasons: Vec<&str> = reasons.iter().map(String::as_str).collect();
            format!("{program} {test}: {}", reasons.join("; "))
        })
    }

    /// One line for each test that failed.
    pub fn failures(&self) -> impl Iterator<Item = &String> {
        self.failures.iter()
    }

    /// Cargo's announcement of the next program.
    fn heading(&mut self, line: &str) -> Option<Option<String>> {
        let text = line.trim_start();
        if let Some(rest) = text.strip_prefix("Compiling ") {
            self.compiled += 1;
            let name = rest.split(' ').next().unwrap_or_default();
            let say = name.starts_with("bulla") || self.compiled.is_multiple_of(50);
            return Some(say.then(|| format!(" compiling {name} ({})", self.compiled)));
        }
        let program = text
            .strip_prefix("Running ")
            .filter(|rest| rest.contains("(") && rest.ends_with(')'))
            .map(|rest| program_name(rest, &self.krate))
            .or_else(|| {
                text.strip_prefix("Doc-tests ")
                    .map(|name| format!("{} documentation", name.replace('_', "-")))
            })?;
        self.abandon();
        if text.contains("unittests ") {
            self.krate = program.split(' ').next().unwrap_or_default().to_owned();
        }
        self.program = program;
        self.section = Section::Outside;
        Some(None)
    }

    fn outside(&mut self, line: &str) -> Option<String> {
        if let Some(rest) = line.strip_prefix("running ") {
            let count = rest.split(' ').next().and_then(|n| n.parse().ok());
            if let Some(count) = count {
                self.abandon();
                self.open = Some(count);
                return None;
            }
        }
        if let Some(rest) = line.strip_prefix("test ") {
            if let Some((name, _)) = rest.rsplit_once(" ... FAILED") {
                self.failures.push(format!("{} {name}", self.program));
                return Some(format!(" ✗ {} {name}", self.program));
            }
            if let Some((name, why)) = rest.rsplit_once(" ... ignored") {
                let why = why.trim_start_matches([',', ' ']);
                let why = if why.is_empty() {
                    "marked #[ignore]"
                } else {
                    why
                };
                self.skip(name, why);
                // libtest does not count it among the passed.
                self.ended.passed += 1;
                return None;
            }
            if let Some(open) = &mut self.open {
                *open = open.saturating_sub(1);
            }
            // A test under --nocapture or a thread of it may share the line.
            return None;
        }
        let quiet = line.is_empty() || line.trim_start().starts_with("Finished ");
        (!quiet).then(|| line.to_owned())
    }

    fn success(&mut self, line: &str) {
        let name = line
            .strip_prefix("---- ")
            .and_then(|rest| rest.strip_suffix(" stdout ----"));
        if let Some(name) = name {
            self.section = Section::Successes(name.to_owned());
        } else if let Some(rest) = line.trim_start().strip_prefix("SKIP ") {
            let Section::Successes(test) = &self.section else {
                return;
            };
            let (name, reason) = rest.split_once(": ").unwrap_or(("", rest));
            let test = if test.is_empty() { name } else { test }.to_owned();
            self.skip(&test, reason);
        }
    }

    fn skip(&mut self, test: &str, reason: &str) {
        self.skips
            .entry((self.program.clone(), test.to_owned()))
            .or_default()
            .insert(reason.to_owned());
    }

    fn result(&mut self, rest: &str) -> Option<String> {
        let count = |word: &str| -> usize {
            rest.split(['.', ';'])
                .find_map(|part| part.trim().strip_suffix(word)?.trim().parse().ok())
                .unwrap_or(0)
        };
        let (passed, failed) = (count(" passed"), count(" failed"));
        self.ended.passed += passed;
        self.ended.failed += failed;
        self.open = None;
        self.section = Section::Outside;
        let mark = if failed == 0 { "✓" } else { "✗" };
        let time = rest.rsplit("finished in ").next().unwrap_or_default();
        if passed + failed == 0 {
            return None;
        }
        Some(format!(
            " {mark} {:<44} {:>4} {:>9}",
            self.program,
            passed + failed,
            time
        ))
    }

    /// The program before this line is over; if it never said so, it died.
    fn abandon(&mut self) {
        if let Some(open) = self.open.take() {
            self.ended.failed += open.max(1);
            self.failures
                .push(format!("{} ended in the middle of its tests", self.program));
        }
    }
}

/// `unittests src/lib.rs (target/debug/deps/bulla_core-0123)` → `bulla-core src/lib.rs`;
/// `tests/it/main.rs (…)`, which names no crate, follows the unit tests of `krate`.
fn program_name(rest: &str, krate: &str) -> String {
    let (what, file) = rest.split_once(" (").unwrap_or((rest, ""));
    let Some(what) = what.strip_prefix("unittests ") else {
        return format!("{krate} {what}");
    };
    let file = file.trim_end_matches(')');
    let stem = file.rsplit('/').next().unwrap_or_default();
    let stem = stem.rsplit_once('-').map_or(stem, |(name, _)| name);
    format!("{} {what}", stem.replace('_', "-"))
}

#[cfg(test)]
mod tests;
