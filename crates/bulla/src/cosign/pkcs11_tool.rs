//! `cosign pkcs11-tool`: the tokens of a module, and the keys of a token.
//!
//! Unlike cosign it never prints the PIN: a URI that is listed here ends up in
//! scripts and logs, so `COSIGN_PKCS11_PIN` has to say it where the key is used.

use bulla_net::kms::pkcs11::{self, KeyUri, Pkcs11Error};
use std::{fmt::Write as _, path::PathBuf};
use zeroize::Zeroizing;

use super::{confirm, failure::Failure, given::Given, info, say};

/// Runs `list-tokens`.
///
/// # Errors
/// If the module cannot be used.
pub fn list_tokens(given: &Given) -> Result<(), Failure> {
    let module = module(given)?;
    let tokens = pkcs11::list_tokens(&module).map_err(failed)?;
    let mut out = format!("\nListing tokens of PKCS11 module '{}'\n", module.display());
    for token in tokens {
        let _ = writeln!(out, "Token in slot {}", token.slot_id);
        for (name, value) in [
            ("Label", &token.label),
            ("Manufacturer", &token.manufacturer),
            ("Model", &token.model),
            ("S/N", &token.serial),
        ] {
            let _ = writeln!(out, "\t{name}: {}", printable(value));
        }
        out.push('\n');
    }
    say::data(given, out.as_bytes())
}

/// Runs `list-keys-uris`.
///
/// # Errors
/// If the token cannot be opened.
pub fn list_keys(given: &Given) -> Result<(), Failure> {
    let module = module(given)?;
    let slot = given.number("slot-id");
    let known = info::value("COSIGN_PKCS11_PIN");
    let known = Zeroizing::new(given.text("pin").map_or(known, str::to_owned));
    let pin = (!known.is_empty()).then_some(known.as_str());
    let keys = match pkcs11::list_keys(&module, slot, pin) {
        Err(Pkcs11Error::NoPin(_)) => {
            let typed = confirm::pin(given)?;
            let pin = std::str::from_utf8(&typed)
                .map_err(|_| Failure::coded("CLI-0434", "the PIN is no UTF-8"))?;
            pkcs11::list_keys(&module, slot, Some(pin))
        }
        listed => listed,
    };
    // What has neither label nor id cannot be named by a URI.
    let mut keys = keys.map_err(failed)?;
    keys.retain(|key| key.object.is_some() || key.id.is_some());
    let mut out = format!(
        "\nListing URIs of keys in slot '{slot}' of PKCS11 module '{}'\n",
        module.display()
    );
    for (at, key) in keys.iter().enumerate() {
        let _ = writeln!(out, "Object {at}");
        object(&mut out, key);
    }
    say::data(given, out.as_bytes())
}

fn object(out: &mut String, key: &KeyUri) {
    if let Some(label) = &key.object {
        let _ = writeln!(out, "\tLabel: {}", printable(label));
    }
    if let Some(id) = &key.id {
        let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = writeln!(out, "\tID: {hex}");
    }
    let _ = writeln!(out, "\tURI: {key}");
}

fn module(given: &Given) -> Result<PathBuf, Failure> {
    let known = info::value("COSIGN_PKCS11_MODULE_PATH");
    let path = given.text("module-path").unwrap_or(&known);
    if path.is_empty() {
        return Err(
            Failure::coded("CLI-0487", "no PKCS#11 module is named").hint(
                "name its absolute path: --module-path /usr/lib/softhsm/libsofthsm2.so, or COSIGN_PKCS11_MODULE_PATH",
            ),
        );
    }
    Ok(path.into())
}

fn failed(error: Pkcs11Error) -> Failure {
    Failure::from_error("", &error)
}

/// What a token says of itself, without what a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
