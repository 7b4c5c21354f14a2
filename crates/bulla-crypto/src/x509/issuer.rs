//! Certificate authorities: a root, or an intermediate under one, with its key.
//!
//! An intermediate carries exactly one extended key usage and path length 0, so
//! that a code-signing authority can never certify a TLS server.

use der::{
    Decode, Encode,
    asn1::{BitString, GeneralizedTime, UtcTime},
};
use jiff::{Timestamp, ToSpan};
use spki::SubjectPublicKeyInfoOwned;
use std::{fmt, str::FromStr, sync::Arc, time::Duration};
use x509_cert::{
    certificate::{TbsCertificate, Version},
    ext::{Extension, pkix::KeyUsages},
    name::Name,
    serial_number::SerialNumber,
    time::Time,
};

use super::{Certificate, X509Error, extension as ext};
use crate::{
    key::{KeyError, PublicKey, Scheme, Signer},
    random,
};

/// From when to when a certificate holds; whole seconds, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// First second.
    pub from: Timestamp,
    /// Last second.
    pub until: Timestamp,
}

impl Validity {
    /// `seconds` from `start` on.
    ///
    /// # Errors
    /// [`X509Error::Time`] beyond the end of time.
    pub fn seconds(start: Timestamp, seconds: i64) -> Result<Self, X509Error> {
        let until = start
            .checked_add(seconds.seconds())
            .map_err(|_| X509Error::Time(start))?;
        Ok(Self { from: start, until })
    }

    fn encode(self) -> Result<x509_cert::time::Validity, X509Error> {
        Ok(x509_cert::time::Validity {
            not_before: time(self.from)?,
            not_after: time(self.until)?,
        })
    }
}

/// What a new authority is called, and what it may certify.
#[derive(Clone, Copy, Debug)]
pub enum CaProfile {
    /// A self-signed root without usage limits of its own.
    Root,
    /// An issuer of code-signing certificates.
    CodeSigning,
    /// An issuer of timestamping certificates.
    TimeStamping,
}

/// A certificate authority that can sign, by a key here or in a device.
pub struct Issuer {
    key: Arc<dyn Signer>,
    certificate: Certificate,
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({:?})", self.certificate)
    }
}

impl Issuer {
    /// Creates a self-signed root.
    ///
    /// # Errors
    /// If the names, times or key cannot be used.
    pub fn create_root(
        key: impl Signer + 'static,
        organization: &str,
        common_name: &str,
        validity: Validity,
    ) -> Result<Self, X509Error> {
        let id = ext::key_id(key.public().raw());
        let extensions = vec![
            ext::key_usage([KeyUsages::KeyCertSign, KeyUsages::CRLSign])?,
            ext::basic_constraints(None)?,
            ext::subject_key_id(&id)?,
        ];
        let name = name(organization, common_name)?;
        let tbs = tbs(
            &key,
            &name,
            &name,
            key.public().spki_der(),
            validity,
            extensions,
        )?;
        let certificate = sign(&key, tbs)?;
        let key = Arc::new(key);
        Ok(Self { key, certificate })
    }

    /// Creates an intermediate under this authority.
    ///
    /// # Errors
    /// As [`Self::create_root`].
    pub fn create_intermediate(
        &self,
        key: impl Signer + 'static,
        profile: CaProfile,
        common_name: &str,
        validity: Validity,
    ) -> Result<Self, X509Error> {
        let certificate = self.issue_intermediate(key.public(), profile, common_name, validity)?;
        let key = Arc::new(key);
        Ok(Self { key, certificate })
    }

    /// Certifies an intermediate whose key is elsewhere: what a ceremony signs.
    ///
    /// # Errors
    /// As [`Self::create_root`].
    pub fn issue_intermediate(
        &self,
        key: &PublicKey,
        profile: CaProfile,
        common_name: &str,
        validity: Validity,
    ) -> Result<Certificate, X509Error> {
        let usage = match profile {
            CaProfile::Root => None,
            CaProfile::CodeSigning => Some(ext::CODE_SIGNING),
            CaProfile::TimeStamping => Some(ext::TIME_STAMPING),
        };
        let mut extensions = vec![
            ext::key_usage([KeyUsages::KeyCertSign, KeyUsages::CRLSign])?,
            ext::basic_constraints(Some(0))?,
            ext::subject_key_id(&ext::key_id(key.raw()))?,
            ext::authority_key_id(&self.key_id())?,
        ];
        if let Some(usage) = usage {
            extensions.push(ext::extended_key_usage(usage, false)?);
        }
        let subject = sibling_name(self.certificate.subject(), common_name)?;
        self.certify(&subject, key.spki_der(), validity, extensions)
    }

