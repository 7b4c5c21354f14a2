//! Key files: what is in one, by its PEM label or, for DER, by its structure.
//!
//! Private keys are read from cosign's encrypted format (`file/cosign.rs`), PKCS#8,
//! SEC 1 (`EC PRIVATE KEY`) and PKCS #1 (`RSA PRIVATE KEY`), public ones from
//! SubjectPublicKeyInfo and PKCS #1. Written is only cosign's format. The bytes
//! are the caller's to read and write; a password is asked for by the caller,
//! after [`PrivateKeyFile::needs_password`].

use bulla_core::{Code, Diagnose};
use zeroize::Zeroizing;

use super::{KeyError, PublicKey, SigningKey, pem};

mod cosign;

pub use cosign::{EncryptedKey, write as write_cosign};

/// Bytes of a key file that are read.
pub const MAX_BYTES: usize = 64 << 10;

/// The format of a private key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// cosign's encrypted key, under its present or its old label.
    Cosign,
    /// PKCS #1 `RSAPrivateKey`.
    Pkcs1,
    /// PKCS#8, unencrypted.
    Pkcs8,
    /// SEC 1 `ECPrivateKey`.
    Sec1,
}

/// A private key file whose outer form has been read.
pub enum PrivateKeyFile {
    /// It holds the key as it is.
    Plain(Format, SigningKey),
    /// A password opens it.
    Encrypted(EncryptedKey),
}

impl PrivateKeyFile {
    /// Reads the first private key of a file, in PEM or DER.
    ///
    /// # Errors
    /// [`KeyFileError`], each with what to do next.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyFileError> {
        let Some(blocks) = blocks(bytes)? else {
            return from_der(bytes);
        };
        let found = |block: &&pem::Block| block.label.ends_with("PRIVATE KEY");
        let Some(block) = blocks.iter().find(found) else {
            return Err(match blocks.first() {
                Some(block) if block.label.ends_with("PUBLIC KEY") => KeyFileError::PublicHalf,
                Some(block) => KeyFileError::label(&block.label),
                None => KeyFileError::NoKey,
            });
        };
        let plain = |format, key: Result<_, KeyError>| Ok(Self::Plain(format, key?));
        match block.label.as_str() {
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                EncryptedKey::parse(&block.body).map(Self::Encrypted)
            }
            "PRIVATE KEY" => plain(Format::Pkcs8, SigningKey::from_pkcs8_der(&block.body)),
            "EC PRIVATE KEY" => plain(Format::Sec1, SigningKey::from_sec1_der(&block.body)),
            "RSA PRIVATE KEY" => plain(Format::Pkcs1, SigningKey::from_pkcs1_der(&block.body)),
            "ENCRYPTED PRIVATE KEY" => Err(KeyFileError::OtherEncryption),
            label => Err(KeyFileError::label(label)),
        }
    }

    /// Its format.
    pub fn format(&self) -> Format {
        match self {
            Self::Plain(format, _) => *format,
            Self::Encrypted(_) => Format::Cosign,
        }
    }

    /// Whether [`Self::open`] needs a password. An empty one is a password.
    pub fn needs_password(&self) -> bool {
        matches!(self, Self::Encrypted(_))
    }

    /// The key; a plain file ignores the password.
    ///
    /// # Errors
    /// [`KeyFileError::Password`] if it is the wrong one.
    pub fn open(self, password: &[u8]) -> Result<SigningKey, KeyFileError> {
        match self {
            Self::Plain(_, key) => Ok(key),
            Self::Encrypted(key) => key.open(password),
        }
    }
}

impl std::fmt::Debug for PrivateKeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKeyFile({:?})", self.format())
    }
}

/// Reads a private key in one step.
///
/// # Errors
/// [`KeyFileError::PasswordNeeded`] if it is encrypted and no password is
/// given; otherwise as [`PrivateKeyFile::parse`] and [`PrivateKeyFile::open`].
pub fn read_private(bytes: &[u8], password: Option<&[u8]>) -> Result<SigningKey, KeyFileError> {
    let file = PrivateKeyFile::parse(bytes)?;
    match password {
        None if file.needs_password() => Err(KeyFileError::PasswordNeeded),
        password => file.open(password.unwrap_or_default()),
    }
}

/// Reads the first public key of a file, in PEM or DER.
///
/// # Errors
/// [`KeyFileError`]; a private key file is refused, though it holds the other
/// half: whoever verifies should not need it.
pub fn read_public(bytes: &[u8]) -> Result<PublicKey, KeyFileError> {
    let Some(blocks) = blocks(bytes)? else {
        let key = PublicKey::from_spki_der(bytes).or_else(|_| PublicKey::from_pkcs1_der(bytes));
        return key.map_err(|_| KeyFileError::NoKey);
    };
    let block = blocks.first().ok_or(KeyFileError::NoKey)?;
    match block.label.as_str() {
        "PUBLIC KEY" => Ok(PublicKey::from_spki_der(&block.body)?),
        "RSA PUBLIC KEY" => Ok(PublicKey::from_pkcs1_der(&block.body)?),
        label if label.ends_with("PRIVATE KEY") => Err(KeyFileError::PrivateHalf),
        label => Err(KeyFileError::label(label)),
    }
}

