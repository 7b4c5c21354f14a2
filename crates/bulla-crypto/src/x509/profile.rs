//! Whether a certificate that comes back from a ceremony is the one that was
//! asked for: by this root, of this key, with this profile and nothing beyond.
//!
//! Not a path validation: `bulla-trust` does that for certificates of strangers.

use der::Encode;
use x509_cert::ext::Extension;

use super::{Certificate, X509Error, extension as ext};
use crate::key::PublicKey;

/// What an offline root certifies for an authority that is online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertifiedProfile {
    /// An issuer of code-signing certificates, and of nothing else.
    CodeSigningIntermediate,
    /// A timestamp authority (RFC 3161 §2.3).
    TimestampingLeaf,
}

impl CertifiedProfile {
    /// The extensions that make the profile, encoded as we encode them.
    fn extensions(self) -> Result<Vec<Extension>, X509Error> {
        use x509_cert::ext::pkix::KeyUsages::{CRLSign, DigitalSignature, KeyCertSign};
        Ok(match self {
            Self::CodeSigningIntermediate => vec![
                ext::key_usage([KeyCertSign, CRLSign])?,
                ext::basic_constraints(Some(0))?,
                ext::extended_key_usage(ext::CODE_SIGNING, false)?,
            ],
            Self::TimestampingLeaf => vec![
                ext::key_usage([DigitalSignature])?,
                ext::extended_key_usage(ext::TIME_STAMPING, true)?,
            ],
        })
    }
}

impl Certificate {
    /// Checks that `root` certified `key` with this profile, within its own life.
    ///
    /// # Errors
    /// [`X509Error::Possession`] if it is of another key,
    /// [`X509Error::Profile`] for everything else.
    pub fn check_certified(
        &self,
        root: &Self,
        key: &PublicKey,
        profile: CertifiedProfile,
    ) -> Result<(), X509Error> {
        if self.spki_der()? != key.spki_der() {
            return Err(X509Error::Possession);
        }
        let tbs = &self.parsed().tbs_certificate;
        let signed = tbs.to_der().map_err(X509Error::Encode)?;
        let issuer = PublicKey::from_spki_der(&root.spki_der()?)?;
        let signature = self.parsed().signature.as_bytes().unwrap_or_default();
        if tbs.issuer != *root.subject() || issuer.verify(&signed, signature).is_err() {
            return Err(X509Error::Profile("it is not signed by the root"));
        }
        let (own, outer) = (self.validity(), root.validity());
        if own.from >= own.until || own.from < outer.from || own.until > outer.until {
            return Err(X509Error::Profile(
                "it does not hold within the root's life",
            ));
        }
        let mut others: Vec<&Extension> = tbs.extensions.iter().flatten().collect();
        for wanted in profile.extensions()? {
            let at = others.iter().position(|found| **found == wanted);
            let at = at.ok_or(X509Error::Profile("its usages are not those asked for"))?;
            others.remove(at);
        }
        let identifiers = [ext::SUBJECT_KEY_ID, ext::AUTHORITY_KEY_ID];
        let known = |found: &&Extension| identifiers.contains(&found.extn_id.to_string().as_str());
        match others.iter().all(known) {
            true => Ok(()),
            false => Err(X509Error::Profile(
                "it has extensions that were not asked for",
            )),
        }
    }
}
