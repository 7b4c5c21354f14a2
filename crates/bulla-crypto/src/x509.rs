//! X.509 certificates: the profiles we issue, and requests for them.
//!
//! RFC 5280 shapes built by hand, so that precertificate and certificate are
//! the same bytes but for two extensions. Whether a chain is trusted is not
//! judged here: `bulla-trust` does that.

mod certificate;
mod code_signing;
mod extension;
mod fulcio;
mod issuer;
mod profile;
mod request;
mod server;
mod svid;

pub use certificate::{Certificate, parse_certificate, parse_pem_chain, to_pem_chain};
pub use code_signing::{CodeSigningProfile, Precertificate, SubjectName};
pub use fulcio::{FulcioExtension, FulcioExtensions};
pub use issuer::{CaProfile, Issuer, Validity};
pub use profile::CertifiedProfile;
pub use request::{CertificateRequest, parse_csr_pem};
pub use server::issue_server_certificate;
pub use svid::{issue_svid, svid_id};

use bulla_core::{Code, Diagnose};

use crate::key::KeyError;

/// What can go wrong with certificates.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum X509Error {
    /// The certificate is malformed.
    #[error("this is not an X.509 certificate: {0}")]
    Certificate(der::Error),
    /// The name cannot stand in a certificate.
    #[error("{0:?} cannot stand in a certificate as an email address, URI, user name or host")]
    Name(String),
    /// Encoding failed.
    #[error("the certificate could not be encoded: {0}")]
    Encode(der::Error),
    /// A key is unusable.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A certificate that is not what a ceremony was asked for.
    #[error("the certificate is not the one that was asked for: {0}")]
    Profile(&'static str),
    /// Whoever sent the request does not hold the private key.
    #[error("the certificate request is not signed by the key that it names")]
    Possession,
    /// The request is malformed.
    #[error("this is not a PKCS #10 certificate request in PEM")]
    Request,
    /// Not the leaf of an X.509-SVID.
    #[error("this certificate does not identify a workload of SPIFFE: {0}")]
    Svid(&'static str),
    /// A time is outside what X.509 can write.
    #[error("the time {0} cannot stand in a certificate")]
    Time(jiff::Timestamp),
}

impl Diagnose for X509Error {
    fn code(&self) -> Code {
        match self {
            Self::Certificate(_) => Code("CRYPTO-0010"),
            Self::Name(_) => Code("CRYPTO-0011"),
            Self::Encode(_) => Code("CRYPTO-0012"),
            Self::Key(error) => error.code(),
            Self::Possession => Code("CRYPTO-0013"),
            Self::Request => Code("CRYPTO-0014"),
            Self::Time(_) => Code("CRYPTO-0015"),
            Self::Svid(_) => Code("CRYPTO-0016"),
            Self::Profile(_) => Code("CRYPTO-0017"),
        }
    }
}

#[cfg(test)]
mod tests;
