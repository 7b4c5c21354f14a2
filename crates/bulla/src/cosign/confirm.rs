//! Passwords and confirmations, asked as cosign asks them: from the environment,
//! at the terminal, else from what is piped in.

use bulla_core::limits;
use std::io::{self, BufRead as _, IsTerminal as _};
use zeroize::Zeroizing;

use super::{failure::Failure, given::Given, say, surroundings};

/// More than this is no password.
const BYTES: u64 = 64 << 10;

/// The password of a key file: `COSIGN_PASSWORD`, typed, or standard input. A
/// new one is typed twice.
///
/// # Errors
/// If none can be read.
pub fn password(given: &Given, is_new: bool) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if let Ok(password) = std::env::var("COSIGN_PASSWORD") {
        return Ok(Zeroizing::new(password.into_bytes()));
    }
    if !io::stdin().is_terminal() {
        let piped = limits::read_bounded(io::stdin().lock(), BYTES, "password");
        return piped
            .map(Zeroizing::new)
            .map_err(|error| Failure::from_error("getting password", &error));
    }
    let first = typed(given, "Enter password for private key: ")?;
    if is_new && typed(given, "Enter password for private key again: ")? != first {
        return Err(Failure::coded("CLI-0430", "passwords do not match"));
    }
    Ok(first)
}

/// The PIN of a token, typed at the terminal.
///
/// # Errors
/// If there is none, or nothing is typed.
pub fn pin(given: &Given) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::coded("CLI-0434", "no PIN was given")
            .hint("set COSIGN_PKCS11_PIN, or give --pin"));
    }
    typed(given, "Enter PIN for PKCS11 token: ")
}

fn typed(given: &Given, prompt: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let context = surroundings::context(given)?;
    let typed = crate::terminal::ask_password(&context, prompt)?;
    let typed = typed.ok_or_else(|| Failure::coded("CLI-0430", "no password was given"))?;
    Ok(Zeroizing::new(typed.into_bytes()))
}

/// Asks whether to go on; anything but yes ends the command. `--yes` answers.
///
/// # Errors
/// If the answer is no.
pub fn go_on(is_yes: bool, question: &str) -> Result<(), Failure> {
    say::warn(question);
    if is_yes {
        return Ok(());
    }
    say::part("Are you sure you would like to continue? [y/N] ");
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    match (read, answer.trim()) {
        (Ok(_), "y" | "Y" | "yes" | "YES" | "Yes") => Ok(()),
        _ => Err(Failure::coded("CLI-0431", "user declined the prompt")),
    }
}