    /// Issues the certificate of a timestamp authority (RFC 3161 §2.3).
    ///
    /// # Errors
    /// As [`Self::create_root`].
    pub fn issue_timestamping(
        &self,
        key: &PublicKey,
        common_name: &str,
        validity: Validity,
    ) -> Result<Certificate, X509Error> {
        let extensions = vec![
            ext::key_usage([KeyUsages::DigitalSignature])?,
            ext::extended_key_usage(ext::TIME_STAMPING, true)?,
            ext::subject_key_id(&ext::key_id(key.raw()))?,
            ext::authority_key_id(&self.key_id())?,
        ];
        let subject = sibling_name(self.certificate.subject(), common_name)?;
        self.certify(&subject, key.spki_der(), validity, extensions)
    }

    /// Puts together an authority kept as key and certificate.
    ///
    /// # Errors
    /// [`X509Error::Possession`] if the certificate is not of this key.
    pub fn from_parts(
        key: impl Signer + 'static,
        certificate: Certificate,
    ) -> Result<Self, X509Error> {
        if certificate.spki_der()? != key.public().spki_der() {
            return Err(X509Error::Possession);
        }
        let key = Arc::new(key);
        Ok(Self { key, certificate })
    }

    /// Its own certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its key.
    pub fn key(&self) -> &Arc<dyn Signer> {
        &self.key
    }

    pub(crate) fn key_id(&self) -> Vec<u8> {
        ext::key_id(self.key.public().raw())
    }

    pub(crate) fn prepare(
        &self,
        subject: &Name,
        spki: &[u8],
        validity: Validity,
        extensions: Vec<Extension>,
    ) -> Result<TbsCertificate, X509Error> {
        let issuer = self.certificate.subject();
        tbs(&self.key, issuer, subject, spki, validity, extensions)
    }

    pub(crate) fn sign(&self, tbs: TbsCertificate) -> Result<Certificate, X509Error> {
        sign(&self.key, tbs)
    }

    pub(crate) fn certify(
        &self,
        subject: &Name,
        spki: &[u8],
        validity: Validity,
        extensions: Vec<Extension>,
    ) -> Result<Certificate, X509Error> {
        self.sign(self.prepare(subject, spki, validity, extensions)?)
    }
}

fn tbs(
    key: &dyn Signer,
    issuer: &Name,
    subject: &Name,
    spki: &[u8],
    validity: Validity,
    extensions: Vec<Extension>,
) -> Result<TbsCertificate, X509Error> {
    Ok(TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&random::serial()?).map_err(X509Error::Encode)?,
        signature: key.scheme().signature_algorithm(),
        issuer: issuer.clone(),
        validity: validity.encode()?,
        subject: subject.clone(),
        subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(spki)
            .map_err(X509Error::Encode)?,
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions),
    })
}

fn sign(key: &dyn Signer, tbs: TbsCertificate) -> Result<Certificate, X509Error> {
    // X.509 has no name for it, and would call it the pure kind.
    if key.scheme() == Scheme::Ed25519ph {
        return Err(X509Error::Key(KeyError::Scheme {
            key: Scheme::Ed25519ph,
            wanted: Scheme::Ed25519,
        }));
    }
    let signature = key.sign(&tbs.to_der().map_err(X509Error::Encode)?)?;
    Certificate::encode(x509_cert::Certificate {
        tbs_certificate: tbs,
        signature_algorithm: key.scheme().signature_algorithm(),
        signature: BitString::from_bytes(&signature).map_err(X509Error::Encode)?,
    })
}

/// `O=organization, CN=common name`, both plain words.
fn name(organization: &str, common_name: &str) -> Result<Name, X509Error> {
    let plain = |text: &str| {
        let ok = |c: char| c.is_ascii_alphanumeric() || " .-_".contains(c);
        !text.is_empty() && text.len() <= 64 && text.chars().all(ok) && text.trim() == text
    };
    for text in [organization, common_name] {
        if !plain(text) {
            return Err(X509Error::Name(text.into()));
        }
    }
    Name::from_str(&format!("CN={common_name},O={organization}")).map_err(X509Error::Encode)
}

fn sibling_name(of: &Name, common_name: &str) -> Result<Name, X509Error> {
    let text = of.to_string();
    let organization = text
        .split(',')
        .find_map(|part| part.strip_prefix("O="))
        .ok_or_else(|| X509Error::Name(text.clone()))?;
    name(organization, common_name)
}

/// UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5).
fn time(at: Timestamp) -> Result<Time, X509Error> {
    let seconds = u64::try_from(at.as_second()).map_err(|_| X509Error::Time(at))?;
    let since_epoch = Duration::from_secs(seconds);
    if let Ok(time) = UtcTime::from_unix_duration(since_epoch) {
        return Ok(Time::UtcTime(time));
    }
    GeneralizedTime::from_unix_duration(since_epoch)
        .map(Time::GeneralTime)
        .map_err(|_| X509Error::Time(at))
}
