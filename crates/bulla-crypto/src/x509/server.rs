//! Certificates of TLS servers, issued by a transport root that appears in no
//! code-signing trust document.

use der::asn1::{Ia5String, OctetString};
use std::net::IpAddr;
use x509_cert::{
    ext::pkix::{KeyUsages, name::GeneralName},
    name::Name,
};

use super::{Certificate, Issuer, Validity, X509Error, extension as ext};
use crate::key::PublicKey;

/// Issues a server certificate for `hosts` (DNS names or IP addresses).
///
/// # Errors
/// [`X509Error::Name`] for a host that is neither, and for none at all.
pub fn issue_server_certificate(
    issuer: &Issuer,
    key: &PublicKey,
    hosts: &[String],
    validity: Validity,
) -> Result<Certificate, X509Error> {
    if hosts.is_empty() {
        return Err(X509Error::Name(String::new()));
    }
    let names = hosts
        .iter()
        .map(|host| general_name(host))
        .collect::<Result<_, _>>()?;
    let extensions = vec![
        ext::key_usage([KeyUsages::DigitalSignature])?,
        ext::extended_key_usage(ext::SERVER_AUTH, false)?,
        ext::subject_key_id(&ext::key_id(key.raw()))?,
        ext::authority_key_id(&issuer.key_id())?,
        ext::subject_alt_name(names, true)?,
    ];
    issuer.certify(&Name::default(), key.spki_der(), validity, extensions)
}

fn general_name(host: &str) -> Result<GeneralName, X509Error> {
    let refused = || X509Error::Name(host.into());
    if let Ok(address) = host.parse::<IpAddr>() {
        let octets = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        return Ok(GeneralName::IpAddress(
            OctetString::new(octets).map_err(|_| refused())?,
        ));
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    if host.len() > 253 || !host.split('.').all(label) {
        return Err(refused());
    }
    Ok(GeneralName::DnsName(
        Ia5String::new(host).map_err(|_| refused())?,
    ))
}
