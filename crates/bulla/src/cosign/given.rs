//! What was given on the command line, after it was checked against the table.

use std::time::Duration;

use super::commands::Command;

/// A command with the values of its flags.
pub struct Given {
    /// The command.
    pub command: &'static Command,
    /// Flag and value, in the order given.
    pub(super) values: Vec<(&'static str, String)>,
    /// What is no flag.
    pub args: Vec<String>,
}

impl Given {
    /// Whether the flag was given, on the command line or in the environment.
    pub fn has(&self, name: &str) -> bool {
        self.values.iter().any(|(own, _)| *own == name)
    }

    /// The value of a flag, where it is not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        let given = self.values.iter().rev().find(|(own, _)| *own == name);
        let value = match given {
            Some((_, value)) => value.as_str(),
            None => self.default(name),
        };
        (!value.is_empty()).then_some(value)
    }

    /// Whether a switch is on.
    pub fn on(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    /// The values of a flag that may be repeated.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let own = self.values.iter().filter(|(own, _)| *own == name);
        own.map(|(_, value)| value.as_str()).collect()
    }

    /// A whole number.
    pub fn number(&self, name: &str) -> u64 {
        self.text(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or_default()
    }

    /// How long the command may take.
    pub fn timeout(&self) -> Duration {
        self.text("timeout")
            .and_then(super::parse::duration)
            .unwrap_or(Duration::from_secs(180))
    }

    fn default(&self, name: &str) -> &'static str {
        let flag = self.command.all_flags().find(|flag| flag.name == name);
        debug_assert!(flag.is_some(), "{} has no --{name}", self.command.path);
        flag.map_or("", |flag| flag.default)
    }
}
