//! Identities of workloads: X.509-SVIDs of SPIFFE, issued and read.
//!
//! A leaf names its workload by exactly one URI, may be server and client, and
//! can sign nothing but handshakes. Whether a chain leads to the bundle of its
//! trust domain is not judged here: whoever terminates TLS does that.

use der::{Decode, asn1::Ia5String};
use x509_cert::{
    ext::pkix::{BasicConstraints, KeyUsage, KeyUsages, SubjectAltName, name::GeneralName},
    name::Name,
};

use super::{Certificate, Issuer, Validity, X509Error, extension as ext};
use crate::key::PublicKey;

/// The longest SPIFFE ID, in bytes (SPIFFE-ID §2.3).
const ID_BYTES: usize = 2048;

/// Issues the certificate of the workload called `id` (`spiffe://…`, not
/// checked further here).
///
/// # Errors
/// [`X509Error::Name`] for an id that cannot stand in a certificate.
pub fn issue_svid(
    issuer: &Issuer,
    key: &PublicKey,
    id: &str,
    validity: Validity,
) -> Result<Certificate, X509Error> {
    let refused = || X509Error::Name(id.into());
    if !id.starts_with("spiffe://") || id.len() > ID_BYTES {
        return Err(refused());
    }
    let uri = Ia5String::new(id).map_err(|_| refused())?;
    let extensions = vec![
        ext::key_usage([KeyUsages::DigitalSignature])?,
        ext::extended_key_usages(&[ext::SERVER_AUTH, ext::CLIENT_AUTH], false)?,
        ext::subject_key_id(&ext::key_id(key.raw()))?,
        ext::authority_key_id(&issuer.key_id())?,
        ext::subject_alt_name(vec![GeneralName::UniformResourceIdentifier(uri)], true)?,
    ];
    issuer.certify(&Name::default(), key.spki_der(), validity, extensions)
}

/// The id in the leaf of an X.509-SVID (X509-SVID §2, §4, §5.2).
///
/// # Errors
/// [`X509Error::Svid`] if it names no workload, several, or could be an authority.
pub fn svid_id(leaf: &Certificate) -> Result<String, X509Error> {
    let tbs = &leaf.parsed().tbs_certificate;
    let mut id = None;
    let mut usage = None;
    for extension in tbs.extensions.iter().flatten() {
        let value = extension.extn_value.as_bytes();
        match extension.extn_id.to_string().as_str() {
            ext::SUBJECT_ALT_NAME => {
                let names = SubjectAltName::from_der(value).map_err(|_| X509Error::Svid(NAMES))?;
                for name in names.0 {
                    if let GeneralName::UniformResourceIdentifier(uri) = name
                        && id.replace(uri.to_string()).is_some()
                    {
                        return Err(X509Error::Svid("it names more than one URI"));
                    }
                }
            }
            ext::BASIC_CONSTRAINTS => {
                let constraints = BasicConstraints::from_der(value)
                    .map_err(|_| X509Error::Svid("its basic constraints cannot be read"))?;
                if constraints.ca {
                    return Err(X509Error::Svid("it is the certificate of an authority"));
                }
            }
            ext::KEY_USAGE => {
                let KeyUsage(flags) = KeyUsage::from_der(value)
                    .map_err(|_| X509Error::Svid("its key usage cannot be read"))?;
                usage = Some(flags);
            }
            _ => {}
        }
    }
    let usage = usage.ok_or(X509Error::Svid("it has no key usage"))?;
    let forbidden = KeyUsages::KeyCertSign | KeyUsages::CRLSign;
    if !usage.contains(KeyUsages::DigitalSignature) || !(usage & forbidden).is_empty() {
        return Err(X509Error::Svid("its key usage is not that of a leaf"));
    }
    let id = id.ok_or(X509Error::Svid("it names no URI"))?;
    match id.len() <= ID_BYTES {
        true => Ok(id),
        false => Err(X509Error::Svid("its URI is too long")),
    }
}

const NAMES: &str = "its alternative names cannot be read";
