//! Random bytes of the operating system, by way of the one crypto provider.

use aws_lc_rs::rand;

use crate::key::KeyError;

/// `N` random bytes.
///
/// # Errors
/// [`KeyError::Generate`] if the operating system gives none.
pub fn bytes<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| KeyError::Generate)?;
    Ok(bytes)
}

/// A positive number of 159 bits, as serial numbers of certificates and
/// timestamps want it (RFC 5280 §4.1.2.2: at most 20 octets, never negative).
///
/// # Errors
/// As [`bytes`].
pub fn serial() -> Result<[u8; 20], KeyError> {
    let mut serial = bytes::<20>()?;
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    Ok(serial)
}
