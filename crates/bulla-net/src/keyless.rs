//! Keyless signing: a key that lives for one signature.
//!
//! Key → certificate from the authority → signature → timestamp over it → log
//! entry → bundle → verification with `bulla-trust` under the caller's root. Only
//! a bundle that verifies is given out, and the key is dropped in every case. The
//! order is cosign's: the timestamp proves that the signature existed while the
//! certificate was valid, before the log saw it.

use bulla_core::{Clock, Code, Diagnose, Digest, Envelope, Identity, Statement};
use bulla_crypto::{KeyError, Scheme, SigningKey};
use bulla_trust::{
    LogProof, Proof, Rejection, TrustRoot, Verified, dsse,
    root::SigningServices,
    sigstore::{IdentityExpectation, MakeError, make, verify_attestation, verify_signature},
};
use jiff::Timestamp;

use crate::{
    ca,
    http::HttpClient,
    log::{self, Submission},
    oidc::Token,
    service::ServiceError,
    tsa,
};

/// A bundle that was made and verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The bundle: JSON, version 0.3.
    pub bundle: Vec<u8>,
    /// SHA-256 of the bundle.
    pub digest: Digest,
    /// Who signed, as the certificate says.
    pub signer: Identity,
    /// Where it is logged.
    pub log: LogProof,
    /// When it was signed, as the timestamp authority says.
    pub time: Timestamp,
}

/// Signs a statement for the holder of `token`, and verifies the result under
/// `root`.
///
/// # Errors
/// [`SealError`] if a service refuses, or what came out does not verify.
pub async fn seal_statement(
    http: &HttpClient,
    services: &SigningServices,
    token: &Token,
    statement: &Statement,
    root: &TrustRoot,
    clock: &dyn Clock,
) -> Result<Sealed, SealError> {
    let subject = named_digest(statement).ok_or(SealError::NoSubject)?;
    let signer = Signer::new(http, services, token).await?;
    let envelope = dsse::sign_statement(statement, &signer.key).map_err(SealError::Envelope)?;
    let signed = envelope.pre_authentication_encoding();
    let signature = &dsse::signature(&envelope).map_err(SealError::Envelope)?.sig;
    let evidence = signer.witness(&Digest::sha256(&signed), signature).await?;
    let bundle = evidence.envelope_bundle(&signer, &envelope)?;
    let verified = verify_attestation(root, &bundle, &subject, clock.now())?;
    signer.check(&verified)?;
    sealed(bundle, verified.proof())
}

/// Signs the bytes of a file for the holder of `token`, and verifies the result
/// under `root`.
///
/// # Errors
/// As [`seal_statement`].
pub async fn seal_blob(
    http: &HttpClient,
    services: &SigningServices,
    token: &Token,
    artifact: &[u8],
    root: &TrustRoot,
    clock: &dyn Clock,
) -> Result<Sealed, SealError> {
    let signer = Signer::new(http, services, token).await?;
    let signature = signer.key.sign(artifact)?;
    let digest = Digest::sha256(artifact);
    let evidence = signer.witness(&digest, &signature).await?;
    let bundle = evidence.signature_bundle(&signer, &digest, &signature)?;
    let verified = verify_signature(root, &bundle, artifact, clock.now())?;
    signer.check(&verified)?;
    sealed(bundle, verified.proof())
}

/// One ephemeral key with its certificate.
struct Signer<'a> {
    http: &'a HttpClient,
    services: &'a SigningServices,
    key: SigningKey,
    certificate: Vec<u8>,
    /// Whom the token promised, so that a certificate for somebody else fails.
    expected: Option<IdentityExpectation>,
}

impl<'a> Signer<'a> {
    async fn new(
        http: &'a HttpClient,
        services: &'a SigningServices,
        token: &Token,
    ) -> Result<Self, SealError> {
        let key = SigningKey::generate(Scheme::EcdsaP256)?;
        let issued = ca::certify(http, &services.ca, token, &key).await?;
        Ok(Self {
            http,
            services,
            key,
            certificate: issued.leaf,
            expected: token.promises().map_err(ServiceError::from)?,
        })
    }

