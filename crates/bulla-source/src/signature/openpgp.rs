//! OpenPGP signatures over commits (RFC 9580), against a keyring file.
//!
//! The keyring is the operator's: `gpg --export`, armoured or not. A key counts
//! if its self-signatures hold now and say that it may sign, if nothing revokes
//! it (whenever and for whatever reason), and if it had not expired when the
//! signature was made. MD5, SHA-1 and RIPEMD-160 never count. Key servers,
//! the web of trust and designated revokers play no part.

use bulla_core::limits::{LimitError, read_bounded};
use bulla_core::{Code, Diagnose};
use pgp::composed::{Deserializable, DetachedSignature, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType, SubpacketData};
use pgp::types::{KeyDetails, Tag};
use std::io::Cursor;
use std::path::{Path, PathBuf};

use super::{SignatureKind, SignatureStatus};
use crate::CommitHeader;
use crate::limits::SIGNERS_BYTES;

/// Begins an armoured certificate.
const ARMOUR: &[u8] = b"-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// Certificates whose owners may sign.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    keys: Vec<SignedPublicKey>,
}

impl Keyring {
    /// Reads and parses the file at `path`.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn load(path: &Path) -> Result<Self, KeyringError> {
        let unreadable = |source| KeyringError::Read {
            path: path.into(),
            source,
        };
        let file = std::fs::File::open(path).map_err(|source| {
            unreadable(LimitError::Read {
                what: "keyring",
                source,
            })
        })?;
        let bytes = read_bounded(file, SIGNERS_BYTES, "keyring").map_err(unreadable)?;
        Self::parse(&bytes)
    }

    /// Parses certificates, armoured (one block after the other) or binary.
    ///
    /// # Errors
    /// [`KeyringError::Malformed`] if any of them cannot be read.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyringError> {
        let malformed = |error: pgp::errors::Error| KeyringError::Malformed {
            why: error.to_string(),
        };
        let mut keys = Vec::new();
        if bytes.trim_ascii().is_empty() {
            return Ok(Self { keys });
        }
        let starts: Vec<usize> = bytes
            .windows(ARMOUR.len())
            .enumerate()
            .filter_map(|(at, window)| (window == ARMOUR).then_some(at))
            .collect();
        if starts.is_empty() {
            for key in SignedPublicKey::from_bytes_many(Cursor::new(bytes)).map_err(malformed)? {
                keys.push(key.map_err(malformed)?);
            }
        }
        for (index, &start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(bytes.len());
            let block = bytes.get(start..end).unwrap_or_default();
            let (found, _) =
                SignedPublicKey::from_armor_many(Cursor::new(block)).map_err(malformed)?;
            for key in found {
                keys.push(key.map_err(malformed)?);
            }
        }
        if keys.is_empty() {
            let why = "it holds no OpenPGP public key".to_owned();
            return Err(KeyringError::Malformed { why });
        }
        Ok(Self { keys })
    }

    /// Whether nobody is named.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many certificates it holds.
    pub fn len(&self) -> usize {
        self.keys.len()
    }
}

/// Parses an armoured detached signature; there must be exactly one.
///
/// # Errors
/// The parser's reason, in words.
pub fn parse(armour: &[u8]) -> Result<DetachedSignature, String> {
    let found = DetachedSignature::from_armor_many(Cursor::new(armour));
    let (mut signatures, _) = found.map_err(|error| error.to_string())?;
    let first = signatures.next().ok_or("it is empty")?;
    if signatures.next().is_some() {
        return Err("it holds more than one signature".to_owned());
    }
    first.map_err(|error| error.to_string())
}

