//! `--key REF`: a file, `env://VAR`, `pkcs11:…`, `NAME://…` of a
//! `sigstore-kms-NAME` plugin, and for signing `k8s://…` or `gitlab://…`, which are
//! fetched. Files and variables are opened here and now; nothing is loaded or
//! started for them.

use bulla_crypto::{PublicKey, Scheme, Signer};
use bulla_net::kms::{self, Ask, Environment, PublicSource, stored::Stored};
use std::sync::Arc;
use zeroize::Zeroizing;

use super::password;
use crate::{
    context::Context,
    failure::{Exit, Failure, OrFail},
    terminal,
};

/// The signer behind a reference. Ed25519 in a file signs as `ed25519` says: a
/// log takes digests, which the pure kind cannot be checked from.
///
/// # Errors
/// If it is no key, or cannot be opened.
pub fn signer(
    reference: &str,
    ed25519: Scheme,
    context: &Context,
) -> Result<Arc<dyn Signer>, Failure> {
    let environment = Environment::process();
    if let Some(stored) = Stored::parse(reference).or_usage()? {
        if context.global.offline {
            return Err(Failure::new(
                Exit::Usage,
                "CLI-0546",
                format!("--key {reference}: it is fetched, and --offline forbids that"),
            ));
        }
        let opened = stored.signer(ed25519, &environment);
        return opened.or_could_not_run().map(Arc::from);
    }
    let mut trouble = None;
    let mut passwords = |ask: Ask<'_>| {
        answer(ask, context).unwrap_or_else(|failure| {
            trouble = Some(failure);
            None
        })
    };
    let opened = kms::open(reference, ed25519, &environment, &mut passwords);
    match (trouble, opened) {
        (Some(failure), Err(_)) => Err(failure),
        (_, opened) => opened.or_could_not_run().map(Arc::from),
    }
}

/// The public key behind a reference.
///
/// # Errors
/// If it is none, or lies behind an address (verification makes no connection).
pub fn public(reference: &str) -> Result<PublicKey, Failure> {
    match kms::open_public(reference, &Environment::process()).or_could_not_run()? {
        PublicSource::Key(key) => Ok(key),
        PublicSource::Fetch(url) => Err(Failure::new(
            Exit::Usage,
            "CLI-0305",
            format!("--key {url}: a key behind an address is not fetched"),
        )
        .line("whoever answers there would decide whose signature counts")
        .hint("fetch it once, compare its fingerprint, and name the file: --key FILE")),
    }
}

fn answer(ask: Ask<'_>, context: &Context) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    match ask {
        Ask::KeyFile(name) => password::existing(context, name),
        Ask::Pin(token) => {
            let typed = terminal::ask_password(context, &format!("PIN of {token}: "))?;
            Ok(typed.map(|text| Zeroizing::new(text.into_bytes())))
        }
    }
}