    fn check<T>(&self, verified: &Verified<T>) -> Result<(), Rejection> {
        match &self.expected {
            Some(expected) => verified.require_identity(expected),
            None => Ok(()),
        }
    }

    /// A timestamp over the signature, then an entry in the log.
    async fn witness(&self, digest: &Digest, signature: &[u8]) -> Result<Evidence, SealError> {
        let timestamp = tsa::stamp(self.http, &self.services.tsa, signature).await?;
        let submission = Submission {
            digest,
            signature,
            certificate: &self.certificate,
            scheme: self.key.scheme(),
        };
        let log_entry = log::submit(self.http, &self.services.log, &submission).await?;
        Ok(Evidence {
            timestamp,
            log_entry,
        })
    }
}

struct Evidence {
    timestamp: Vec<u8>,
    log_entry: Vec<u8>,
}

impl Evidence {
    fn material<'a>(&'a self, signer: &'a Signer<'_>) -> make::Material<'a> {
        make::Material {
            signer: make::Signer::Certificate(&signer.certificate),
            log_entry: &self.log_entry,
            timestamp: Some(&self.timestamp),
        }
    }

    fn envelope_bundle(
        &self,
        signer: &Signer<'_>,
        envelope: &Envelope,
    ) -> Result<Vec<u8>, SealError> {
        Ok(make::envelope_bundle(envelope, &self.material(signer))?)
    }

    fn signature_bundle(
        &self,
        signer: &Signer<'_>,
        digest: &Digest,
        signature: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        Ok(make::signature_bundle(
            digest,
            signature,
            &self.material(signer),
        )?)
    }
}

/// The first SHA-256 digest among the subjects: what the bundle is about.
fn named_digest(statement: &Statement) -> Option<Digest> {
    statement
        .subject
        .iter()
        .filter_map(|subject| subject.digest.get("sha256"))
        .find_map(|hex| format!("sha256:{hex}").parse().ok())
}

fn sealed(bundle: Vec<u8>, proof: &Proof) -> Result<Sealed, SealError> {
    let (Some(log), Some(time)) = (&proof.log, proof.times.iter().min()) else {
        return Err(SealError::Unwitnessed);
    };
    Ok(Sealed {
        digest: proof.envelope.clone(),
        signer: proof.signer.clone(),
        log: log.clone(),
        time: *time,
        bundle,
    })
}

/// Why nothing was sealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The envelope.
    #[error(transparent)]
    Envelope(dsse::DsseError),
    /// The ephemeral key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The bundle.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// The statement names no SHA-256 digest.
    #[error("the statement names no subject with a SHA-256 digest")]
    NoSubject,
    /// What came out does not verify.
    #[error("the services answered, but the result does not verify: {0}")]
    Refused(#[from] Rejection),
    /// A service.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Neither log nor timestamp.
    #[error("the result has no log entry or no proven time")]
    Unwitnessed,
}

impl Diagnose for SealError {
    fn code(&self) -> Code {
        match self {
            Self::Envelope(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::Make(error) => error.code(),
            Self::NoSubject => Code("NET-0201"),
            Self::Refused(_) => Code("NET-0202"),
            Self::Service(error) => error.code(),
            Self::Unwitnessed => Code("NET-0203"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Envelope(error) => error.hint(),
            Self::Key(error) => error.hint(),
            Self::Make(error) => error.hint(),
            Self::NoSubject => Some("name the artifact by digest".into()),
            Self::Refused(rejection) => rejection.hint.clone().or_else(|| {
                Some("check that services and root belong together: `bulla trust show`".into())
            }),
            Self::Service(error) => error.hint(),
            Self::Unwitnessed => None,
        }
    }
}
