//! Certificates as PEM text, one or several.

use der::pem::{self, LineEnding};

/// One certificate (DER) as PEM.
pub(crate) fn certificate(der: &[u8]) -> String {
    pem::encode_string("CERTIFICATE", LineEnding::LF, der).unwrap_or_default()
}

/// Certificates (DER) as one PEM text; `None` if there are none.
pub(crate) fn chain(certificates: &[Vec<u8>]) -> Option<String> {
    if certificates.is_empty() {
        return None;
    }
    Some(certificates.iter().map(|der| certificate(der)).collect())
}
