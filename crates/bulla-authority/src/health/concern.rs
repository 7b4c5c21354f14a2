//! Something that somebody ought to look at, although everything answers: what the
//! monitor found, what it cannot read, witnesses that do not cosign, logs that fell.
//!
//! A [`Concern`] says what is wrong and which command goes into it; unlike an
//! alarm it has no end that could be met. Of each kind only the first few are told
//! one by one, the others as a number: strangers can make findings, and what they
//! wrote does not steer a terminal. The kinds are few and fixed, since they label
//! metrics.

use jiff::Timestamp;
use serde::Serialize;
use std::fmt;

/// Concerns of one kind that are told one by one.
const SHOWN: usize = 20;
/// Characters of what one says.
const LENGTH: usize = 400;

/// What kind of thing it is, and of which part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A log whose sequencer fell lately.
    LogFallen,
    /// Something that the monitor found, and nobody acknowledged.
    MonitorFinding,
    /// Something that the monitor cannot read.
    MonitorUnread,
    /// A witness that does not cosign.
    WitnessFailing,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::LogFallen,
        Self::MonitorFinding,
        Self::MonitorUnread,
        Self::WitnessFailing,
    ];

    /// One fixed word.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogFallen => "log-fallen",
            Self::MonitorFinding => "monitor-finding",
            Self::MonitorUnread => "monitor-unread",
            Self::WitnessFailing => "witness-failing",
        }
    }
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Concern {
    /// What kind of thing, of which part.
    pub kind: Kind,
    /// What is wrong.
    pub what: String,
    /// Since when, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What to do: mostly a whole command line.
    pub mend: String,
}

impl Concern {
    /// One of `kind`; control characters and what is too long are taken out of `what`.
    pub fn new(kind: Kind, what: &str, since: Option<Timestamp>, mend: impl Into<String>) -> Self {
        Self {
            kind,
            what: plain(what),
            since,
            mend: mend.into(),
        }
    }
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.kind {
            Kind::LogFallen => "a log fell",
            Kind::MonitorFinding => "the monitor found",
            Kind::MonitorUnread => "the monitor cannot read",
            Kind::WitnessFailing => "a witness does not cosign",
        };
        write!(f, "{part}: {}", self.what)?;
        if let Some(since) = self.since {
            write!(f, ", since {}", since.strftime("%Y-%m-%d %H:%M UTC"))?;
        }
        write!(f, ": {}", self.mend)
    }
}

/// What there is to look at, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concerns {
    shown: Vec<Concern>,
    counts: [usize; Kind::ALL.len()],
}

impl Concerns {
    /// Adds one; it is shown unless there are many of its kind already.
    pub fn add(&mut self, concern: Concern) {
        let count = &mut self.counts[concern.kind as usize];
        *count += 1;
        if *count <= SHOWN {
            self.shown.push(concern);
        }
    }

    /// Those that are told one by one.
    pub fn shown(&self) -> &[Concern] {
        &self.shown
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.counts.iter().sum()
    }

    /// How many there are of that kind.
    pub fn count_of(&self, kind: Kind) -> usize {
        self.counts[kind as usize]
    }

    /// How many are not shown.
    pub fn left_out(&self) -> usize {
        self.count() - self.shown.len()
    }

    /// Lines about what was not told when there was `before`.
    pub fn news(&self, before: &Self) -> Vec<String> {
        let new = |concern: &&Concern| !before.shown.contains(concern);
        let new = self.shown.iter().filter(new).map(Concern::to_string);
        let mut lines: Vec<_> = new.collect();
        let left_out = self.left_out();
        if left_out > before.left_out() {
            lines.push(format!(
                "{left_out} more like these: `bulla log findings` shows findings, the log of the process the rest"
            ));
        }
        lines
    }
}

/// `text` on one line, and not too long.
fn plain(text: &str) -> String {
    let mut chars = text.chars();
    let shown = chars.by_ref().take(LENGTH);
    let mut plain: String = shown
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if chars.next().is_some() {
        plain.push('…');
    }
    plain
}

/// `text` as one word of a command line.
pub(crate) fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+/=:._@%,-".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests;
