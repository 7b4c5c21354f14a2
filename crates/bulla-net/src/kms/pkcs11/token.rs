//! Modules and tokens: loading a library once, finding the one token that a
//! URI means, and logging in to it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    session::{Session, UserType},
    slot::{Slot, TokenInfo},
    types::AuthPin,
};

use super::{KeyUri, Pkcs11Error};

/// Where distributions keep modules, for `module-name`.
const FOLDERS: [&str; 9] = [
    "/usr/lib/pkcs11",
    "/usr/lib64/pkcs11",
    "/usr/lib/x86_64-linux-gnu/pkcs11",
    "/usr/lib/aarch64-linux-gnu/pkcs11",
    "/usr/lib/softhsm",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/local/lib",
    "/opt/homebrew/lib",
];
/// Slots of one module that are looked at.
const MAX_SLOTS: usize = 256;

/// A module may be initialized once in a process, so each is kept.
static LOADED: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

/// A token that a module knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The slot it is in.
    pub slot_id: u64,
    /// Its label.
    pub label: String,
    /// Its manufacturer.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
}

/// The initialized tokens of a module.
///
/// # Errors
/// [`Pkcs11Error::Module`] or [`Pkcs11Error::Token`].
pub fn list_tokens(module: &Path) -> Result<Vec<Token>, Pkcs11Error> {
    let context = load(module)?;
    let mut tokens = Vec::new();
    for slot in slots(&context)? {
        let info = context.get_token_info(slot)?;
        if info.token_initialized() {
            tokens.push(Token::new(slot, &info));
        }
    }
    Ok(tokens)
}

impl Token {
    fn new(slot: Slot, info: &TokenInfo) -> Self {
        Self {
            slot_id: slot.id(),
            label: info.label().trim().to_owned(),
            manufacturer: info.manufacturer_id().trim().to_owned(),
            model: info.model().trim().to_owned(),
            serial: info.serial_number().trim().to_owned(),
        }
    }

    fn fits(&self, uri: &KeyUri) -> bool {
        let text = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|w| w == is);
        uri.slot_id.is_none_or(|slot| slot == self.slot_id)
            && text(&uri.token, &self.label)
            && text(&uri.manufacturer, &self.manufacturer)
            && text(&uri.model, &self.model)
            && text(&uri.serial, &self.serial)
    }
}

/// A session with one token.
pub(super) struct OpenToken {
    pub(super) token: Token,
    pub(super) session: Session,
    info: TokenInfo,
}

/// Opens the one token that fits.
pub(super) fn open(module: &Path, uri: &KeyUri) -> Result<OpenToken, Pkcs11Error> {
    let context = load(module)?;
    let mut found = Vec::new();
    for slot in slots(&context)? {
        let info = context.get_token_info(slot)?;
        let token = Token::new(slot, &info);
        if info.token_initialized() && token.fits(uri) {
            found.push((slot, info, token));
        }
    }
    let Some((slot, info, token)) = found.pop() else {
        return Err(Pkcs11Error::NoToken);
    };
    if !found.is_empty() {
        return Err(Pkcs11Error::Ambiguous("token"));
    }
    Ok(OpenToken {
        token,
        session: context.open_ro_session(slot)?,
        info,
    })
}

impl OpenToken {
    /// Logs in, if the token wants it; `ask` is called if no PIN is known.
    pub(super) fn log_in(
        &self,
        pin: Option<AuthPin>,
        ask: impl FnOnce(&str) -> Option<AuthPin>,
    ) -> Result<(), Pkcs11Error> {
        let label = &self.token.label;
        if !self.info.login_required() {
            return Ok(());
        }
        let own_pad = self.info.protected_authentication_path();
        let pin = pin.or_else(|| if own_pad { None } else { ask(label) });
        if pin.is_none() && !own_pad {
            return Err(Pkcs11Error::NoPin(label.clone()));
        }
        match self.session.login(UserType::User, pin.as_ref()) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(Error::Pkcs11(
                RvError::PinIncorrect
                | RvError::PinInvalid
                | RvError::PinLenRange
                | RvError::PinLocked
                | RvError::PinExpired,
                _,
            )) => Err(Pkcs11Error::Pin(label.clone())),
            Err(error) => Err(error.into()),
        }
    }
}

/// The library that `module-name` means.
pub(super) fn named_module(name: &str) -> Option<PathBuf> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        return None;
    }
    let suffix = std::env::consts::DLL_SUFFIX;
    let files = [format!("lib{name}{suffix}"), format!("{name}{suffix}")];
    FOLDERS
        .iter()
        .flat_map(|folder| files.iter().map(|file| Path::new(folder).join(file)))
        .find(|path| path.is_file())
}

fn load(module: &Path) -> Result<Pkcs11, Pkcs11Error> {
    let refused = |detail: String| Pkcs11Error::Module {
        path: module.to_path_buf(),
        detail,
    };
    // A bare name would be looked up along the loader's path.
    if !module.is_absolute() {
        return Err(refused("its path is not absolute".into()));
    }
    let path = module.canonicalize().map_err(|e| refused(e.to_string()))?;
    if !path.is_file() {
        return Err(refused("it is not a file".into()));
    }
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(context) = loaded.get(&path) {
        return Ok(context.clone());
    }
    let context = Pkcs11::new(&path).map_err(|e| refused(e.to_string()))?;
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(refused(error.to_string())),
    }
    loaded.insert(path, context.clone());
    Ok(context)
}

fn slots(context: &Pkcs11) -> Result<impl Iterator<Item = Slot>, Pkcs11Error> {
    Ok(context.get_slots_with_token()?.into_iter().take(MAX_SLOTS))
}
