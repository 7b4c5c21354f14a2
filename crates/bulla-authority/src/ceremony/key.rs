//! The keys of people: encrypted with age, or in a token; and their public halves.
//!
//! A key file is the PKCS #8 form encrypted by age v1 (X25519 recipients or a
//! passphrase), so that any age program opens it after us. Beside it lies the
//! public half, which is what everybody else needs.

use age::{Decryptor, Encryptor, secrecy::SecretString};
use bulla_core::limits;
use bulla_crypto::{PublicKey, SigningKey};
use serde::{Deserialize, Serialize};
use std::{
    io::{Read as _, Write as _},
    path::Path,
};
use zeroize::Zeroizing;

use super::{CeremonyError, VERSION, export};

/// Largest key file, in bytes.
const KEY_BYTES: u64 = 64 << 10;

/// What protects a key file.
pub enum Protection {
    /// Whoever has one of these identities.
    Recipients(Vec<String>),
    /// Whoever knows it.
    Passphrase(Zeroizing<String>),
}

/// Where a private key is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyPlace {
    /// In an age file that its owner keeps.
    File,
    /// In a token (RFC 7512).
    Token(String),
}

/// The public half of somebody's key: `keys/NAME.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PublicKeyFile {
    /// 1.
    pub version: u32,
    /// Whose.
    pub name: String,
    /// PEM.
    pub public_key: String,
    /// Where the private half is.
    pub place: KeyPlace,
}

impl PublicKeyFile {
    /// For that key.
    pub fn new(name: &str, key: &PublicKey, place: KeyPlace) -> Self {
        Self {
            version: VERSION,
            name: name.into(),
            public_key: key.to_pem(),
            place,
        }
    }

    /// Reads one, which must be of that name.
    ///
    /// # Errors
    /// [`CeremonyError::Malformed`].
    pub fn parse(path: &Path, bytes: &[u8], name: &str) -> Result<Self, CeremonyError> {
        let file: Self = limits::parse_json(bytes, KEY_BYTES, "public key")
            .map_err(CeremonyError::limit(path))?;
        if file.version != VERSION || file.name != name {
            return Err(CeremonyError::malformed(
                path,
                format!("it is not the key of {name}"),
            ));
        }
        file.key()?;
        Ok(file)
    }

    /// The key.
    ///
    /// # Errors
    /// [`CeremonyError::Key`].
    pub fn key(&self) -> Result<PublicKey, CeremonyError> {
        export::key(&self.public_key)
    }
}

/// Encrypts a key.
///
/// # Errors
/// [`CeremonyError::Recipient`], or if age fails.
pub fn seal(key: &SigningKey, protection: &Protection) -> Result<Vec<u8>, CeremonyError> {
    let failed = |why: String| CeremonyError::malformed("the key file", why);
    let encryptor = match protection {
        Protection::Passphrase(text) => {
            Encryptor::with_user_passphrase(SecretString::from(text.to_string()))
        }
        Protection::Recipients(texts) => {
            let recipients: Vec<age::x25519::Recipient> = texts
                .iter()
                .map(|text| recipient(text))
                .collect::<Result<_, _>>()?;
            let recipients = recipients
                .iter()
                .map(|recipient| recipient as &dyn age::Recipient);
            Encryptor::with_recipients(recipients).map_err(|error| failed(error.to_string()))?
        }
    };
    let mut sealed = Vec::new();
    let write = |sealed: &mut Vec<u8>| {
        let mut writer = encryptor.wrap_output(sealed)?;
        writer.write_all(Zeroizing::new(key.to_pkcs8_pem()).as_bytes())?;
        writer.finish().map(drop)
    };
    write(&mut sealed).map_err(|error| failed(error.to_string()))?;
    Ok(sealed)
}

/// Decrypts what [`seal`] made, with whatever of the two opens it.
///
/// # Errors
/// [`CeremonyError::Age`].
pub fn unseal(
    path: &Path,
    sealed: &[u8],
    identities: &[Zeroizing<String>],
    passphrase: Option<&Zeroizing<String>>,
) -> Result<SigningKey, CeremonyError> {
    let refused = |why: String| CeremonyError::Age {
        path: path.into(),
        why,
    };
    if sealed.len() as u64 > KEY_BYTES {
        return Err(refused("it is larger than any key".into()));
    }
    let decryptor = Decryptor::new(sealed).map_err(|error| refused(error.to_string()))?;
    let mut known: Vec<Box<dyn age::Identity>> = Vec::new();
    if decryptor.is_scrypt() {
        let text = passphrase.ok_or_else(|| refused("it needs its passphrase".into()))?;
        let text = SecretString::from(text.to_string());
        known.push(Box::new(age::scrypt::Identity::new(text)));
    } else {
        for text in identities {
            known.push(Box::new(identity(text)?));
        }
    }
    let reader = decryptor.decrypt(known.iter().map(|identity| &**identity));
    let reader = reader.map_err(|error| refused(error.to_string()))?;
    let mut pem = Zeroizing::new(String::new());
    reader
        .take(KEY_BYTES)
        .read_to_string(&mut pem)
        .map_err(|error| refused(error.to_string()))?;
    Ok(SigningKey::from_pkcs8_pem(&pem)?)
}

/// Whether a key file needs a passphrase, and no identity.
///
/// # Errors
/// [`CeremonyError::Age`] if it is no age file.
pub fn needs_passphrase(path: &Path, sealed: &[u8]) -> Result<bool, CeremonyError> {
    let decryptor = Decryptor::new(sealed).map_err(|error| CeremonyError::Age {
        path: path.into(),
        why: error.to_string(),
    })?;
    Ok(decryptor.is_scrypt())
}

/// Whether this can be a recipient.
///
/// # Errors
/// [`CeremonyError::Recipient`].
pub fn recipient(text: &str) -> Result<age::x25519::Recipient, CeremonyError> {
    text.trim().parse().map_err(|_| CeremonyError::Recipient {
        what: "recipient",
        text: text.into(),
    })
}

fn identity(text: &str) -> Result<age::x25519::Identity, CeremonyError> {
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'));
    line.unwrap_or_default()
        .parse()
        .map_err(|_| CeremonyError::Recipient {
            what: "identity",
            // The text may be a secret.
            text: "(not shown)".into(),
        })
}
