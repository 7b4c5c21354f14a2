//! Known weaknesses of public keys, beyond those that reading a key refuses.
//!
//! RSA only: small or even exponents, moduli with a small factor, and moduli of
//! the flawed Infineon library (CVE-2017-15361, "ROCA"), which are recognized by
//! their residues: modulo each small prime they lie in the group that 65537
//! generates. Keys that others merely share are not known here.

use der::{Decode, asn1::UintRef};
use spki::SubjectPublicKeyInfoOwned;

use super::{PublicKey, Scheme, pem};

/// The smallest exponent: F4, as the CA/Browser Forum and Fulcio demand.
const SMALLEST_EXPONENT: u64 = 65_537;
/// The largest, exclusive: verifying would become slow.
const LARGEST_EXPONENT: u64 = 1 << 33;
/// The odd primes below 168. The first ones tell ROCA from chance; all of them
/// tell a modulus that is not a product of two large primes.
const SMALL_PRIMES: [u16; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Weakness {
    /// An exponent that is even, too small or too large.
    #[error("its RSA exponent is not an odd number from 65537 to 2^33")]
    Exponent,
    /// A modulus with a small factor.
    #[error("its RSA modulus is divisible by a small prime")]
    Factor,
    /// A modulus of the flawed library.
    #[error("its RSA key was made by the flawed library of CVE-2017-15361")]
    Roca,
}

impl PublicKey {
    /// A known weakness of the key, if it has one.
    pub fn weakness(&self) -> Option<Weakness> {
        if !self.scheme().is_rsa() {
            return None;
        }
        let Ok(key) = RsaPublicKey::from_der(self.raw()) else {
            return Some(Weakness::Exponent);
        };
        weakness(key.modulus.as_bytes(), key.exponent.as_bytes())
    }

    /// Whether a PEM `PUBLIC KEY` is RSA or elliptic at all, of whatever length
    /// or curve: such a key may be refused as insecure, not as unreadable.
    pub fn is_of_known_kind(pem: &str) -> bool {
        let Ok(Some(block)) = pem::first(pem, &["PUBLIC KEY", "RSA PUBLIC KEY"]) else {
            return false;
        };
        block.label == "RSA PUBLIC KEY" && RsaPublicKey::from_der(&block.body).is_ok()
            || SubjectPublicKeyInfoOwned::from_der(&block.body)
                .is_ok_and(|key| Scheme::is_known_kind(key.algorithm.oid))
    }
}

#[derive(der::Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

fn weakness(modulus: &[u8], exponent: &[u8]) -> Option<Weakness> {
    let number = exponent.iter().try_fold(0u64, |value, byte| {
        Some(value.checked_mul(256)? + u64::from(*byte))
    });
    if !number.is_some_and(|e| e % 2 == 1 && (SMALLEST_EXPONENT..LARGEST_EXPONENT).contains(&e)) {
        return Some(Weakness::Exponent);
    }
    let even = modulus.last().is_none_or(|last| last % 2 == 0);
    if even
        || SMALL_PRIMES
            .iter()
            .any(|prime| remainder(modulus, *prime) == 0)
    {
        return Some(Weakness::Factor);
    }
    SMALL_PRIMES
        .iter()
        .all(|prime| in_group(remainder(modulus, *prime), *prime))
        .then_some(Weakness::Roca)
}

/// `number` modulo a small `prime`.
fn remainder(number: &[u8], prime: u16) -> u16 {
    let prime = u32::from(prime);
    let rest = number
        .iter()
        .fold(0u32, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
    rest as u16
}

/// Whether `residue` is a power of 65537 modulo `prime`.
fn in_group(residue: u16, prime: u16) -> bool {
    let modulus = u64::from(prime);
    let mut power = 1u64;
    for _ in 0..prime {
        if power == u64::from(residue) {
            return true;
        }
        power = power * 65_537 % modulus;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;

    /// A power of 65537, as big-endian bytes: the shape of a ROCA modulus.
    fn power(times: usize) -> Vec<u8> {
        let mut digits = vec![1u8];
        for _ in 0..times {
            // n * 65537 = n * 65536 + n
            let mut sum = vec![0, 0];
            sum.extend_from_slice(&digits);
            let mut carry = 0u16;
            for (at, digit) in sum.iter_mut().enumerate() {
                let total = u16::from(*digit) + u16::from(*digits.get(at).unwrap_or(&0)) + carry;
                *digit = total as u8;
                carry = total >> 8;
            }
            sum.extend((carry > 0).then_some(carry as u8));
            digits = sum;
        }
        digits.reverse();
        digits
    }

    #[test]
    fn the_flawed_library_is_recognized_and_others_are_not() {
        let f4 = [1, 0, 1];
        assert_eq!(weakness(&power(127), &f4), Some(Weakness::Roca));
        let mut other = power(127);
        *other.last_mut().unwrap() ^= 2;
        assert_ne!(weakness(&other, &f4), Some(Weakness::Roca));
        for _ in 0..3 {
            let key = SigningKey::generate(Scheme::Rsa2048).unwrap();
            assert_eq!(key.public().weakness(), None);
        }
        let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
        assert_eq!(key.public().weakness(), None);
    }

    #[test]
    fn odd_exponents_and_small_factors_are_weak() {
        let key = SigningKey::generate(Scheme::Rsa2048).unwrap();
        let parsed = RsaPublicKey::from_der(key.public().raw()).unwrap();
        let modulus = parsed.modulus.as_bytes();
        for exponent in [&[1][..], &[3], &[1, 0, 0], &[1, 0, 2], &[0xff; 9], &[]] {
            assert_eq!(weakness(modulus, exponent), Some(Weakness::Exponent));
        }
        assert_eq!(weakness(modulus, &[1, 0, 1]), None);
        let mut divisible = vec![0xff; 255];
        divisible.push(0xff);
        // 2^2048 - 1 is divisible by 3.
        assert_eq!(weakness(&divisible, &[1, 0, 1]), Some(Weakness::Factor));
        let mut even = modulus.to_vec();
        *even.last_mut().unwrap() &= 0xfe;
        assert_eq!(weakness(&even, &[1, 0, 1]), Some(Weakness::Factor));
    }
}
