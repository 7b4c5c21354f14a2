//! Keys on tokens: hardware modules, cards, SoftHSM, through PKCS #11.
//!
//! A `pkcs11:` URI (RFC 7512, [`KeyUri`]) names module, token and key. The
//! module is a library that is loaded into this process when the reference is
//! opened, never before, and only from an absolute path. ECDSA signs the hash of
//! its curve and RSA PKCS #1 v1.5 over SHA-256; each signature is checked by the
//! key's public half before it is handed out. Keys that want their PIN for each
//! signature (`CKA_ALWAYS_AUTHENTICATE`) are not supported.

use std::path::{Path, PathBuf};

use bulla_core::{Code, Diagnose};
use bulla_crypto::{KeyError, PublicKey, x509::X509Error};
use cryptoki::types::AuthPin;

use super::{Ask, Environment, Passwords};

mod key;
mod token;
mod uri;

pub use key::TokenKey;
pub use token::{Token, list_tokens};
pub use uri::{KeyUri, UriFlaw};

const MODULE: &str = "COSIGN_PKCS11_MODULE_PATH";
const PIN: &str = "COSIGN_PKCS11_PIN";

/// Opens the private key that a URI names. The PIN is that of the URI, of
/// `COSIGN_PKCS11_PIN`, or asked for if the token wants one.
///
/// # Errors
/// [`Pkcs11Error`].
pub fn open(
    reference: &str,
    environment: &Environment,
    passwords: &mut Passwords<'_>,
) -> Result<TokenKey, Pkcs11Error> {
    let uri: KeyUri = reference.parse()?;
    let token = token::open(&module(&uri, environment)?, &uri)?;
    let pin = known_pin(&uri, environment);
    token.log_in(pin, |label| {
        let pin = passwords(Ask::Pin(label))?;
        let text = std::str::from_utf8(&pin).ok()?;
        Some(AuthPin::from(text))
    })?;
    TokenKey::find(token, &uri)
}

/// The public half of the key that a URI names. No PIN is asked for; a known
/// one is used if the token shows nothing without it.
///
/// # Errors
/// [`Pkcs11Error`].
pub fn public(reference: &str, environment: &Environment) -> Result<PublicKey, Pkcs11Error> {
    let uri: KeyUri = reference.parse()?;
    let token = token::open(&module(&uri, environment)?, &uri)?;
    match (key::public(&token, &uri), known_pin(&uri, environment)) {
        (Err(Pkcs11Error::NoKey(_)), Some(pin)) => {
            token.log_in(Some(pin), |_| None)?;
            key::public(&token, &uri)
        }
        (found, _) => found,
    }
}

/// The certificate beside the key that a URI names, in DER, if there is one.
///
/// # Errors
/// [`Pkcs11Error`].
pub fn certificate(
    reference: &str,
    environment: &Environment,
) -> Result<Option<Vec<u8>>, Pkcs11Error> {
    let uri: KeyUri = reference.parse()?;
    let token = token::open(&module(&uri, environment)?, &uri)?;
    key::certificate(&token, &uri)
}

/// The private keys of a token, each as the URI that opens it.
///
/// # Errors
/// [`Pkcs11Error`].
pub fn list_keys(
    module: &Path,
    slot_id: u64,
    pin: Option<&str>,
) -> Result<Vec<KeyUri>, Pkcs11Error> {
    let token = KeyUri {
        slot_id: Some(slot_id),
        ..KeyUri::default()
    };
    let token = token::open(module, &token)?;
    token.log_in(pin.map(AuthPin::from), |_| None)?;
    key::list(&token, module)
}

fn known_pin(uri: &KeyUri, environment: &Environment) -> Option<AuthPin> {
    let pin = uri.pin.clone();
    pin.or_else(|| environment.text(PIN).map(AuthPin::from))
}

/// The library: the URI's, else the environment's.
fn module(uri: &KeyUri, environment: &Environment) -> Result<PathBuf, Pkcs11Error> {
    if let Some(path) = &uri.module_path {
        return Ok(path.clone());
    }
    if let Some(name) = &uri.module_name {
        return token::named_module(name).ok_or_else(|| Pkcs11Error::ModuleName(name.clone()));
    }
    let path = environment.get(MODULE).map(PathBuf::from);
    path.ok_or(Pkcs11Error::NoModule)
}

/// What can go wrong with a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Pkcs11Error {
    /// More than one token or key fits.
    #[error("more than one {0} fits the pkcs11: URI")]
    Ambiguous(&'static str),
    /// The certificate that stands for the public key cannot be read.
    #[error("the certificate on the token cannot be used: {0}")]
    Certificate(#[from] X509Error),
    /// The public key cannot be used.
    #[error("the key on the token cannot be used: {0}")]
    Key(#[from] KeyError),
    /// The key's kind does not sign here.
    #[error("keys for {0} do not sign through PKCS #11 here")]
    Kind(&'static str),
    /// The library cannot be loaded.
    #[error("{}: not a PKCS #11 module: {detail}", path.display())]
    Module {
        /// The library.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// No library of that name.
    #[error("there is no PKCS #11 module called {0:?} where modules are installed")]
    ModuleName(String),
    /// No such key.
    #[error("the token {0:?} has no key of that id or label")]
    NoKey(String),
    /// No library is named.
    #[error("no PKCS #11 module is named")]
    NoModule,
    /// A PIN is wanted.
    #[error("the token {0:?} wants a PIN, and none was given")]
    NoPin(String),
    /// No such token.
    #[error("no token fits the pkcs11: URI")]
    NoToken,
    /// The PIN is wrong, or the token is locked.
    #[error("the token {0:?} refused the PIN; after some failures it locks itself")]
    Pin(String),
    /// The wrong signature.
    #[error("the token gave a signature that its own public key does not verify")]
    Signature,
    /// The module failed.
    #[error("the PKCS #11 module failed: {0}")]
    Token(#[from] cryptoki::error::Error),
    /// Not a URI of RFC 7512.
    #[error("not a pkcs11: URI of a key: {0}")]
    Uri(#[from] UriFlaw),
}

impl Diagnose for Pkcs11Error {
    fn code(&self) -> Code {
        match self {
            Self::Ambiguous(_) => Code("NET-0330"),
            Self::Certificate(_) => Code("NET-0331"),
            Self::Key(_) => Code("NET-0332"),
            Self::Kind(_) => Code("NET-0333"),
            Self::Module { .. } => Code("NET-0334"),
            Self::ModuleName(_) => Code("NET-0335"),
            Self::NoKey(_) => Code("NET-0336"),
            Self::NoModule => Code("NET-0337"),
            Self::NoPin(_) => Code("NET-0338"),
            Self::NoToken => Code("NET-0339"),
            Self::Pin(_) => Code("NET-0340"),
            Self::Signature => Code("NET-0341"),
            Self::Token(_) => Code("NET-0342"),
            Self::Uri(_) => Code("NET-0343"),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Module { .. } | Self::ModuleName(_) | Self::NoModule => {
                "name the module's absolute path: pkcs11:…?module-path=/… or in \
                 COSIGN_PKCS11_MODULE_PATH"
            }
            Self::NoPin(_) | Self::Pin(_) => {
                "give the PIN in COSIGN_PKCS11_PIN, at the prompt, or as pin-value in the URI"
            }
            Self::NoToken => "list the tokens with `bulla cosign pkcs11-tool list-tokens`",
            _ => "list the keys with `bulla cosign pkcs11-tool list-keys-uris`",
        };
        Some(hint.into())
    }
}
