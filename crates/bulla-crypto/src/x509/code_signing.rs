//! Code-signing certificates as Fulcio issues them.
//!
//! `docs/certificate-specification.md` and `docs/oid-info.md` of Fulcio: empty
//! subject, one critical SAN, what the token said in [`FulcioExtensions`]. First
//! comes a precertificate with poison (RFC 6962 §3.1), then the certificate
//! with the logs' SCTs in its place.

use der::{
    Any, Decode, Encode,
    asn1::{Ia5String, Utf8StringRef},
};
use sha2::{Digest as _, Sha256};
use x509_cert::{
    certificate::TbsCertificate,
    ext::pkix::{
        KeyUsages,
        name::{GeneralName, OtherName},
    },
    name::Name,
};

use super::{Certificate, FulcioExtensions, Issuer, Validity, X509Error, extension as ext};
use crate::{key::PublicKey, sct::Sct};

/// Whom a certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectName {
    /// A person.
    Email(String),
    /// A workload or service.
    Uri(String),
    /// Somebody known by a user name at a domain, `name!domain` (57264.1.7).
    Username(String),
}

impl SubjectName {
    fn encode(&self) -> Result<GeneralName, X509Error> {
        let text = match self {
            Self::Email(text) | Self::Uri(text) | Self::Username(text) => text,
        };
        let refused = || X509Error::Name(text.clone());
        let plausible = match self {
            Self::Email(text) => text.split('@').filter(|part| !part.is_empty()).count() == 2,
            Self::Uri(text) => text.contains(':'),
            Self::Username(text) => text.split('!').filter(|part| !part.is_empty()).count() == 2,
        };
        let visible = match self {
            Self::Username(text) => !text.chars().any(|c| c.is_control() || c.is_whitespace()),
            _ => text.chars().all(|c| c.is_ascii_graphic()),
        };
        if !plausible || !visible || text.len() > 2048 {
            return Err(refused());
        }
        let ia5 = |text: &str| Ia5String::new(text).map_err(|_| refused());
        Ok(match self {
            Self::Email(text) => GeneralName::Rfc822Name(ia5(text)?),
            Self::Uri(text) => GeneralName::UniformResourceIdentifier(ia5(text)?),
            Self::Username(text) => {
                let text = Utf8StringRef::new(text).and_then(|text| text.to_der());
                let value = text.and_then(|der| Any::from_der(&der));
                GeneralName::OtherName(OtherName {
                    type_id: ext::object_id(ext::FULCIO_USERNAME)?,
                    value: value.map_err(X509Error::Encode)?,
                })
            }
        })
    }
}

/// What a code-signing certificate says.
#[derive(Clone, Debug)]
pub struct CodeSigningProfile<'a> {
    /// Whom it names.
    pub subject: &'a SubjectName,
    /// The OIDC issuer that vouched for the name, and what else it said.
    pub extensions: &'a FulcioExtensions,
    /// The certified key.
    pub key: &'a PublicKey,
    /// Ten minutes as a rule.
    pub validity: Validity,
}

/// A certificate before its SCTs: what a CT log signs.
#[derive(Clone, Debug)]
pub struct Precertificate {
    tbs: TbsCertificate,
    tbs_der: Vec<u8>,
    issuer_key_hash: [u8; 32],
    poisoned: Certificate,
}

impl Precertificate {
    /// The TBSCertificate without poison and SCTs.
    pub fn tbs_der(&self) -> &[u8] {
        &self.tbs_der
    }

    /// SHA-256 of the issuer's SubjectPublicKeyInfo.
    pub fn issuer_key_hash(&self) -> [u8; 32] {
        self.issuer_key_hash
    }

    /// The signed precertificate, which carries the poison.
    pub fn certificate(&self) -> &Certificate {
        &self.poisoned
    }

    /// Takes a submitted precertificate apart again: the poison is removed.
    /// Its signature is *not* checked.
    ///
    /// # Errors
    /// [`X509Error::Possession`] if it is not issued in the name of `issuer`,
    /// [`X509Error::Request`] if it carries no poison.
    pub fn from_submission(poisoned: Certificate, issuer: &Certificate) -> Result<Self, X509Error> {
        let mut tbs = poisoned.parsed().tbs_certificate.clone();
        if &tbs.issuer != issuer.subject() {
            return Err(X509Error::Possession);
        }
        let poison = ext::object_id(ext::POISON)?;
        let mut extensions = tbs.extensions.take().unwrap_or_default();
        let before = extensions.len();
        extensions.retain(|extension| extension.extn_id != poison);
        if extensions.len() + 1 != before {
            return Err(X509Error::Request);
        }
        tbs.extensions = Some(extensions);
        Ok(Self {
            tbs_der: tbs.to_der().map_err(X509Error::Encode)?,
            tbs,
            issuer_key_hash: Sha256::digest(issuer.spki_der()?).into(),
            poisoned,
        })
    }
}

impl Issuer {
    /// Builds and signs the precertificate of a code-signing certificate.
    ///
    /// # Errors
    /// If a name or time cannot stand in a certificate, or signing fails.
    pub fn precertificate(
        &self,
        profile: &CodeSigningProfile<'_>,
    ) -> Result<Precertificate, X509Error> {
        let spki = profile.key.spki_der();
        let mut extensions = vec![
            ext::key_usage([KeyUsages::DigitalSignature])?,
            ext::extended_key_usage(ext::CODE_SIGNING, false)?,
            ext::subject_key_id(&ext::key_id(spki))?,
            ext::authority_key_id(&self.key_id())?,
            ext::subject_alt_name(vec![profile.subject.encode()?], true)?,
        ];
        extensions.extend(profile.extensions.encode()?);
        let tbs = self.prepare(&Name::default(), spki, profile.validity, extensions)?;
        let mut poisoned = tbs.clone();
        let poison = ext::extension(ext::POISON, true, &der::asn1::Null)?;
        poisoned.extensions.get_or_insert_default().push(poison);
        Ok(Precertificate {
            tbs_der: tbs.to_der().map_err(X509Error::Encode)?,
            tbs,
            issuer_key_hash: Sha256::digest(self.key().public().spki_der()).into(),
            poisoned: self.sign(poisoned)?,
        })
    }

    /// Signs the certificate itself, with the SCTs that logs gave for it.
    ///
    /// # Errors
    /// If encoding or signing fails.
    pub fn finish(&self, precert: Precertificate, scts: &[Sct]) -> Result<Certificate, X509Error> {
        let mut tbs = precert.tbs;
        let list = crate::sct::encode_list(scts)
            .map_err(|_| X509Error::Encode(der::ErrorKind::Overlength.into()))?;
        let list = der::asn1::OctetString::new(list).map_err(X509Error::Encode)?;
        let extension = ext::extension(ext::SCT_LIST, false, &list)?;
        tbs.extensions.get_or_insert_default().push(extension);
        self.sign(tbs)
    }
}
