//! How a command ended, with assertions that show everything when they fail.

use std::{
    path::{Path, PathBuf},
    process::Output,
};

use serde_json::Value;

use crate::scrub;

/// A command that ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The command line.
    pub command: String,
    /// The exit code; 128 and more for a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    root: PathBuf,
}

impl Outcome {
    pub(crate) fn new(command: String, output: &Output, root: &Path) -> Self {
        Self {
            command,
            code: code(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            root: root.to_path_buf(),
        }
    }

    /// Asserts exit code 0.
    ///
    /// # Panics
    /// With everything the command said, if it is another.
    #[track_caller]
    pub fn success(&self) -> &Self {
        self.exit(0)
    }

    /// Asserts this exit code.
    ///
    /// # Panics
    /// With everything the command said, if it is another.
    #[track_caller]
    pub fn exit(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "exit code\n{}", self.account());
        self
    }

    /// Asserts that standard error or standard output contains `text`.
    ///
    /// # Panics
    /// With everything the command said, if neither does.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        let said = self.stderr.contains(text) || self.stdout.contains(text);
        assert!(said, "{text:?} was not said\n{}", self.account());
        self
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// With everything the command said, if it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("no JSON: {error}\n{}", self.account()),
        }
    }

    /// Both streams and the exit code with placeholders for what differs from
    /// run to run: the text to compare with a snapshot.
    pub fn snapshot(&self) -> String {
        let mut text = format!("$ {}\n", self.command);
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                text.push_str(&format!("---- {name}\n{}\n", stream.trim_end()));
            }
        }
        text.push_str(&format!("---- exit {}\n", self.code));
        scrub(&text, &self.root)
    }

    /// Everything, as it was.
    pub fn account(&self) -> String {
        format!(
            "$ {}\n---- exit {}\n---- stdout\n{}\n---- stderr\n{}",
            self.command, self.code, self.stdout, self.stderr
        )
    }
}

fn code(status: std::process::ExitStatus) -> i32 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128 + signal;
    }
    status.code().unwrap_or(128)
}
