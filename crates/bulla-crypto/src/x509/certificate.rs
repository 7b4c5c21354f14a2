//! One certificate: its exact bytes beside what they say.

use der::{Decode, Encode, pem::LineEnding};
use jiff::Timestamp;
use x509_cert::{name::Name, time::Time};

use super::{Validity, X509Error};
use crate::key::PublicKey;

/// A parsed certificate that keeps the bytes it was parsed from.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    parsed: x509_cert::Certificate,
}

impl Certificate {
    pub(crate) fn encode(parsed: x509_cert::Certificate) -> Result<Self, X509Error> {
        let der = parsed.to_der().map_err(X509Error::Encode)?;
        Ok(Self { der, parsed })
    }

    /// The bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What they say.
    pub fn parsed(&self) -> &x509_cert::Certificate {
        &self.parsed
    }

    /// The subject's name.
    pub fn subject(&self) -> &Name {
        &self.parsed.tbs_certificate.subject
    }

    /// DER SubjectPublicKeyInfo of the certified key.
    ///
    /// # Errors
    /// [`X509Error::Encode`] if it cannot be written back.
    pub fn spki_der(&self) -> Result<Vec<u8>, X509Error> {
        self.parsed
            .tbs_certificate
            .subject_public_key_info
            .to_der()
            .map_err(X509Error::Encode)
    }

    /// From when to when it holds; the epoch for times that no clock shows.
    pub fn validity(&self) -> Validity {
        let validity = &self.parsed.tbs_certificate.validity;
        let at = |time: &Time| {
            let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
            Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
        };
        Validity {
            from: at(&validity.not_before),
            until: at(&validity.not_after),
        }
    }

    /// Whether `issuer` signed it under its name, with the algorithm of its key.
    /// Says nothing of times, usages or path lengths.
    pub fn is_issued_by(&self, issuer: &Self) -> bool {
        let verified = || {
            let key = PublicKey::from_spki_der(&issuer.spki_der().ok()?).ok()?;
            let algorithm = key.scheme().signature_algorithm();
            let tbs = self.parsed.tbs_certificate.to_der().ok()?;
            let signature = self.parsed.signature.as_bytes()?;
            let named = self.parsed.tbs_certificate.issuer == *issuer.subject();
            let same = self.parsed.signature_algorithm == algorithm
                && self.parsed.tbs_certificate.signature == algorithm;
            (named && same && key.verify(&tbs, signature).is_ok()).then_some(())
        };
        verified().is_some()
    }

    /// PEM `CERTIFICATE`.
    pub fn to_pem(&self) -> String {
        der::pem::encode_string("CERTIFICATE", LineEnding::LF, &self.der).unwrap_or_default()
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({:?})", self.subject().to_string())
    }
}

/// Reads one DER certificate.
///
/// # Errors
/// [`X509Error::Certificate`] if it is none, or bytes follow it.
pub fn parse_certificate(der: &[u8]) -> Result<Certificate, X509Error> {
    let parsed = x509_cert::Certificate::from_der(der).map_err(X509Error::Certificate)?;
    Ok(Certificate {
        der: der.to_vec(),
        parsed,
    })
}

/// Reads the PEM certificates of `text` in their order; other text between them is skipped.
///
/// # Errors
/// [`X509Error::Certificate`] if one is malformed or none is there.
pub fn parse_pem_chain(text: &[u8]) -> Result<Vec<Certificate>, X509Error> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let malformed = || X509Error::Certificate(der::ErrorKind::Failed.into());
    let mut rest = std::str::from_utf8(text).map_err(|_| malformed())?;
    let mut chain = Vec::new();
    while let Some(start) = rest.find(BEGIN) {
        let from = rest.get(start..).ok_or_else(malformed)?;
        let end = from.find(END).ok_or_else(malformed)? + END.len();
        let (block, after) = from.split_at_checked(end).ok_or_else(malformed)?;
        let (_, der) = der::pem::decode_vec(block.as_bytes()).map_err(|_| malformed())?;
        chain.push(parse_certificate(&der)?);
        rest = after;
    }
    if chain.is_empty() {
        return Err(malformed());
    }
    Ok(chain)
}

/// The PEM form of a chain, one certificate after the other.
pub fn to_pem_chain<'a>(chain: impl IntoIterator<Item = &'a Certificate>) -> String {
    chain.into_iter().map(Certificate::to_pem).collect()
}