/// The PEM blocks of a file, or `None` if it is not PEM. `EC PARAMETERS`, which
/// OpenSSL writes before some keys, is passed over.
fn blocks(bytes: &[u8]) -> Result<Option<Vec<pem::Block>>, KeyFileError> {
    if bytes.len() > MAX_BYTES {
        return Err(KeyFileError::Size);
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Ok(None);
    };
    if !text.contains("-----BEGIN ") {
        return Ok(None);
    }
    let mut blocks = pem::blocks(text).map_err(|flaw| match flaw {
        pem::Flaw::Malformed => KeyFileError::NoKey,
        pem::Flaw::OldEncryption => KeyFileError::OtherEncryption,
    })?;
    blocks.retain(|block| block.label != "EC PARAMETERS");
    Ok(Some(blocks))
}

fn from_der(bytes: &[u8]) -> Result<PrivateKeyFile, KeyFileError> {
    type Reader = fn(&[u8]) -> Result<SigningKey, KeyError>;
    let readers: [(Format, Reader); 3] = [
        (Format::Pkcs8, SigningKey::from_pkcs8_der),
        (Format::Sec1, SigningKey::from_sec1_der),
        (Format::Pkcs1, SigningKey::from_pkcs1_der),
    ];
    readers
        .into_iter()
        .find_map(|(format, read)| Some(PrivateKeyFile::Plain(format, read(bytes).ok()?)))
        .ok_or(KeyFileError::NoKey)
}

/// What can go wrong with a key file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The encrypted part names a cipher that is not cosign's.
    #[error("the key is encrypted with {0:?}, not with nacl/secretbox")]
    Cipher(String),
    /// The key inside is malformed or of an unsupported kind.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The encrypted part names a key derivation that is not cosign's.
    #[error("the key's password is stretched with {0:?}, not with scrypt")]
    Kdf(String),
    /// A PEM block that is no key.
    #[error("a PEM block {0:?} is not a key that can be read")]
    Label(String),
    /// The encrypted part is not cosign's JSON.
    #[error("the encrypted key is malformed")]
    Malformed,
    /// Neither PEM nor DER of any known kind.
    #[error("there is no key in this file: it is neither PEM nor DER of a supported kind")]
    NoKey,
    /// Encrypted, but not in cosign's format.
    #[error("the key is encrypted in OpenSSL's format, which is not read")]
    OtherEncryption,
    /// Too much work, or none at all.
    #[error("the key demands scrypt with N={n}, r={r}, p={p}, which is beyond what is allowed")]
    Parameters {
        /// Rounds.
        n: u64,
        /// Block size.
        r: u32,
        /// Parallelism.
        p: u32,
    },
    /// Wrong password, or changed bytes.
    #[error("the password does not open this key, or the file was changed")]
    Password,
    /// Encrypted, and there is no password.
    #[error("the key is encrypted, and no password was given")]
    PasswordNeeded,
    /// A private key where a public one belongs.
    #[error("this is a private key, where its public half is needed")]
    PrivateHalf,
    /// A public key where a private one belongs.
    #[error("this is a public key, and only its private half can sign")]
    PublicHalf,
    /// Too large to be a key.
    #[error("the key file is larger than {MAX_BYTES} bytes")]
    Size,
}

impl KeyFileError {
    /// A label is foreign text: only so much of it is repeated.
    fn label(label: &str) -> Self {
        Self::Label(label.chars().take(64).collect())
    }
}

impl Diagnose for KeyFileError {
    fn code(&self) -> Code {
        match self {
            Self::Cipher(_) => Code("CRYPTO-0101"),
            Self::Key(error) => error.code(),
            Self::Kdf(_) => Code("CRYPTO-0102"),
            Self::Label(_) => Code("CRYPTO-0103"),
            Self::Malformed => Code("CRYPTO-0104"),
            Self::NoKey => Code("CRYPTO-0105"),
            Self::OtherEncryption => Code("CRYPTO-0106"),
            Self::Parameters { .. } => Code("CRYPTO-0107"),
            Self::Password => Code("CRYPTO-0108"),
            Self::PasswordNeeded => Code("CRYPTO-0109"),
            Self::PrivateHalf => Code("CRYPTO-0110"),
            Self::PublicHalf => Code("CRYPTO-0111"),
            Self::Size => Code("CRYPTO-0112"),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Cipher(_) | Self::Kdf(_) | Self::Parameters { .. } => {
                "export the key unencrypted with the tool that wrote it, then run \
                 `bulla import-key-pair --key FILE`"
            }
            Self::Key(error) => return error.hint(),
            Self::Label(_) | Self::Malformed | Self::NoKey | Self::Size => {
                "make a key with `bulla generate-key-pair`, or bring one with \
                 `bulla import-key-pair --key FILE`"
            }
            Self::OtherEncryption => {
                "decrypt it with `openssl pkey -in FILE -out plain.pem`, then run \
                 `bulla import-key-pair --key plain.pem`"
            }
            Self::Password | Self::PasswordNeeded => {
                "give the password in COSIGN_PASSWORD, or at the prompt"
            }
            Self::PrivateHalf => "write its public half with `bulla public-key --key FILE`",
            Self::PublicHalf => {
                "give the private key file, or make one with `bulla generate-key-pair`"
            }
        };
        Some(hint.into())
    }
}

/// A decrypted private key in DER.
type Secret = Zeroizing<Vec<u8>>;

#[cfg(test)]
mod tests;
