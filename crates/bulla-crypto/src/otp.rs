//! HMAC-based one-time passwords (RFC 4226): the sum behind authenticator apps.
//!
//! SHA-1 because apps know nothing else; HMAC does not need its collision
//! resistance. Time, reuse and rates are the caller's.

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};

/// Digits of a code.
pub const DIGITS: usize = 6;

/// Whether `code` is the one for `counter`, compared in constant time.
pub fn matches(secret: &[u8], counter: u64, code: u32) -> bool {
    verify_slices_are_equal(&hotp(secret, counter).to_be_bytes(), &code.to_be_bytes()).is_ok()
}

/// The code of six digits for `counter`, as a number.
pub fn hotp(secret: &[u8], counter: u64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &counter.to_be_bytes());
    let tag = tag.as_ref();
    // §5.3: the low four bits of the last byte say where the four bytes are.
    let at = usize::from(tag.last().copied().unwrap_or_default() & 0xf);
    let word = tag.get(at..at + 4).and_then(|word| word.try_into().ok());
    (u32::from_be_bytes(word.unwrap_or_default()) & 0x7fff_ffff) % 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_4226_appendix_d() {
        let codes = [
            755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583, 399_871,
            520_489,
        ];
        for (counter, code) in (0..).zip(codes) {
            assert_eq!(hotp(b"12345678901234567890", counter), code);
            assert!(matches(b"12345678901234567890", counter, code));
            assert!(!matches(b"12345678901234567890", counter, code ^ 1));
        }
    }
}
