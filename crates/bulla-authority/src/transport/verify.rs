//! Believing the other end: its chain, by the roots of the trust domain that it
//! names, at the time of the injected clock; then its name, by who may call.
//!
//! Host names are not looked at: a SPIFFE ID says who somebody is, not where.

use bulla_core::Clock;
use bulla_crypto::x509::{parse_certificate, svid_id};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use std::{fmt, sync::Arc, time::Duration};
use webpki::{EndEntityCert, KeyUsage};

use super::{SpiffeId, TransportError, bundle::Bundle};

/// Certificates in a chain.
const CHAIN: usize = 8;

/// Who may be at the other end; always of our own trust domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peers {
    /// Whoever has an identity.
    TrustDomain,
    /// Those whose path is one of these, or lies below it: `authority` also
    /// stands for `authority/replica-1`.
    Below(Vec<String>),
}

impl Peers {
    /// Whether `id` may be at the other end.
    fn allow(&self, id: &SpiffeId) -> bool {
        match self {
            Self::TrustDomain => true,
            Self::Below(paths) => paths.iter().any(|path| {
                let rest = id.path().strip_prefix(path.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }),
        }
    }
}

/// Who is at the other end, after the handshake.
///
/// # Errors
/// [`TransportError::Nobody`] without a certificate, or the reason why it names nobody.
pub fn peer_id(chain: &[CertificateDer<'_>]) -> Result<SpiffeId, TransportError> {
    let leaf = chain.first().ok_or(TransportError::Nobody)?;
    SpiffeId::parse(&svid_id(&parse_certificate(leaf)?)?)
}

/// Checks the other end, whichever end that is.
pub(super) struct Verifier {
    pub(super) bundle: Arc<Bundle>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) peers: Peers,
    algorithms: WebPkiSupportedAlgorithms,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Verifier({}, {:?})",
            self.bundle.trust_domain(),
            self.peers
        )
    }
}

impl Verifier {
    pub(super) fn new(bundle: Arc<Bundle>, clock: Arc<dyn Clock>, peers: Peers) -> Self {
        Self {
            bundle,
            clock,
            peers,
            algorithms: aws_lc_rs::default_provider().signature_verification_algorithms,
        }
    }

    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        usage: KeyUsage,
    ) -> Result<(), Error> {
        let told = |error: &dyn fmt::Display| {
            tracing::info!(target: "audit", event = "peer-refused", reason = %error, "a peer was refused");
        };
        let id = peer_id(std::slice::from_ref(leaf)).map_err(|error| {
            told(&error);
            Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
        })?;
        let anchors = self.bundle.of(id.trust_domain()).ok_or_else(|| {
            told(&format_args!("{id} is of another trust domain"));
            Error::InvalidCertificate(CertificateError::UnknownIssuer)
        })?;
        let now = u64::try_from(self.clock.now().as_second()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        if between.len() > CHAIN {
            told(&format_args!("the chain of {id} is too long"));
            return Err(Error::InvalidCertificate(CertificateError::BadEncoding));
        }
        let chain = EndEntityCert::try_from(leaf).and_then(|leaf| {
            let algorithms = self.algorithms.all;
            leaf.verify_for_usage(algorithms, &anchors, between, now, usage, None, None)
                .map(drop)
        });
        if let Err(error) = chain {
            told(&format_args!("{id}: {error}"));
            return Err(Error::InvalidCertificate(reason(error)));
        }
        if !self.peers.allow(&id) {
            told(&format_args!("{id} may not call here"));
            let failure = CertificateError::ApplicationVerificationFailure;
            return Err(Error::InvalidCertificate(failure));
        }
        Ok(())
    }
}

fn reason(error: webpki::Error) -> CertificateError {
    match error {
        webpki::Error::CertExpired { .. } => CertificateError::Expired,
        webpki::Error::CertNotValidYet { .. } => CertificateError::NotValidYet,
        webpki::Error::UnknownIssuer => CertificateError::UnknownIssuer,
        _ => CertificateError::ApplicationVerificationFailure,
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verify(leaf, between, KeyUsage::server_auth())?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.verify(leaf, between, KeyUsage::client_auth())?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn no_tls12() -> Error {
    Error::General("peers speak TLS 1.3 here".into())
}
