//! What a command ends with when it does not succeed, and how that is told.
//!
//! First line: what failed, on what. Then what was found and expected. Then the
//! command that mends it. The code stands in brackets at the end. Every exit
//! code of the process comes from the one enum here (rule R12).

use bulla_core::{Code, Diagnose, Outcome};
use serde_json::json;
use std::fmt;

/// The process exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Allowed.
    Allowed = 0,
    /// Denied, or a verification failed.
    Denied = 1,
    /// The command line is wrong.
    Usage = 2,
    /// There was nothing to verify.
    NothingToVerify = 3,
    /// Not authenticated.
    Authentication = 4,
    /// It could not be decided.
    Undecidable = 5,
    /// Findings at or above `--fail-on`.
    Findings = 6,
    /// Configuration, environment or I/O.
    CouldNotRun = 7,
}

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Allow | Outcome::Warn => Self::Allowed,
            Outcome::NoEvidence => Self::NothingToVerify,
            Outcome::Undecided => Self::Undecidable,
            Outcome::Deny => Self::Denied,
        }
    }
}

/// Why a command did not succeed.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    code: Option<Code>,
    lines: Vec<String>,
    hint: Option<String>,
    silent: bool,
}

impl Failure {
    /// A failure of our own.
    pub fn new(exit: Exit, code: &'static str, what: impl Into<String>) -> Self {
        Self {
            exit,
            code: Some(Code(code)),
            lines: vec![what.into()],
            hint: None,
            silent: false,
        }
    }

    /// A failure that was already told (the denial of a stage, findings).
    pub fn told(exit: Exit) -> Self {
        Self {
            exit,
            code: None,
            lines: Vec::new(),
            hint: None,
            silent: true,
        }
    }

    /// An error of one of our crates.
    pub fn from_error(exit: Exit, error: &(impl Diagnose + ?Sized)) -> Self {
        let mut lines = vec![error.to_string()];
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !lines.iter().any(|line| line.contains(&text)) {
                lines.push(text);
            }
            source = cause.source();
        }
        Self {
            exit,
            code: Some(error.code()),
            lines,
            hint: error.hint(),
            silent: false,
        }
    }

    /// Adds a line: what was found, what was expected.
    #[must_use]
    pub fn line(mut self, text: impl Into<String>) -> Self {
        self.lines.push(text.into());
        self
    }

    /// Puts a line before the others: on what it failed.
    #[must_use]
    pub fn on(mut self, what: impl Into<String>) -> Self {
        self.lines.insert(0, what.into());
        self
    }

    /// Adds or replaces the command that mends it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, after it was told.
    #[must_use]
    pub fn silenced(mut self) -> Self {
        self.silent = true;
        self
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether there is something left to tell.
    pub fn is_told(&self) -> bool {
        self.silent
    }

    /// Whether it has this code.
    pub fn is(&self, code: &str) -> bool {
        self.code.is_some_and(|own| own.0 == code)
    }

    /// Whether it can be told as data.
    pub fn has_code(&self) -> bool {
        self.code.is_some()
    }

    /// The failure as data, for `-o json`.
    pub fn to_json(&self) -> serde_json::Value {
        json!({"error": {
            "code": self.code, "exit": self.exit as u8,
            "message": self.lines.join(": "), "hint": self.hint,
        }})
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.lines.iter().flat_map(|text| text.lines());
        write!(f, "✗ {}", lines.next().unwrap_or("failed"))?;
        for line in lines {
            write!(f, "\n  {line}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nmend it: {hint}")?;
        }
        if let Some(code) = self.code {
            write!(f, "   [{code}]")?;
        }
        Ok(())
    }
}

/// Turns errors of our crates into failures, with an exit code.
pub trait OrFail<T> {
    /// The configuration, the environment or I/O is at fault.
    fn or_could_not_run(self) -> Result<T, Failure>;
    /// A verification failed.
    fn or_denied(self) -> Result<T, Failure>;
    /// It could not be decided.
    fn or_undecidable(self) -> Result<T, Failure>;
    /// The arguments are wrong.
    fn or_usage(self) -> Result<T, Failure>;
}

impl<T, E: Diagnose> OrFail<T> for Result<T, E> {
    fn or_could_not_run(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::from_error(Exit::CouldNotRun, &error))
    }

    fn or_denied(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::from_error(Exit::Denied, &error))
    }

    fn or_undecidable(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::from_error(Exit::Undecidable, &error))
    }

    fn or_usage(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::from_error(Exit::Usage, &error))
    }
}

/// Says which file an I/O error is about.
pub trait OnPath<T> {
    /// `VERB PATH: cause`.
    fn on_path(self, verb: &str, path: &std::path::Path) -> Result<T, Failure>;
}

impl<T> OnPath<T> for std::io::Result<T> {
    fn on_path(self, verb: &str, path: &std::path::Path) -> Result<T, Failure> {
        self.map_err(|cause| {
            Failure::new(
                Exit::CouldNotRun,
                "CLI-0001",
                format!("cannot {verb} {}", path.display()),
            )
            .line(cause.to_string())
            .hint("check that the path exists and that you may use it")
        })
    }
}
