//! How a command of the cosign face ends: cosign's exit codes, and only those.
//!
//! 10 to 13 have the meanings that cosign documents; everything else that fails
//! is 1. bulla's own codes (2 usage, 3 nothing to verify …) never appear here.

use bulla_core::{Code, Diagnose};
use std::fmt;

/// The exit codes of the face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It succeeded.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// The image has no signature.
    NoSignature = 10,
    /// The tag does not exist.
    NoTag = 11,
    /// No signature matches.
    NoMatch = 12,
    /// A signature has no certificate.
    NoCertificate = 13,
}

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    text: String,
    code: Option<Code>,
    hint: Option<String>,
}

impl Failure {
    /// A failure with exit code 1.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failed,
            text: text.into(),
            code: None,
            hint: None,
        }
    }

    /// A failure with exit code 1 and a stable code.
    pub fn coded(code: &'static str, text: impl Into<String>) -> Self {
        Self {
            code: Some(Code(code)),
            ..Self::new(text)
        }
    }

    /// Ends with this code.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Says on what it failed, before everything else.
    #[must_use]
    pub fn on(mut self, what: &str) -> Self {
        self.text = format!("{what}: {}", self.text);
        self
    }

    /// Names what mends it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// An error of one of our crates, and what was being done.
    pub fn from_error(doing: &str, error: &(impl Diagnose + ?Sized)) -> Self {
        let text = match doing {
            "" => error.to_string(),
            doing => format!("{doing}: {error}"),
        };
        Self {
            exit: Exit::Failed,
            text,
            code: Some(error.code()),
            hint: error.hint(),
        }
    }

    /// An error of the operating system about a file, in the words scripts know.
    pub fn on_file(verb: &str, path: &str, error: &std::io::Error) -> Self {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "no such file or directory".into(),
            std::io::ErrorKind::PermissionDenied => "permission denied".into(),
            _ => error.to_string(),
        };
        Self::new(format!("{verb} {path}: {why}"))
    }

    /// With which code the process ends.
    pub fn process_exit(&self) -> Exit {
        self.exit
    }

    /// What failed.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if let Some(hint) = &self.hint {
            write!(f, "\nmend it: {hint}")?;
        }
        if let Some(code) = self.code {
            write!(f, "   [{code}]")?;
        }
        Ok(())
    }
}

impl From<crate::failure::Failure> for Failure {
    fn from(failure: crate::failure::Failure) -> Self {
        let text = failure.to_string();
        Self::new(text.trim_start_matches("✗ "))
    }
}
