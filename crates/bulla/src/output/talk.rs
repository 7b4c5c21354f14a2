//! What a person reads on stderr while a command works: one line per stage, in
//! place on a terminal, one plain line each elsewhere. Nothing depends on
//! colour: a glyph and a word stand beside it.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use crate::cli::{Color, Global};

/// How a stage ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// As it should.
    Ok,
    /// With something to read.
    Warn,
    /// It failed or was denied.
    Failed,
    /// Not done, and why.
    Skipped,
}

impl Mark {
    /// The glyph.
    pub fn glyph(self) -> char {
        match self {
            Self::Ok => '✓',
            Self::Warn => '!',
            Self::Failed => '✗',
            Self::Skipped => '·',
        }
    }

    fn ansi(self) -> &'static str {
        match self {
            Self::Ok => "32",
            Self::Warn => "33",
            Self::Failed => "31",
            Self::Skipped => "2",
        }
    }
}

/// Talks to the person.
#[derive(Clone, Debug)]
pub struct Talk {
    quiet: bool,
    color: bool,
    live: bool,
}

impl Talk {
    /// As the global options and the terminal say.
    pub fn new(global: &Global) -> Self {
        let terminal = io::stderr().is_terminal();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let color = match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                terminal && !dumb && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
            }
        };
        let live = terminal && !dumb && std::env::var_os("CI").is_none() && !global.quiet;
        Self {
            quiet: global.quiet,
            color,
            live,
        }
    }

    /// One line, unless quiet.
    pub fn say(&self, line: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    /// One line, even when quiet: what went wrong.
    pub fn alarm(&self, line: &str) {
        let _ = writeln!(io::stderr(), "{line}");
    }

    /// A question, even when quiet; the answer is typed behind it.
    pub fn ask(&self, question: &str) {
        let mut stderr = io::stderr();
        let _ = write!(stderr, "{question}").and_then(|()| stderr.flush());
    }

    /// Something to read, not a failure.
    pub fn warn(&self, text: &str) {
        self.say(&format!(" {} {text}", self.paint("!", Mark::Warn)));
    }

    /// `text` in the colour of `mark`, where colour is wanted.
    pub fn paint(&self, text: &str, mark: Mark) -> String {
        if self.color {
            format!("\x1b[{}m{text}\x1b[0m", mark.ansi())
        } else {
            text.to_owned()
        }
    }

    /// Begins a stage.
    pub fn stage(&self, name: &'static str) -> StageLine {
        let bar = ProgressBar::with_draw_target(
            None,
            if self.live {
                ProgressDrawTarget::stderr()
            } else {
                ProgressDrawTarget::hidden()
            },
        );
        if let Ok(style) = ProgressStyle::with_template(" {prefix:<10} {spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(name);
        bar.enable_steady_tick(Duration::from_millis(120));
        StageLine {
            talk: self.clone(),
            name,
            bar,
            began: Instant::now(),
        }
    }
}

/// The line of one stage.
pub struct StageLine {
    talk: Talk,
    name: &'static str,
    bar: ProgressBar,
    began: Instant,
}

impl StageLine {
    /// What it does now.
    pub fn now(&self, text: impl Into<String>) {
        self.bar.set_message(text.into());
    }

    /// How far it is, of a length that is known.
    pub fn progress(&self, done: u64, of: u64, text: impl Into<String>) {
        if self.bar.length() != Some(of) {
            self.bar.set_length(of);
            let template = " {prefix:<10} {spinner} [{bar:24}] {pos}/{len} {wide_msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                self.bar.set_style(style.progress_chars("=> "));
            }
        }
        self.bar.set_position(done);
        self.bar.set_message(text.into());
    }

    /// Ends it; returns the seconds it took.
    pub fn end(self, mark: Mark, text: &str) -> f64 {
        self.bar.finish_and_clear();
        let seconds = self.began.elapsed().as_secs_f64();
        let glyph = self.talk.paint(&mark.glyph().to_string(), mark);
        let left = format!(" {:<10} {glyph} {text}", self.name);
        let width = format!(" {:<10} {} {text}", self.name, mark.glyph())
            .chars()
            .count();
        let pad = " ".repeat(86usize.saturating_sub(width).max(1));
        self.talk.say(&format!("{left}{pad}{seconds:.1} s"));
        seconds
    }

    /// Ends it as a failure that is told even when quiet; the text may have lines.
    pub fn deny(self, text: &str) {
        self.fail(text);
    }

    /// As [`Self::deny`], where the line is still borrowed.
    pub fn fail(&self, text: &str) {
        self.bar.finish_and_clear();
        let text = text.trim_start_matches("✗ ");
        let glyph = self.talk.paint("✗", Mark::Failed);
        let mut lines = text.lines();
        self.talk.alarm(&format!(
            " {:<10} {glyph} {}",
            self.name,
            lines.next().unwrap_or_default()
        ));
        for line in lines {
            self.talk.alarm(&format!("            {line}"));
        }
    }
}
