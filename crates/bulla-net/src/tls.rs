//! TLS for outgoing connections: rustls with aws-lc-rs, chosen here and nowhere
//! by accident; trust in one given authority, or in the machine's roots.

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{fmt, sync::Arc};

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

/// What a client shows of itself where a server asks: a certificate with its
/// chain, and the key for it. `Debug` does not show the key.
#[derive(Clone)]
pub struct TlsIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
}

impl TlsIdentity {
    /// From PEM: the certificate first, then those that vouch for it; and its key
    /// (PKCS#8, SEC1 or PKCS#1, not encrypted).
    ///
    /// # Errors
    /// [`HttpError::Identity`] if they cannot be read, or the key is another's.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, HttpError> {
        let refused = |what: &str, error: &dyn fmt::Display| {
            HttpError::Identity(format!("the {what} cannot be read: {error}"))
        };
        let chain = CertificateDer::pem_slice_iter(chain)
            .take(CERTIFICATES)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| refused("certificate", &error))?;
        if chain.is_empty() {
            return Err(refused("certificate", &"there is none in it"));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| refused("key", &error))?;
        let identity = Self {
            chain,
            key: Arc::new(key),
        };
        // Told now, not by the first server that asks.
        configure(RootCertStore::empty(), Some(&identity))?;
        Ok(identity)
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsIdentity({} certificates, key)", self.chain.len())
    }
}

impl TlsRoots {
    /// The client's side of TLS 1.2 and 1.3, with that certificate where one is
    /// given; or what was configured, as it is.
    ///
    /// # Errors
    /// [`HttpError::Roots`] if no root can be read, [`HttpError::Identity`] if the
    /// certificate cannot be shown.
    pub fn client_config(&self, identity: Option<&TlsIdentity>) -> Result<ClientConfig, HttpError> {
        match self {
            Self::Configured(config) if identity.is_none() => Ok((**config).clone()),
            Self::Configured(_) => Err(HttpError::Identity(
                "another certificate is configured already".into(),
            )),
            Self::Pem(_) | Self::System => configure(self.store()?, identity),
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
    configure(RootCertStore::empty(), None)
}

fn configure(
    store: RootCertStore,
    identity: Option<&TlsIdentity>,
) -> Result<ClientConfig, HttpError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpError::Roots(error.to_string()))?
        .with_root_certificates(store);
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some(identity) => builder
            .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
            .map_err(|error| HttpError::Identity(error.to_string())),
    }
}
