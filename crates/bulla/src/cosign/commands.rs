//! The commands of cosign's command line: one row each.
//!
//! The rows are in [`super::table`]. A row joins groups of [`super::flags`] with the command's own flags and the
//! function that runs it. A command that bulla does not offer is a row too: it
//! is refused by name, with what to use instead.

use super::{failure::Failure, flag::Flag, given::Given};

pub use super::table::COMMANDS;

/// One command.
pub struct Command {
    /// Its words, as in `bundle create`.
    pub path: &'static str,
    /// What it does.
    pub about: &'static str,
    /// What follows its flags.
    pub usage: &'static str,
    /// How many arguments it takes.
    pub takes: Takes,
    /// Its flags, in groups.
    pub flags: &'static [&'static [Flag]],
    /// Where cosign deprecates it: what to use instead.
    pub old: Option<&'static str>,
    /// What it does, or what to use instead.
    pub run: Run,
}

/// How many arguments a command takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Any number.
    Any,
    /// At least so many.
    AtLeast(usize),
    /// At most so many.
    AtMost(usize),
    /// Exactly so many.
    Exactly(usize),
}

/// How a command is run.
#[derive(Clone, Copy)]
pub enum Run {
    /// By this function.
    With(fn(&Given) -> Result<(), Failure>),
    /// Not here; what to use instead.
    Not(&'static str),
    /// It only has commands below it.
    Parent,
}

impl Command {
    /// A command that only has commands below it, until more is said.
    pub const fn new(path: &'static str, about: &'static str, usage: &'static str) -> Self {
        Self {
            path,
            about,
            usage,
            takes: Takes::Any,
            flags: &[],
            old: None,
            run: Run::Parent,
        }
    }

    /// How many arguments it takes.
    pub const fn takes(mut self, takes: Takes) -> Self {
        self.takes = takes;
        self
    }

    /// Its flags.
    pub const fn flags(mut self, flags: &'static [&'static [Flag]]) -> Self {
        self.flags = flags;
        self
    }

    /// What runs it.
    pub const fn runs(mut self, run: fn(&Given) -> Result<(), Failure>) -> Self {
        self.run = Run::With(run);
        self
    }

    /// Deprecated by cosign, in favour of what is named.
    pub const fn old(mut self, instead: &'static str) -> Self {
        self.old = Some(instead);
        self
    }

    /// Not offered; what to use instead.
    pub const fn not(mut self, instead: &'static str) -> Self {
        self.run = Run::Not(instead);
        self
    }

    /// The flag of that name; cosign's short forms of `--certificate…` count.
    pub fn flag(&self, name: &str) -> Option<&'static Flag> {
        let name = full_name(name);
        self.all_flags().find(|flag| flag.name == name)
    }

    /// The flag of that letter.
    pub fn letter(&self, letter: char) -> Option<&'static Flag> {
        self.all_flags().find(|flag| flag.short == Some(letter))
    }

    /// Its flags and the global ones.
    pub fn all_flags(&self) -> impl Iterator<Item = &'static Flag> {
        self.flags
            .iter()
            .chain(std::iter::once(&super::flags::GLOBAL))
            .flat_map(|group| group.iter())
    }

    /// The commands directly below it.
    pub fn children(&self) -> impl Iterator<Item = &'static Command> {
        let above = self.path;
        COMMANDS.iter().filter(move |command| {
            let (parent, _) = command.path.rsplit_once(' ').unwrap_or_default();
            parent == above && !command.path.is_empty()
        })
    }

    /// Its last word.
    pub fn name(&self) -> &'static str {
        self.path
            .rsplit_once(' ')
            .map_or(self.path, |(_, name)| name)
    }
}

fn full_name(name: &str) -> &str {
    match name {
        "cert" => "certificate",
        "cert-chain" => "certificate-chain",
        "cert-email" => "certificate-email",
        "cert-identity" => "certificate-identity",
        "cert-oidc-issuer" => "certificate-oidc-issuer",
        "output-cert" => "output-certificate",
        name => name,
    }
}

/// The row of that path.
pub fn find(path: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.path == path)
}
