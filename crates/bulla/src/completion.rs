//! Completion scripts: what a shell offers after a word of the command line.
//!
//! A [`Tree`] is what a program takes: commands, flags, fixed values. One file for
//! each shell writes it as a script that holds everything, so that completing
//! starts no process of ours. bulla's own tree comes from clap, that of the cosign
//! face from its table.

mod bash;
mod fish;
mod own;
mod powershell;
mod zsh;

use clap::ValueEnum;

pub use own::own;

/// A shell that completes words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// The GNU shell.
    Bash,
    /// The friendly interactive shell.
    Fish,
    /// PowerShell, on any system.
    Powershell,
    /// The Z shell.
    Zsh,
}

/// What a program takes.
pub struct Tree {
    /// What it is called.
    pub program: String,
    /// It, and each command below it.
    pub nodes: Vec<Node>,
}

/// One command, or the program itself.
#[derive(Default)]
pub struct Node {
    /// Its words; none for the program itself.
    pub path: String,
    /// The commands directly below it.
    pub commands: Vec<Choice>,
    /// Its flags.
    pub flags: Vec<Flag>,
    /// What may stand where a file could, if only that may.
    pub values: Vec<String>,
}

/// A word that may stand there, and what it is for.
pub struct Choice {
    /// The word.
    pub word: String,
    /// What it is for, one line.
    pub about: String,
}

/// A flag.
pub struct Flag {
    /// Its long name, without dashes.
    pub long: String,
    /// Its letter.
    pub short: Option<char>,
    /// What it is for, one line.
    pub about: String,
    /// Whether a value follows.
    pub takes: bool,
    /// The values that it takes, if they are fixed.
    pub values: Vec<String>,
}

impl Shell {
    /// The script for this shell.
    pub fn script(self, tree: &Tree) -> String {
        match self {
            Self::Bash => bash::script(tree),
            Self::Fish => fish::script(tree),
            Self::Powershell => powershell::script(tree),
            Self::Zsh => zsh::script(tree),
        }
    }
}

impl Tree {
    /// Its name as part of a function's name.
    fn ident(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        self.program.chars().map(plain).collect()
    }

    /// For each path the words that `pick` finds; paths without any are left out.
    fn words<'a>(
        &'a self,
        pick: impl Fn(&'a Node) -> Vec<String>,
    ) -> impl Iterator<Item = (&'a str, Vec<String>)> {
        let each = self
            .nodes
            .iter()
            .map(move |node| (node.path.as_str(), pick(node)));
        each.filter(|(_, words)| !words.is_empty())
    }

    /// For each path the flags after which a value follows, as they are written.
    fn takers(&self) -> impl Iterator<Item = (&str, Vec<String>)> {
        self.words(|node| {
            let takers = node.flags.iter().filter(|flag| flag.takes);
            takers.flat_map(Flag::written).collect()
        })
    }

    /// Where values are fixed: path, flag (empty for an argument), values.
    fn fixed(&self) -> impl Iterator<Item = (&str, String, &[String])> {
        self.nodes.iter().flat_map(|node| {
            let path = node.path.as_str();
            let own = (!node.values.is_empty()).then(|| (path, String::new(), &node.values[..]));
            let flags = node.flags.iter().filter(|flag| !flag.values.is_empty());
            let flags = flags.flat_map(move |flag| {
                let written = flag.written().into_iter();
                written.map(move |name| (path, name, &flag.values[..]))
            });
            own.into_iter().chain(flags)
        })
    }
}

impl Flag {
    /// `--long`, and `-l` where it has a letter.
    fn written(&self) -> Vec<String> {
        let letter = self.short.map(|letter| format!("-{letter}"));
        std::iter::once(format!("--{}", self.long))
            .chain(letter)
            .collect()
    }
}

/// `text` in single quotes, where `quote` stands for one inside.
fn quoted(text: &str, quote: &str) -> String {
    format!("'{}'", text.replace('\'', quote))
}

#[cfg(test)]
mod tests;
