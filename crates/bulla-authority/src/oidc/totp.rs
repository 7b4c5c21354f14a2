//! One-time codes by time (RFC 6238: SHA-1, 30 seconds, six digits, the only form
//! that every authenticator app takes) and recovery codes for who lost theirs.
//!
//! A code holds for its own step and one to either side; the step is remembered,
//! so neither it nor an earlier one works again. Recovery codes have 80 random
//! bits and are kept as hashes, each for one use.

use bulla_core::Digest;
use bulla_crypto::{KeyError, otp, random};
use jiff::Timestamp;

const STEP: i64 = 30;
/// RFC 4226 §4: 160 bits.
const SECRET_BYTES: usize = 20;
const RECOVERY_CODES: usize = 10;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new secret.
///
/// # Errors
/// Without randomness.
pub fn new_secret() -> Result<Vec<u8>, KeyError> {
    Ok(random::bytes::<SECRET_BYTES>()?.to_vec())
}

/// The step that `code` is for, if it is right now and later than `last`.
pub fn check(secret: &[u8], code: &str, last: u64, now: Timestamp) -> Option<u64> {
    let code = digits(code)?;
    let current = u64::try_from(now.as_second() / STEP).ok()?;
    let mut found = None;
    // All three are looked at, whichever fits.
    for step in [current.saturating_sub(1), current, current + 1] {
        if otp::matches(secret, step, code) && step > last {
            found = found.or(Some(step));
        }
    }
    found
}

fn digits(code: &str) -> Option<u32> {
    let code: String = code.chars().filter(|c| *c != ' ').collect();
    let plain = code.len() == otp::DIGITS && code.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| code.parse().ok()).flatten()
}

/// What an authenticator app reads from a QR code: `otpauth://totp/…`.
pub fn provisioning_uri(secret: &[u8], issuer: &str, account: &str) -> String {
    let encode = |text: &str| -> String {
        url::form_urlencoded::byte_serialize(text.as_bytes())
            .collect::<String>()
            .replace('+', "%20")
    };
    let (issuer, account) = (encode(issuer), encode(account));
    let secret = base32(secret);
    format!(
        "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30"
    )
}

/// RFC 4648 §6, without padding.
pub fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(5) {
        let mut word = [0u8; 8];
        for (to, from) in word.iter_mut().skip(3).zip(group) {
            *to = *from;
        }
        let word = u64::from_be_bytes(word);
        for place in 0..(group.len() * 8).div_ceil(5) {
            let index = (word >> (35 - 5 * place)) & 31;
            text.extend(BASE32.get(index as usize).map(|b| char::from(*b)));
        }
    }
    text
}

/// New recovery codes, for showing once, and what is kept of them.
///
/// # Errors
/// Without randomness.
pub fn recovery_codes() -> Result<(Vec<String>, Vec<String>), KeyError> {
    let mut shown = Vec::new();
    for _ in 0..RECOVERY_CODES {
        let code = base32(&random::bytes::<10>()?);
        let parts: Vec<_> = (0..4)
            .filter_map(|at| code.get(at * 4..at * 4 + 4))
            .collect();
        shown.push(parts.join("-"));
    }
    let kept = shown
        .iter()
        .filter_map(|code| recovery_hash(code))
        .collect();
    Ok((shown, kept))
}

/// What is kept of a recovery code; `None` if it cannot be one.
pub fn recovery_hash(code: &str) -> Option<String> {
    let plain: String = code
        .chars()
        .filter(|c| !matches!(c, '-' | ' '))
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let valid = plain.len() == 16 && plain.bytes().all(|b| BASE32.contains(&b));
    valid.then(|| Digest::sha256(plain.as_bytes()).hex().to_owned())
}

#[cfg(test)]
mod tests;
