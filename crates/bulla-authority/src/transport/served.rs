//! A server that others call by a host name: the admission webhook.
//!
//! Its clients believe the transport roots and know no SPIFFE; they show no
//! certificate. The leaf is renewed in place like any other.

use bulla_crypto::{Scheme, SigningKey, x509::issue_server_certificate};
use jiff::Timestamp;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock, Weak},
};

use super::{
    Leaf, Transport, TransportError,
    identity::{Svid, svid},
    leaf_validity,
};
use crate::health::{Lifetime, Renewal};

/// A server certificate that is renewed in place. Cheap to clone.
#[derive(Clone)]
pub struct ServedName {
    inner: Arc<Inner>,
}

struct Inner {
    hosts: Vec<String>,
    current: RwLock<Arc<Svid>>,
}

impl ServedName {
    pub(super) fn new(transport: &Transport, hosts: &[String]) -> Result<Self, TransportError> {
        let current = issue(transport, hosts, transport.now())?;
        let inner = Arc::new(Inner {
            hosts: hosts.to_vec(),
            current: RwLock::new(Arc::new(current)),
        });
        Ok(Self { inner })
    }

    pub(super) fn leaf(&self) -> Weak<dyn Leaf> {
        let leaf: Arc<dyn Leaf> = self.inner.clone();
        Arc::downgrade(&leaf)
    }

    /// TLS 1.2 and 1.3 for its callers.
    ///
    /// # Errors
    /// [`TransportError::Tls`] if TLS cannot be set up.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, TransportError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// How long the present certificate holds.
    pub fn lifetime(&self) -> Lifetime {
        self.inner.svid().lifetime.clone()
    }
}

impl fmt::Debug for ServedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServedName({})", self.inner.hosts.join(", "))
    }
}

impl ResolvesServerCert for ServedName {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.inner.svid().certified.clone())
    }
}

impl Inner {
    fn svid(&self) -> Arc<Svid> {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Leaf for Inner {
    fn lifetime(&self) -> Lifetime {
        self.svid().lifetime.clone()
    }

    fn renew(&self, transport: &Transport, now: Timestamp) -> Result<(), TransportError> {
        if self.svid().lifetime.is_due(now) {
            let new = issue(transport, &self.hosts, now)?;
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
            tracing::info!(hosts = ?self.hosts, "a server certificate was renewed");
        }
        Ok(())
    }
}

fn issue(transport: &Transport, hosts: &[String], now: Timestamp) -> Result<Svid, TransportError> {
    let key = SigningKey::generate(Scheme::EcdsaP256)?;
    let issuer = transport.issuer(now)?;
    let leaf = issue_server_certificate(&issuer, key.public(), hosts, leaf_validity(now)?)?;
    let chain = [&leaf, issuer.certificate()]
        .map(|certificate| CertificateDer::from(certificate.der().to_vec()))
        .to_vec();
    let key = PrivateKeyDer::Pkcs8(key.to_pkcs8_der().to_vec().into());
    svid(chain, &key, "webhook certificate", Renewal::Itself)
}