/// Judges `armour` over the payload of `header`.
pub(crate) fn verify(header: &CommitHeader, armour: &[u8], keyring: &Keyring) -> SignatureStatus {
    let kind = SignatureKind::Openpgp;
    let invalid = |why: String| SignatureStatus::invalid(kind, why);
    let signature = match parse(armour) {
        Ok(signature) => signature.signature,
        Err(why) => return invalid(format!("it cannot be read: {why}")),
    };
    let made = match objection(&signature) {
        Ok(made) => made,
        Err(why) => return invalid(why.to_owned()),
    };
    for certificate in &keyring.keys {
        let Some(holder) = Holder::of(certificate, &signature) else {
            continue;
        };
        if !holder.verifies(&signature, &header.payload) {
            return invalid("it does not match the commit".to_owned());
        }
        return match holder.may_sign_at(made) {
            Err(why) => invalid(why.to_owned()),
            Ok(()) => match signer(certificate, &header.committer.email) {
                Some(signer) => SignatureStatus::Valid {
                    signer,
                    kind,
                    key: certificate.fingerprint().to_string().to_uppercase(),
                },
                None => invalid("its certificate has no valid user id".to_owned()),
            },
        };
    }
    let print = signature
        .issuer_fingerprint()
        .first()
        .map(ToString::to_string);
    let id = signature.issuer_key_id().first().map(ToString::to_string);
    SignatureStatus::UnknownSigner {
        kind,
        key: print.or(id).map(|key| key.to_uppercase()),
    }
}

/// The key of a certificate that made a signature: primary or subkey.
struct Holder<'a> {
    certificate: &'a SignedPublicKey,
    subkey: Option<&'a SignedPublicSubKey>,
}

impl<'a> Holder<'a> {
    fn of(certificate: &'a SignedPublicKey, signature: &Signature) -> Option<Self> {
        let names = |key: &dyn KeyDetails| {
            let prints = signature.issuer_fingerprint();
            let ids = signature.issuer_key_id();
            match prints.is_empty() {
                false => prints.iter().any(|print| **print == key.fingerprint()),
                true => ids.iter().any(|id| **id == key.legacy_key_id()),
            }
        };
        if names(&certificate.primary_key) {
            return Some(Self {
                certificate,
                subkey: None,
            });
        }
        let subkey = certificate
            .public_subkeys
            .iter()
            .find(|subkey| names(&subkey.key))?;
        Some(Self {
            certificate,
            subkey: Some(subkey),
        })
    }

    fn verifies(&self, signature: &Signature, payload: &[u8]) -> bool {
        match self.subkey {
            Some(subkey) => signature.verify(&subkey.key, payload).is_ok(),
            None => signature
                .verify(&self.certificate.primary_key, payload)
                .is_ok(),
        }
    }

    /// Whether the self-signatures let this key sign at `made` (Unix seconds).
    fn may_sign_at(&self, made: i64) -> Result<(), &'static str> {
        let primary = &self.certificate.primary_key;
        if !self.certificate.details.revocation_signatures.is_empty() {
            return Err("its certificate is revoked");
        }
        let own = newest(self_signatures(self.certificate));
        let own = own.ok_or("its certificate has no valid self-signature")?;
        alive(i64::from(primary.created_at().as_secs()), own, made)?;
        let Some(subkey) = self.subkey else {
            return match own.key_flags().sign() {
                true => Ok(()),
                false => Err("its key may not sign"),
            };
        };
        let revoked = |s: &&Signature| s.typ() == Some(SignatureType::SubkeyRevocation);
        if subkey.signatures.iter().any(|s| revoked(&s)) {
            return Err("its signing subkey is revoked");
        }
        let bound =
            |s: &&Signature| strong(s) && s.verify_subkey_binding(primary, &subkey.key).is_ok();
        let binding = newest(subkey.signatures.iter().filter(bound));
        let binding = binding.ok_or("its subkey is not bound to the certificate")?;
        if !binding.key_flags().sign() {
            return Err("its subkey may not sign");
        }
        let back = binding.embedded_signature().filter(|s| strong(s));
        let back = back.map(|s| s.verify_primary_key_binding(&subkey.key, primary));
        if !matches!(back, Some(Ok(()))) {
            return Err("its subkey does not acknowledge the certificate");
        }
        alive(i64::from(subkey.key.created_at().as_secs()), binding, made)
    }
}

