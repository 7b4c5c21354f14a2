//! The sealer: one signer, its witnesses, and the making of a bundle.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Clock, Digest, Envelope, descriptor::media_type, envelope::EnvelopeSignature};
use bulla_crypto::{PublicKey, Scheme, Signer, SigningKey, x509};
use bulla_trust::{
    TrustRoot,
    dsse::DsseError,
    root::{LogApi, LogService, SigningServices},
    sigstore::{IdentityExpectation, make},
};
use std::sync::Arc;

use super::{Content, Parts, SealError, Sealed, Signed, check};
use crate::{
    ca,
    http::HttpClient,
    log::{self, LogEntry, Submission, Verifier},
    oidc::Token,
    pem,
    service::ServiceError,
    tsa,
};

/// How a log of version 1 is to hold an envelope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogKind {
    /// As `dsse`: what verifiers of envelopes expect.
    #[default]
    Dsse,
    /// As `hashedrekord` over the pre-authentication encoding.
    HashedRekord,
}

/// Seals contents with one signer.
#[derive(Clone)]
pub struct Sealer {
    http: HttpClient,
    signer: Arc<dyn Signer>,
    certificate: Option<Certificate>,
    logs: Vec<LogService>,
    tsas: Vec<String>,
    kind: LogKind,
    pub(super) check: Option<Check>,
}

#[derive(Clone)]
struct Certificate {
    leaf: Vec<u8>,
    issuers: Vec<Vec<u8>>,
    /// Whom the token promised, so that a certificate for somebody else fails.
    promised: Option<IdentityExpectation>,
}

