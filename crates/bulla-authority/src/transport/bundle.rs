//! Whose roots certify which trust domain: replaced as a whole, read by each
//! handshake.

use bulla_crypto::x509::Certificate;
use rustls::pki_types::{CertificateDer, TrustAnchor};
use std::sync::{Arc, PoisonError, RwLock};
use webpki::anchor_from_trusted_cert;

use super::TransportError;

/// The roots of one trust domain. While one succeeds another, both are in it.
pub(super) struct Bundle {
    trust_domain: String,
    anchors: RwLock<Arc<Vec<TrustAnchor<'static>>>>,
}

impl Bundle {
    /// A bundle without roots.
    pub(super) fn new(trust_domain: &str) -> Self {
        Self {
            trust_domain: trust_domain.into(),
            anchors: RwLock::default(),
        }
    }

    /// Believes these and no others from now on.
    pub(super) fn set<'a>(
        &self,
        roots: impl Iterator<Item = &'a Certificate>,
    ) -> Result<(), TransportError> {
        let anchors = roots.map(|root| {
            let der = CertificateDer::from(root.der());
            let anchor = anchor_from_trusted_cert(&der)
                .map_err(|error| TransportError::Tls(rustls::Error::General(error.to_string())))?;
            Ok(anchor.to_owned())
        });
        let anchors = anchors.collect::<Result<Vec<_>, TransportError>>()?;
        *self.anchors.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(anchors);
        Ok(())
    }

    /// The roots of `trust_domain`; none for one that is not ours. Chosen before
    /// any chain is built, so that no root certifies for another domain.
    pub(super) fn of(&self, trust_domain: &str) -> Option<Arc<Vec<TrustAnchor<'static>>>> {
        (trust_domain == self.trust_domain).then(|| {
            let anchors = self.anchors.read();
            anchors.unwrap_or_else(PoisonError::into_inner).clone()
        })
    }

    /// The trust domain.
    pub(super) fn trust_domain(&self) -> &str {
        &self.trust_domain
    }
}
