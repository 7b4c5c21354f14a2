//! TLS for outgoing connections: rustls with aws-lc-rs, chosen here and nowhere
//! by accident; trust in one given authority, or in the machine's roots.

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::sync::Arc;

use crate::http::HttpError;

/// Certificates in one file.
const CERTIFICATES: usize = 1024;

/// Whose server certificates are believed.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum TlsRoots {
    /// Whatever this configuration believes, under the identity that it shows.
    Configured(Arc<ClientConfig>),
    /// These authorities alone: PEM, one or more certificates.
    Pem(Vec<u8>),
    /// The machine's, read on first use (`SSL_CERT_FILE` and `SSL_CERT_DIR`
    /// are honoured).
    #[default]
    System,
}

impl TlsRoots {
    /// The client's side of TLS 1.2 and 1.3, without client certificate; or what
    /// was configured, as it is.
    ///
    /// # Errors
    /// [`HttpError::Roots`] if no root can be read.
    pub fn client_config(&self) -> Result<ClientConfig, HttpError> {
        match self {
            Self::Configured(config) => Ok((**config).clone()),
            Self::Pem(_) | Self::System => configure(self.store()?),
        }
    }

    fn store(&self) -> Result<RootCertStore, HttpError> {
        let mut store = RootCertStore::empty();
        let certificates = match self {
            Self::Configured(_) => Vec::new(),
            Self::Pem(pem) => CertificateDer::pem_slice_iter(pem)
                .take(CERTIFICATES)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| HttpError::Roots(error.to_string()))?,
            Self::System => rustls_native_certs::load_native_certs().certs,
        };
        // A machine's store may hold certificates that rustls cannot read; a
        // given file may not.
        let (read, ignored) = store.add_parsable_certificates(certificates);
        let given = matches!(self, Self::Pem(_));
        if read == 0 || (given && ignored > 0) {
            return Err(HttpError::Roots(format!(
                "{read} certificates could be used, {ignored} could not"
            )));
        }
        Ok(store)
    }
}

/// TLS that believes nobody: for clients that speak plain HTTP on loopback.
pub(crate) fn believes_nobody() -> Result<ClientConfig, HttpError> {
    configure(RootCertStore::empty())
}

fn configure(store: RootCertStore) -> Result<ClientConfig, HttpError> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpError::Roots(error.to_string()))?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(config)
}
