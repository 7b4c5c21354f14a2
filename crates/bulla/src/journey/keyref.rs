//! `--key REF`: a file, `env://VAR`, `pkcs11:…` or `NAME://…` of a
//! `sigstore-kms-NAME` plugin. Files and variables are opened here and now;
//! nothing is loaded or started for them.

use bulla_crypto::{PublicKey, Signer};
use bulla_net::kms::{self, Ask, Environment, PublicSource};
use std::sync::Arc;

use super::password;
use crate::{
    context::Context,
    failure::{Exit, Failure, OrFail},
};

/// The signer behind a reference.
///
/// # Errors
/// If it is no key, or cannot be opened.
pub fn signer(reference: &str, context: &Context) -> Result<Arc<dyn Signer>, Failure> {
    let mut trouble = None;
    let mut passwords = |ask: Ask<'_>| answer(&ask, context, &mut trouble);
    let opened = kms::open(reference, &Environment::process(), &mut passwords);
    match (trouble, opened) {
        (Some(failure), Err(_)) => Err(failure),
        (_, opened) => opened.or_could_not_run().map(Arc::from),
    }
}

/// The public key behind a reference: of a public or private key.
///
/// # Errors
/// If it is no key, or lies behind an address (verification makes no connection).
pub fn public(reference: &str, context: &Context) -> Result<PublicKey, Failure> {
    let mut trouble = None;
    let mut passwords = |ask: Ask<'_>| answer(&ask, context, &mut trouble);
    let opened = kms::open_public(reference, &Environment::process(), &mut passwords);
    match (trouble, opened) {
        (Some(failure), Err(_)) => Err(failure),
        (_, Ok(PublicSource::Fetch(url))) => Err(Failure::new(
            Exit::Usage,
            "CLI-0305",
            format!("--key {url}: a key behind an address is not fetched"),
        )
        .line("whoever answers there would decide whose signature counts")
        .hint("fetch it once, compare its fingerprint, and name the file: --key FILE")),
        (_, Ok(PublicSource::Key(key))) => Ok(key),
        (_, Err(error)) => Err(Failure::from_error(Exit::CouldNotRun, &error)),
    }
}

fn answer(
    ask: &Ask<'_>,
    context: &Context,
    trouble: &mut Option<Failure>,
) -> Option<bulla_crypto::key::file::Zeroizing<Vec<u8>>> {
    let found = match ask {
        Ask::KeyFile { name } => password::existing(context, name),
        Ask::Pin { token } => crate::terminal::ask_password(context, &format!("PIN of {token}: "))
            .map(|typed| typed.map(|text| text.into_bytes().into())),
    };
    found.unwrap_or_else(|failure| {
        *trouble = Some(failure);
        None
    })
}
