//! The public listener's certificate: two files that somebody else renews, read
//! again when they change. What cannot be read then leaves the former in place,
//! and an alarm says when that one ends.

use bulla_authority::health::{Lifetime, Renewal, of_certificate};
use bulla_core::Clock;
use bulla_crypto::x509::parse_certificate;
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};
use tokio_rustls::rustls::{
    ServerConfig,
    crypto::aws_lc_rs::{self, sign::any_supported_type},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::config::ListenSettings;
use crate::failure::{Exit, Failure, OnPath, OrFail};

/// Certificates in a chain.
const CHAIN: usize = 16;

/// A certificate from files. Cheap to clone.
#[derive(Clone)]
pub struct TlsFiles {
    inner: Arc<Inner>,
}

struct Inner {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Current>,
}

#[derive(Clone)]
struct Current {
    certified: Arc<CertifiedKey>,
    lifetime: Lifetime,
}

impl TlsFiles {
    /// The files that `listen` names, if it names any.
    ///
    /// # Errors
    /// If they hold no certificate and key that belong together, or an expired one.
    pub fn open(listen: &ListenSettings, clock: &Arc<dyn Clock>) -> Result<Option<Self>, Failure> {
        let (Some(certificate), Some(key)) = (&listen.certificate_file, &listen.key_file) else {
            return Ok(None);
        };
        let current = read(certificate, key)?;
        current.lifetime.require(clock.now()).or_could_not_run()?;
        let inner = Inner {
            certificate: certificate.clone(),
            key: key.clone(),
            current: RwLock::new(current),
        };
        let inner = Arc::new(inner);
        Ok(Some(Self { inner }))
    }

    /// Reads the files again.
    pub fn reload(&self) {
        match read(&self.inner.certificate, &self.inner.key) {
            Ok(new) => {
                let mut current = self
                    .inner
                    .current
                    .write()
                    .unwrap_or_else(PoisonError::into_inner);
                if new.lifetime != current.lifetime || new.certified.cert != current.certified.cert
                {
                    *current = new;
                    tracing::info!("the public certificate was read again");
                }
            }
            Err(failure) => tracing::error!(%failure, "the public certificate stays as it was"),
        }
    }

    /// How long the present certificate holds.
    pub fn lifetime(&self) -> Lifetime {
        self.current().lifetime
    }

    /// TLS for clients.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, Failure> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|cause| unusable(&self.inner.certificate, &cause))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn current(&self) -> Current {
        let current = self.inner.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for TlsFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsFiles({})", self.inner.certificate.display())
    }
}

impl ResolvesServerCert for TlsFiles {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current().certified)
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Current, Failure> {
    let bytes = fs::read(certificate).on_path("read", certificate)?;
    let chain = CertificateDer::pem_slice_iter(&bytes)
        .take(CHAIN)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|cause| unusable(certificate, &cause))?;
    let leaf = chain
        .first()
        .ok_or_else(|| unusable(certificate, &"it holds no certificate"))?;
    let leaf = parse_certificate(leaf).or_could_not_run()?;
    let bytes = zeroize::Zeroizing::new(fs::read(key).on_path("read", key)?);
    let private = PrivateKeyDer::from_pem_slice(&bytes).map_err(|cause| unusable(key, &cause))?;
    let private = any_supported_type(&private).map_err(|cause| unusable(key, &cause))?;
    let certified = CertifiedKey::new(chain, private);
    certified
        .keys_match()
        .map_err(|cause| unusable(certificate, &cause))?;
    let mend = format!(
        "renew {} and {}: they are read again by themselves",
        certificate.display(),
        key.display()
    );
    Ok(Current {
        certified: Arc::new(certified),
        lifetime: of_certificate("public certificate", &leaf, Renewal::Command(mend)),
    })
}

fn unusable(path: &Path, cause: &dyn fmt::Display) -> Failure {
    Failure::new(
        Exit::CouldNotRun,
        "CLI-0513",
        format!("{} cannot be used for TLS", path.display()),
    )
    .line(cause.to_string())
    .hint("name a PEM chain, leaf first, and its key in [listen]")
}

#[cfg(test)]
mod tests;
