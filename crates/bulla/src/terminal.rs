//! Questions to the person at the terminal: an answer, or a password that is
//! not shown. Where nobody sits there, nothing is asked.

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal as _};

use crate::{
    context::Context,
    failure::{Exit, Failure},
};

/// The answer to `question`; `None` where nobody can be asked.
///
/// # Errors
/// If the terminal cannot be read.
pub fn ask(context: &Context, question: &str) -> Result<Option<String>, Failure> {
    if !somebody() {
        return Ok(None);
    }
    context.talk.ask(question);
    read_line().map(Some)
}

/// A password, typed without being shown; `None` where nobody can be asked.
///
/// # Errors
/// If the terminal cannot be read or silenced.
pub fn ask_password(context: &Context, question: &str) -> Result<Option<String>, Failure> {
    if !somebody() {
        return Ok(None);
    }
    let stdin = io::stdin();
    let shown = tcgetattr(&stdin).map_err(|cause| unusable(&cause.into()))?;
    let mut silent = shown.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ECHONL);
    tcsetattr(&stdin, OptionalActions::Flush, &silent).map_err(|cause| unusable(&cause.into()))?;
    context.talk.ask(question);
    let typed = read_line();
    // Whatever was typed, the terminal must show the next letters again.
    let _ = tcsetattr(&stdin, OptionalActions::Flush, &shown);
    typed.map(Some)
}

fn somebody() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

fn read_line() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin()
        .read_line(&mut line)
        .map_err(|cause| unusable(&cause))?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

fn unusable(cause: &io::Error) -> Failure {
    Failure::new(
        Exit::CouldNotRun,
        "CLI-0302",
        "the terminal cannot be asked",
    )
    .line(cause.to_string())
}