/// Checks what is in the signature itself; answers when it was made.
fn objection(signature: &Signature) -> Result<i64, &'static str> {
    if !matches!(
        signature.typ(),
        Some(SignatureType::Binary | SignatureType::Text)
    ) {
        return Err("it is not a signature over data");
    }
    if !strong(signature) {
        return Err("it uses a hash that is too weak");
    }
    let unknown = |data: &SubpacketData| {
        matches!(
            data,
            SubpacketData::Experimental(..) | SubpacketData::Notation(_) | SubpacketData::Other(..)
        )
    };
    let config = signature.config().ok_or("its version is not supported")?;
    if config
        .hashed_subpackets()
        .any(|p| p.is_critical && unknown(&p.data))
    {
        return Err("it holds a critical part that is not known");
    }
    let made = signature
        .created()
        .ok_or("it does not say when it was made")?;
    let made = i64::from(made.as_secs());
    Ok(made)
}

/// Whether key or subkey existed and had not expired at `made`.
fn alive(created: i64, binding: &Signature, made: i64) -> Result<(), &'static str> {
    if made < created {
        return Err("it is older than its key");
    }
    match binding
        .key_expiration_time()
        .map(|life| i64::from(life.as_secs()))
    {
        Some(life) if life > 0 && made >= created.saturating_add(life) => {
            Err("its key had expired when it was made")
        }
        _ => Ok(()),
    }
}

/// The valid self-signatures that carry flags and expiry of the primary key.
fn self_signatures(certificate: &SignedPublicKey) -> impl Iterator<Item = &Signature> {
    let primary = &certificate.primary_key;
    let direct = certificate.details.direct_signatures.iter();
    let direct = direct.filter(move |s| strong(s) && s.verify_key(primary).is_ok());
    let users = certificate.details.users.iter();
    let users = users.flat_map(move |user| certifications(certificate, user));
    direct.chain(users)
}

/// The valid self-certifications of a user id; none if it is revoked.
fn certifications<'a>(
    certificate: &'a SignedPublicKey,
    user: &'a pgp::types::SignedUser,
) -> impl Iterator<Item = &'a Signature> {
    let primary = &certificate.primary_key;
    let holds = move |s: &&Signature| {
        strong(s)
            && s.verify_certification(primary, Tag::UserId, &user.id)
                .is_ok()
    };
    let revokes = |s: &Signature| s.typ() == Some(SignatureType::CertRevocation);
    let revoked = user.signatures.iter().filter(holds).any(revokes);
    user.signatures
        .iter()
        .filter(holds)
        .filter(move |_| !revoked)
}

/// The email address of the user id that is the committer's, else of the first.
fn signer(certificate: &SignedPublicKey, committer: &str) -> Option<String> {
    let valid = |user: &&pgp::types::SignedUser| certifications(certificate, user).next().is_some();
    let users = certificate.details.users.iter().filter(valid);
    let mut names = users.map(|user| {
        let text = String::from_utf8_lossy(user.id.id()).into_owned();
        let email = text
            .rsplit_once('<')
            .and_then(|(_, rest)| rest.strip_suffix('>'));
        email.map_or_else(|| text.clone(), str::to_owned)
    });
    let first = names.next()?;
    let same = |name: &String| name == committer;
    Some(if same(&first) {
        first
    } else {
        names.find(same).unwrap_or(first)
    })
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|s| s.created().map(|t| t.as_secs()))
}

fn strong(signature: &Signature) -> bool {
    matches!(
        signature.hash_alg(),
        Some(
            HashAlgorithm::Sha224
                | HashAlgorithm::Sha256
                | HashAlgorithm::Sha384
                | HashAlgorithm::Sha512
                | HashAlgorithm::Sha3_256
                | HashAlgorithm::Sha3_512
        )
    )
}

/// Why a keyring is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// Not certificates.
    #[error("the OpenPGP keyring cannot be read: {why}")]
    Malformed {
        /// The parser's reason.
        why: String,
    },
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The failure.
        source: LimitError,
    },
}

impl Diagnose for KeyringError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Malformed { .. } => "SOURCE-0040",
            Self::Read { .. } => "SOURCE-0041",
        })
    }

    fn hint(&self) -> Option<String> {
        Some("`gpg --export EMAIL > FILE` writes one".into())
    }
}
