//! The certificate authority, shaped like Fulcio.
//!
//! An ID token of a configured [`issuer`] and a proof that the caller holds the
//! private key become a certificate of ten minutes with one embedded SCT. What
//! it says is what the token says, by the rules of the issuer's type. Every
//! decision leaves an audit line; whatever is refused leaves nothing in the log.

mod audit;
pub mod issuer;
pub(crate) mod request;
mod routes;

use bulla_core::{Clock, Diagnose};
use bulla_crypto::{
    PublicKey,
    x509::{
        Certificate, CodeSigningProfile, FulcioExtensions, Issuer, SubjectName, Validity, X509Error,
    },
};
use bulla_trust::jwt::UnverifiedToken;
use std::sync::Arc;

use crate::{error::AuthorityError, log::ct::CtLog, oidc};
use issuer::{IssuerKeys, Issuers, Principal, PrincipalError};

pub use issuer::{AUDIENCE, CaSettings};
pub use request::{CaRefusal, SigningRequest, parse_legacy_request, parse_signing_request};
pub(crate) use routes::bearer;
pub use routes::router;

/// The authority.
pub struct CertificateAuthority {
    /// The intermediate.
    pub issuer: Issuer,
    /// Intermediate, then root.
    pub chain: Arc<[Certificate]>,
    /// The log that promises for each certificate.
    pub ct: CtLog,
    /// Issuer of asserted identities.
    pub asserted: Arc<oidc::Issuer>,
    /// Issuer of the instance's own services.
    pub service: Arc<oidc::Issuer>,
    /// Whose tokens are taken, these two included.
    pub issuers: Issuers,
    /// Their keys.
    pub keys: IssuerKeys,
    /// How long a certificate holds, in seconds.
    pub lifetime_seconds: i64,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// Why nothing was issued: what the client is told, and what the audit line says.
struct Denied {
    refusal: CaRefusal,
    cause: Option<Box<dyn Diagnose + Send + Sync>>,
}

impl Denied {
    fn token(cause: impl Diagnose + Send + Sync + 'static) -> Self {
        Self {
            refusal: CaRefusal::Token,
            cause: Some(Box::new(cause)),
        }
    }
}

impl From<CaRefusal> for Denied {
    fn from(refusal: CaRefusal) -> Self {
        let cause = None;
        Self { refusal, cause }
    }
}

impl CertificateAuthority {
    /// Issues a certificate and gives the chain: leaf, intermediate, root.
    ///
    /// # Errors
    /// [`CaRefusal`] with the texts that Fulcio's clients know.
    pub async fn issue(&self, request: SigningRequest) -> Result<Vec<Certificate>, CaRefusal> {
        let named = UnverifiedToken::parse(request.token.as_bytes()).ok();
        let named = named.map(|token| token.claims().issuer.clone());
        match self.decide(request).await {
            Ok((leaf, principal)) => {
                audit::issued(&leaf, &principal);
                Ok(std::iter::once(leaf)
                    .chain(self.chain.iter().cloned())
                    .collect())
            }
            Err(denied) => {
                audit::refused(named.as_deref(), &denied.refusal, denied.cause.as_deref());
                Err(denied.refusal)
            }
        }
    }

    async fn decide(&self, request: SigningRequest) -> Result<(Certificate, Principal), Denied> {
        let principal = self.authenticate(&request.token).await?;
        let key = request.proof.verify(&principal.challenge)?;
        let precert = self
            .precertificate(&principal.subject, &principal.extensions, &key)
            .map_err(|error| match error {
                AuthorityError::X509(X509Error::Name(name)) => Denied {
                    refusal: CaRefusal::Claims(PrincipalError::Name.to_string()),
                    cause: Some(Box::new(X509Error::Name(name))),
                },
                error => internal(CaRefusal::Internal, error),
            })?;
        let sct = self.ct.promise(&precert).await;
        let sct = sct.map_err(|error| internal(CaRefusal::Log, error))?;
        let leaf = self
            .issuer
            .finish(precert, &[sct])
            .map_err(|error| internal(CaRefusal::Internal, error.into()))?;
        Ok((leaf, principal))
    }

    async fn authenticate(&self, token: &str) -> Result<Principal, Denied> {
        let unverified = UnverifiedToken::parse(token.as_bytes()).map_err(Denied::token)?;
        let issuer = self.issuers.find(&unverified.claims().issuer);
        let issuer = issuer.ok_or(CaRefusal::Token)?;
        let verified = self.keys.verify(token.as_bytes(), &issuer.trust).await;
        let verified = verified.map_err(Denied::token)?;
        let principal = issuer
            .naming
            .principal(verified.claim(), issuer.challenge.as_deref());
        principal.map_err(|error| match error {
            // Fulcio tells these apart: they are found while it fills the certificate.
            PrincipalError::Template(_) | PrincipalError::Name => Denied {
                refusal: CaRefusal::Claims(error.to_string()),
                cause: Some(Box::new(error)),
            },
            error => Denied::token(error),
        })
    }

    fn precertificate(
        &self,
        subject: &SubjectName,
        extensions: &FulcioExtensions,
        key: &PublicKey,
    ) -> Result<bulla_crypto::x509::Precertificate, AuthorityError> {
        let validity = Validity::seconds(self.clock.now(), self.lifetime_seconds)?;
        let profile = CodeSigningProfile {
            subject,
            extensions,
            key,
            validity,
        };
        Ok(self.issuer.precertificate(&profile)?)
    }

    /// Issues without a token: for the authenticated, and for genesis entries.
    pub(crate) async fn certify(
        &self,
        subject: &SubjectName,
        oidc_issuer: &str,
        key: &PublicKey,
    ) -> Result<Certificate, AuthorityError> {
        let extensions = FulcioExtensions::issued_by(oidc_issuer);
        let precert = self.precertificate(subject, &extensions, key)?;
        let sct = self.ct.promise(&precert).await?;
        Ok(self.issuer.finish(precert, &[sct])?)
    }
}

fn internal(refusal: CaRefusal, error: AuthorityError) -> Denied {
    tracing::error!(%error, "no certificate");
    Denied {
        refusal,
        cause: Some(Box::new(error)),
    }
}
