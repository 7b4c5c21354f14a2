//! Where the password of a key file comes from: `BULLA_PASSWORD`, then
//! `COSIGN_PASSWORD`, then the person at the terminal. An empty one is a
//! password like any other, as key files of cosign may have it.

use zeroize::Zeroizing;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    terminal,
};

/// The password that opens `what`; `None` where there is none to be had.
///
/// # Errors
/// If the terminal cannot be asked.
pub fn existing(context: &Context, what: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    if let Some(given) = from_environment() {
        return Ok(Some(given));
    }
    let typed = terminal::ask_password(context, &format!("password of {what}: "))?;
    Ok(typed.map(|text| Zeroizing::new(text.into_bytes())))
}

/// A password for a new key file; typed twice where it is typed.
///
/// # Errors
/// If there is none to be had, or both differ.
pub fn new(context: &Context, what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if let Some(given) = from_environment() {
        return Ok(given);
    }
    let first = terminal::ask_password(context, &format!("password for {what}: "))?;
    let Some(first) = first.map(Zeroizing::new) else {
        return Err(
            Failure::new(Exit::Usage, "CLI-0303", format!("no password for {what}"))
                .line("nobody is at the terminal, and BULLA_PASSWORD is not set")
                .hint("set BULLA_PASSWORD; an empty one leaves the key in the open"),
        );
    };
    let second = terminal::ask_password(context, "once more: ")?.map(Zeroizing::new);
    if second.as_ref() != Some(&first) {
        return Err(Failure::new(
            Exit::Usage,
            "CLI-0304",
            "the two passwords differ",
        ));
    }
    Ok(Zeroizing::new(first.as_bytes().to_vec()))
}

fn from_environment() -> Option<Zeroizing<Vec<u8>>> {
    std::env::var("BULLA_PASSWORD")
        .or_else(|_| std::env::var("COSIGN_PASSWORD"))
        .ok()
        .map(|text| Zeroizing::new(text.into_bytes()))
}
