//! cosign's encrypted private key: PKCS#8 in a NaCl secretbox (XSalsa20 and
//! Poly1305) under a key that scrypt makes of the password, as JSON in PEM.
//!
//! The file says how much work scrypt does, and a hostile one could say too
//! much: what is allowed ends at the strongest parameters that cosign's library
//! itself accepts (N = 2^17, r = 8: 128 MiB).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::limits;
use crypto_secretbox::{AeadInPlace as _, KeyInit as _, XSalsa20Poly1305};
use der::pem::LineEnding;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{KeyFileError, MAX_BYTES, Secret};
use crate::{
    key::{KeyError, SigningKey},
    random,
};

const SCRYPT: &str = "scrypt";
const SECRETBOX: &str = "nacl/secretbox";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
/// What is written: cosign's own choice.
const WRITTEN: Parameters = Parameters {
    n: 1 << 16,
    r: 8,
    p: 1,
};
const STRONGEST: Parameters = Parameters {
    n: 1 << 17,
    r: 8,
    p: 4,
};

/// An encrypted key, as its file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncryptedKey {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    name: String,
    params: Parameters,
    salt: String,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cipher {
    name: String,
    nonce: String,
}

impl EncryptedKey {
    /// Reads the JSON and checks that it can be opened at an acceptable cost.
    pub(super) fn parse(json: &[u8]) -> Result<Self, KeyFileError> {
        let key: Self = limits::parse_json(json, MAX_BYTES as u64, "an encrypted key")
            .map_err(|_| KeyFileError::Malformed)?;
        let name = |name: &str| name.chars().take(64).collect();
        if key.kdf.name != SCRYPT {
            return Err(KeyFileError::Kdf(name(&key.kdf.name)));
        }
        if key.cipher.name != SECRETBOX {
            return Err(KeyFileError::Cipher(name(&key.cipher.name)));
        }
        key.kdf.params.check()?;
        Ok(key)
    }

    /// Opens it.
    pub(super) fn open(&self, password: &[u8]) -> Result<SigningKey, KeyFileError> {
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| KeyFileError::Malformed);
        let nonce: [u8; NONCE_BYTES] = decode(&self.cipher.nonce)?
            .try_into()
            .map_err(|_| KeyFileError::Malformed)?;
        let mut sealed: Secret = Zeroizing::new(decode(&self.ciphertext)?);
        let salt = decode(&self.kdf.salt)?;
        // NaCl puts the tag first.
        let (tag, body) = sealed
            .split_at_mut_checked(TAG_BYTES)
            .ok_or(KeyFileError::Malformed)?;
        let tag: [u8; TAG_BYTES] = (&*tag).try_into().map_err(|_| KeyFileError::Malformed)?;
        let key = self.kdf.params.stretch(password, &salt)?;
        XSalsa20Poly1305::new((&*key).into())
            .decrypt_in_place_detached((&nonce).into(), &[], body, (&tag).into())
            .map_err(|_| KeyFileError::Password)?;
        Ok(SigningKey::from_pkcs8_der(body)?)
    }
}

/// Writes `key` in cosign's format, as PEM. The password may be empty, as
/// cosign's may.
///
/// # Errors
/// [`KeyError::Generate`] if the operating system gives no randomness.
pub fn write(key: &SigningKey, password: &[u8]) -> Result<String, KeyFileError> {
    let salt = random::bytes::<32>()?;
    let nonce = random::bytes::<NONCE_BYTES>()?;
    let stretched = WRITTEN.stretch(password, &salt)?;
    let mut body: Secret = Zeroizing::new(key.to_pkcs8_der().to_vec());
    let tag = XSalsa20Poly1305::new((&*stretched).into())
        .encrypt_in_place_detached((&nonce).into(), &[], &mut body)
        .map_err(|_| KeyError::Generate)?;
    let file = EncryptedKey {
        kdf: Kdf {
            name: SCRYPT.into(),
            params: WRITTEN,
            salt: STANDARD.encode(salt),
        },
        cipher: Cipher {
            name: SECRETBOX.into(),
            nonce: STANDARD.encode(nonce),
        },
        ciphertext: STANDARD.encode([tag.as_slice(), &body].concat()),
    };
    let json = serde_json::to_vec(&file).map_err(|_| KeyFileError::Malformed)?;
    der::pem::encode_string("ENCRYPTED SIGSTORE PRIVATE KEY", LineEnding::LF, &json)
        .map_err(|_| KeyFileError::Malformed)
}

impl Parameters {
    fn check(self) -> Result<(), KeyFileError> {
        let Self { n, r, p } = self;
        let sane = n.is_power_of_two() && n > 1 && r > 0 && p > 0;
        if sane && n <= STRONGEST.n && r <= STRONGEST.r && p <= STRONGEST.p {
            return Ok(());
        }
        Err(KeyFileError::Parameters { n, r, p })
    }

    fn stretch(
        self,
        password: &[u8],
        salt: &[u8],
    ) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyFileError> {
        let Self { n, r, p } = self;
        let refused = || KeyFileError::Parameters { n, r, p };
        let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| refused())?;
        let parameters = scrypt::Params::new(log_n, r, p, KEY_BYTES).map_err(|_| refused())?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        scrypt::scrypt(password, salt, &parameters, key.as_mut()).map_err(|_| refused())?;
        Ok(key)
    }
}