/// Under what the result is verified.
#[derive(Clone)]
pub(super) struct Check {
    pub(super) root: Arc<TrustRoot>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Sealer {
    /// Signs with a key; the bundle names it by a hint.
    pub fn with_key(http: &HttpClient, signer: Arc<dyn Signer>) -> Self {
        Self {
            http: http.clone(),
            signer,
            certificate: None,
            logs: Vec::new(),
            tsas: Vec::new(),
            kind: LogKind::default(),
            check: None,
        }
    }

    /// Signs with a key that has a certificate already (DER; `issuers` up to
    /// the root, which may be left out).
    ///
    /// # Errors
    /// [`SealError::Certificate`] if it is for another key.
    pub fn with_certificate(
        http: &HttpClient,
        signer: Arc<dyn Signer>,
        leaf: Vec<u8>,
        issuers: Vec<Vec<u8>>,
    ) -> Result<Self, SealError> {
        let key = x509::parse_certificate(&leaf)
            .and_then(|certificate| certificate.spki_der())
            .map_err(|_| SealError::Certificate)?;
        if key != signer.public().spki_der() {
            return Err(SealError::Certificate);
        }
        let mut sealer = Self::with_key(http, signer);
        sealer.certificate = Some(Certificate {
            leaf,
            issuers,
            promised: None,
        });
        Ok(sealer)
    }

    /// Signs with a new key that the authority at `ca` certifies for the holder
    /// of `token`, and that is dropped with this sealer.
    ///
    /// # Errors
    /// [`SealError`] if the authority refuses.
    pub async fn keyless(
        http: &HttpClient,
        ca: &str,
        token: &Token,
        scheme: Scheme,
    ) -> Result<Self, SealError> {
        // Authorities check the proof of possession as pure Ed25519.
        let first = match scheme {
            Scheme::Ed25519ph => Scheme::Ed25519,
            other => other,
        };
        let key = SigningKey::generate(first)?;
        let certificate = certificate(http, ca, token, &key).await?;
        let mut sealer = Self::with_key(http, Arc::new(key.with_scheme(scheme)?));
        sealer.certificate = Some(certificate);
        Ok(sealer)
    }

    /// Signs with the caller's key, which the authority at `ca` certifies for
    /// the holder of `token`.
    ///
    /// # Errors
    /// [`SealError`] if the authority refuses.
    pub async fn certified(
        http: &HttpClient,
        ca: &str,
        token: &Token,
        signer: Arc<dyn Signer>,
    ) -> Result<Self, SealError> {
        let certificate = certificate(http, ca, token, signer.as_ref()).await?;
        let mut sealer = Self::with_key(http, signer);
        sealer.certificate = Some(certificate);
        Ok(sealer)
    }

    /// Has every signature logged in each of these logs, and stamped by each of
    /// these authorities.
    #[must_use]
    pub fn witnessed_by(mut self, services: &SigningServices) -> Self {
        self.logs.clone_from(&services.logs);
        self.tsas.clone_from(&services.tsas);
        self
    }

    /// How logs of version 1 hold envelopes.
    #[must_use]
    pub fn log_kind(mut self, kind: LogKind) -> Self {
        self.kind = kind;
        self
    }

    /// Verifies under this root what comes out, and demands what the witnesses
    /// can prove: nothing is given out that does not verify. Without it, only
    /// the signature is checked.
    #[must_use]
    pub fn checked_under(mut self, root: Arc<TrustRoot>, clock: Arc<dyn Clock>) -> Self {
        self.check = Some(Check { root, clock });
        self
    }

    /// The signer's public key.
    pub fn public_key(&self) -> &PublicKey {
        self.signer.public()
    }

    /// The signing certificate, DER.
    pub fn certificate(&self) -> Option<&[u8]> {
        self.certificate.as_ref().map(|c| c.leaf.as_slice())
    }

    /// The logs that will hold an entry.
    pub fn logs(&self) -> &[LogService] {
        &self.logs
    }

    pub(super) fn is_stamped(&self) -> bool {
        !self.tsas.is_empty()
    }

    pub(super) fn promised(&self) -> Option<&IdentityExpectation> {
        self.certificate.as_ref()?.promised.as_ref()
    }

    /// Signs, has it witnessed, and makes the bundle.
    ///
    /// # Errors
    /// [`SealError`] if the signer or a service refuses, or what came out does
    /// not verify.
    pub async fn seal(&self, content: &Content<'_>) -> Result<Sealed, SealError> {
        content.check()?;
        let mut signed = self.prepare(content)?;
        self.can_be_logged(&signed)?;
        let message = signed.message();
        let signature = self.sign(message.clone()).await?;
        self.public_key().verify(&message, &signature)?;
        signed.add(&signature);
        let mut timestamps = Vec::with_capacity(self.tsas.len());
        for tsa in &self.tsas {
            timestamps.push(tsa::stamp(&self.http, tsa, &signature).await?);
        }
        let digest = self.signer.scheme().hash().digest(&message);
        let log_entries = self.log(&signed, &digest, &signature).await?;
        let parts = self.parts(&signed, signature, log_entries, timestamps);
        let bundle = self.bundle(&signed, &digest, &parts)?;
        let proven = check::check(self, &signed, &bundle)?;
        Ok(Sealed {
            digest: Digest::sha256(&bundle),
            bundle,
            signer: proven.signer,
            log: proven.log,
            time: proven.time,
            parts,
        })
    }

    fn prepare(&self, content: &Content<'_>) -> Result<Signed, SealError> {
        let envelope = |payload_type: &str, payload: Vec<u8>| {
            Signed::Envelope(Envelope {
                payload,
                payload_type: payload_type.to_owned(),
                signatures: Vec::new(),
            })
        };
        Ok(match content {
            Content::Blob(bytes) => Signed::Blob(bytes.to_vec()),
            Content::Envelope {
                payload_type,
                payload,
            } => envelope(payload_type, payload.to_vec()),
            Content::Statement(statement) => {
                let payload = serde_json::to_vec(statement).map_err(DsseError::Encode)?;
                envelope(media_type::IN_TOTO, payload)
            }
        })
    }

    /// Refuses before anything is signed what a log could not check.
    fn can_be_logged(&self, signed: &Signed) -> Result<(), SealError> {
        let by_digest = |log: &LogService| {
            log.api == LogApi::V2 || self.kind == LogKind::HashedRekord || signed.is_blob()
        };
        if !self.signer.scheme().signs_digest() && self.logs.iter().any(by_digest) {
            return Err(SealError::PureEd25519);
        }
        Ok(())
    }

    /// Devices and plugins take their time, so they get a thread of their own.
    async fn sign(&self, message: Vec<u8>) -> Result<Vec<u8>, SealError> {
        let signer = self.signer.clone();
        let signature = tokio::task::spawn_blocking(move || signer.sign(&message));
        Ok(signature.await.map_err(|_| SealError::Signer)??)
    }

    async fn log(
        &self,
        signed: &Signed,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<Vec<LogEntry>, SealError> {
        let key = self.public_key();
        let hash = self.signer.scheme().hash();
        let submission = Submission {
            signed: match signed {
                Signed::Envelope(envelope) if self.kind == LogKind::Dsse => {
                    log::Signed::Envelope { hash, envelope }
                }
                _ => log::Signed::Digest { hash, digest },
            },
            signature,
            verifier: match &self.certificate {
                Some(certificate) => Verifier::Certificate(&certificate.leaf, key),
                None => Verifier::Key(key),
            },
        };
        let mut entries = Vec::with_capacity(self.logs.len());
        for log in &self.logs {
            entries.push(log::submit(&self.http, log, &submission).await?);
        }
        Ok(entries)
    }

    fn parts(
        &self,
        signed: &Signed,
        signature: Vec<u8>,
        log_entries: Vec<LogEntry>,
        timestamps: Vec<Vec<u8>>,
    ) -> Parts {
        let certificate = self.certificate.as_ref();
        Parts {
            signature,
            envelope: match signed {
                Signed::Blob(_) => None,
                Signed::Envelope(envelope) => Some(envelope.clone()),
            },
            certificate: certificate.map(|c| pem::certificate(&c.leaf)),
            chain: certificate.and_then(|c| pem::chain(&c.issuers)),
            public_key: self.public_key().to_pem(),
            key_id: self.public_key().id(),
            log_entries,
            timestamps,
        }
    }

    fn bundle(&self, signed: &Signed, digest: &[u8], parts: &Parts) -> Result<Vec<u8>, SealError> {
        let hint = STANDARD.encode(self.public_key().id().bytes());
        let material = make::Material {
            signer: match &self.certificate {
                Some(certificate) => make::Signer::Certificate(&certificate.leaf),
                None => make::Signer::Key(&hint),
            },
            log_entries: parts
                .log_entries
                .iter()
                .map(|e| e.json.as_slice())
                .collect(),
            timestamps: parts.timestamps.iter().map(Vec::as_slice).collect(),
        };
        Ok(match signed {
            Signed::Envelope(envelope) => make::envelope_bundle(envelope, &material)?,
            Signed::Blob(_) => {
                let hash = self.signer.scheme().hash();
                make::signature_bundle((hash, digest), &parts.signature, &material)?
            }
        })
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = self.public_key();
        write!(f, "Sealer({:?}, {})", key.scheme(), key.id().short())
    }
}

async fn certificate(
    http: &HttpClient,
    ca: &str,
    token: &Token,
    signer: &dyn Signer,
) -> Result<Certificate, SealError> {
    let promised = token.promises().map_err(ServiceError::from)?;
    let issued = ca::certify(http, ca, token, signer).await?;
    Ok(Certificate {
        leaf: issued.leaf,
        issuers: issued.issuers,
        promised,
    })
}

impl Signed {
    pub(super) fn is_blob(&self) -> bool {
        matches!(self, Self::Blob(_))
    }

    fn message(&self) -> Vec<u8> {
        match self {
            Self::Blob(bytes) => bytes.clone(),
            Self::Envelope(envelope) => envelope.pre_authentication_encoding(),
        }
    }

    fn add(&mut self, signature: &[u8]) {
        if let Self::Envelope(envelope) = self {
            envelope.signatures.push(EnvelopeSignature {
                sig: signature.to_vec(),
                keyid: String::new(),
            });
        }
    }
}
