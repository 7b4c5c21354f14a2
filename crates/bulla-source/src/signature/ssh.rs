//! SSH signatures over commits: PROTOCOL.sshsig, namespace `git`.
//!
//! Accepted keys: Ed25519, ECDSA P-256 and P-384, RSA of 2048 bits and more with
//! SHA-2, and the security-key forms of the first two. Certificates, DSA, and
//! RSA with SHA-1 are refused, each by name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, Fingerprint, HashAlg, PublicKey, SshSig};

use super::allowed_signers::{AllowedSigners, Standing};
use super::{SignatureKind, SignatureStatus};
use crate::CommitHeader;

/// What git asks the signer to sign under.
const NAMESPACE: &str = "git";
/// The shortest RSA key that counts.
const RSA_BITS: usize = 2048;

/// Parses an armoured SSH signature.
///
/// # Errors
/// The parser's reason, in words; a certificate or an unknown kind of key is
/// named.
pub fn parse(armour: &[u8]) -> Result<SshSig, String> {
    let trimmed = armour.trim_ascii();
    SshSig::from_pem(trimmed).map_err(|error| match key_type(trimmed) {
        Some(name) if name.contains("-cert-") => {
            format!("it was made with an SSH certificate ({name}), which is not supported")
        }
        Some(name) => format!("{error} (its key is of type {name})"),
        None => error.to_string(),
    })
}

/// The name of the key's type, read without understanding the key:
/// `SSHSIG`, a version, then the key as a string that begins with its type.
fn key_type(armour: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(armour).ok()?;
    let body: String = text
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let bytes = STANDARD.decode(body).ok()?;
    let key = bytes.strip_prefix(b"SSHSIG")?.get(8..)?;
    let (length, rest) = key.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let name = rest.get(..length.min(100))?;
    let name = std::str::from_utf8(name).ok()?;
    name.bytes()
        .all(|b| b.is_ascii_graphic())
        .then(|| name.to_owned())
}

/// The key's fingerprint as `ssh-keygen -l` prints it: `SHA256:…`.
pub fn fingerprint(key: &KeyData) -> String {
    Fingerprint::new(HashAlg::Sha256, key).to_string()
}

/// Judges `armour` over the payload of `header`.
pub(crate) fn verify(
    header: &CommitHeader,
    armour: &[u8],
    signers: &AllowedSigners,
) -> SignatureStatus {
    let kind = SignatureKind::Ssh;
    let invalid = |why: String| SignatureStatus::invalid(kind, why);
    let signature = match parse(armour) {
        Ok(signature) => signature,
        Err(why) => return invalid(format!("it cannot be read: {why}")),
    };
    let key = signature.public_key().clone();
    if let Some(why) = objection(&signature) {
        return invalid(why);
    }
    if signature.namespace() != NAMESPACE {
        let namespace: String = signature.namespace().chars().take(40).collect();
        return invalid(format!("it was made for {namespace:?}, not for \"git\""));
    }
    let print = fingerprint(&key);
    let verified = PublicKey::new(key.clone(), "").verify(NAMESPACE, &header.payload, &signature);
    if verified.is_err() {
        return invalid(format!("it does not match the commit (key {print})"));
    }
    let email = &header.committer.email;
    match signers.standing(&key, NAMESPACE, header.committed_at, email) {
        Standing::Allowed(signer) => SignatureStatus::Valid {
            signer,
            kind,
            key: print,
        },
        Standing::Outside(why) => invalid(format!("key {print} {why}")),
        Standing::Unknown => SignatureStatus::UnknownSigner {
            kind,
            key: Some(print),
        },
    }
}

/// Why this kind of signature is not accepted, however it verifies.
fn objection(signature: &SshSig) -> Option<String> {
    match (signature.public_key(), signature.algorithm()) {
        (_, Algorithm::Rsa { hash: None }) => Some("it uses RSA with SHA-1".to_owned()),
        (KeyData::Rsa(key), Algorithm::Rsa { .. }) => {
            let bytes = key.n.as_positive_bytes().map_or(0, <[u8]>::len);
            (bytes * 8 < RSA_BITS).then(|| format!("its RSA key has fewer than {RSA_BITS} bits"))
        }
        (
            KeyData::Ed25519(_)
            | KeyData::Ecdsa(_)
            | KeyData::SkEd25519(_)
            | KeyData::SkEcdsaSha2NistP256(_),
            _,
        ) => None,
        (_, algorithm) => Some(format!("keys of type {algorithm} are not accepted")),
    }
}
