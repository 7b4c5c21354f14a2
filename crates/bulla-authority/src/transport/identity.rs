//! This process's own identity for mutual TLS, and both ends of a connection.
//!
//! TLS 1.3 only, no resumption: who is at the other end is looked at each time,
//! so that an identity that ended cannot live on in a session.

use bulla_core::Clock;
use bulla_crypto::{
    Scheme, SigningKey,
    x509::{issue_svid, parse_certificate},
};
use jiff::Timestamp;
use rustls::{
    ClientConfig, ServerConfig, SignatureScheme,
    client::{ResolvesClientCert, Resumption},
    crypto::aws_lc_rs::{self, sign::any_supported_type},
    pki_types::{CertificateDer, PrivateKeyDer},
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
    version::TLS13,
};
use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock, Weak},
};

use super::{
    Leaf, Peers, SpiffeId, Transport, TransportError, bundle::Bundle, files::Files, leaf_validity,
    verify::Verifier,
};
use crate::health::{Lifetime, Renewal, of_certificate};

/// An identity that is renewed in place. Cheap to clone.
#[derive(Clone)]
pub struct TransportIdentity {
    inner: Arc<Inner>,
}

struct Inner {
    id: SpiffeId,
    clock: Arc<dyn Clock>,
    bundle: Arc<Bundle>,
    source: Source,
    current: RwLock<Arc<Svid>>,
}

/// Who renews it.
enum Source {
    /// The instance's own transport root.
    Own,
    /// Whoever writes these files.
    Files(Files),
}

/// A certificate with its key, ready for handshakes.
pub(super) struct Svid {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) lifetime: Lifetime,
}

impl TransportIdentity {
    pub(super) fn new(transport: &Transport, path: &str) -> Result<Self, TransportError> {
        let clock = transport.parts.clock.clone();
        let inner = match transport.settings().files() {
            None => {
                let id = SpiffeId::new(transport.trust_domain(), path)?;
                Inner {
                    current: RwLock::new(Arc::new(issue(transport, &id, transport.now())?)),
                    id,
                    clock,
                    bundle: transport.bundle(),
                    source: Source::Own,
                }
            }
            Some(files) => {
                let read = files.read()?;
                let bundle = Bundle::new(read.id.trust_domain());
                bundle.set(read.roots.iter())?;
                Inner {
                    id: read.id,
                    clock,
                    bundle: Arc::new(bundle),
                    current: RwLock::new(Arc::new(read.svid)),
                    source: Source::Files(files),
                }
            }
        };
        let inner = Arc::new(inner);
        Ok(Self { inner })
    }

    pub(super) fn leaf(&self) -> Weak<dyn Leaf> {
        let leaf: Arc<dyn Leaf> = self.inner.clone();
        Arc::downgrade(&leaf)
    }

    /// Who this process is.
    pub fn id(&self) -> &SpiffeId {
        &self.inner.id
    }

    /// How long it still is.
    pub fn lifetime(&self) -> Lifetime {
        self.inner.svid().lifetime.clone()
    }

    /// The accepting end: nobody without an identity that `peers` allows.
    ///
    /// # Errors
    /// [`TransportError::Tls`] if TLS cannot be set up.
    pub fn server_config(&self, peers: &Peers) -> Result<Arc<ServerConfig>, TransportError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(Arc::new(self.verifier(peers)))
            .with_cert_resolver(Arc::new(self.clone()));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// The calling end: the server must be one that `peers` allows, wherever it is.
    ///
    /// # Errors
    /// [`TransportError::Tls`] if TLS cannot be set up.
    pub fn client_config(&self, peers: &Peers) -> Result<Arc<ClientConfig>, TransportError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(self.verifier(peers)))
            .with_client_cert_resolver(Arc::new(self.clone()));
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn verifier(&self, peers: &Peers) -> Verifier {
        let inner = &self.inner;
        Verifier::new(inner.bundle.clone(), inner.clock.clone(), peers.clone())
    }
}

impl fmt::Debug for TransportIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportIdentity({})", self.inner.id)
    }
}

impl ResolvesServerCert for TransportIdentity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.inner.svid().certified.clone())
    }
}

impl ResolvesClientCert for TransportIdentity {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        Some(self.inner.svid().certified.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl Inner {
    fn svid(&self) -> Arc<Svid> {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, svid: Svid) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(svid);
    }
}

impl Leaf for Inner {
    fn lifetime(&self) -> Lifetime {
        self.svid().lifetime.clone()
    }

    fn renew(&self, transport: &Transport, now: Timestamp) -> Result<(), TransportError> {
        match &self.source {
            Source::Own if self.svid().lifetime.is_due(now) => {
                self.put(issue(transport, &self.id, now)?);
                tracing::info!(id = %self.id, "the transport certificate was renewed");
            }
            Source::Own => {}
            Source::Files(files) => {
                if let Some(read) = files.changed()? {
                    if read.id != self.id {
                        return Err(files.refuse("names another workload than at the start"));
                    }
                    self.bundle.set(read.roots.iter())?;
                    self.put(read.svid);
                    tracing::info!(id = %self.id, "the transport files were read again");
                }
            }
        }
        Ok(())
    }
}

fn issue(transport: &Transport, id: &SpiffeId, now: Timestamp) -> Result<Svid, TransportError> {
    let key = SigningKey::generate(Scheme::EcdsaP256)?;
    let validity = leaf_validity(now)?;
    let issuer = transport.issuer(now)?;
    let leaf = issue_svid(&issuer, key.public(), id.as_str(), validity)?;
    let chain = vec![CertificateDer::from(leaf.der().to_vec())];
    let key = PrivateKeyDer::Pkcs8(key.to_pkcs8_der().to_vec().into());
    svid(chain, &key, "transport certificate", Renewal::Itself)
}

/// Puts a chain, leaf first, and its key together.
pub(super) fn svid(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'_>,
    what: &str,
    renewal: Renewal,
) -> Result<Svid, TransportError> {
    let leaf = parse_certificate(chain.first().ok_or(TransportError::Nobody)?)?;
    let certified = CertifiedKey::new(chain, any_supported_type(key)?);
    certified.keys_match()?;
    Ok(Svid {
        certified: Arc::new(certified),
        lifetime: of_certificate(what, &leaf, renewal),
    })
}
