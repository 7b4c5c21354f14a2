//! The certificate authority, shaped like Fulcio.
//!
//! An ID token of a configured [`issuer`] and a proof that the caller holds the
//! private key become a certificate of ten minutes with one embedded SCT. What
//! it says is what the token says, by the rules of the issuer's type. Every
//! decision leaves an audit line; whatever is refused leaves nothing in the log.

mod audit;
pub(crate) mod internal;
pub mod issuer;
pub(crate) mod request;
mod revoked;
mod routes;

use bulla_core::{Clock, Code, Diagnose};
use bulla_crypto::{
    PublicKey,
    x509::{
        Certificate, CodeSigningProfile, FulcioExtensions, Issuer, Precertificate, SubjectName,
        Validity, X509Error,
    },
};
use bulla_trust::jwt::UnverifiedToken;
use jiff::Timestamp;
use std::sync::Arc;

use crate::{
    certified::{CertificateRequest, Certified, Generation},
    error::AuthorityError,
    health::Lifetime,
    log::ct::CtLog,
    oidc::{self, TokenUse},
    revocation::Kept,
};
use issuer::{IssuerKeys, Issuers, Principal, PrincipalError};

pub use issuer::{AUDIENCE, CaSettings};
pub use request::{CaRefusal, Proof, SigningRequest, parse_legacy_request, parse_signing_request};
pub(crate) use routes::bearer;
pub use routes::router;

/// The authority.
pub struct CertificateAuthority {
    /// The intermediates, one of which signs.
    pub intermediates: Certified<Issuer>,
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
    /// Who gets none.
    pub revocations: Arc<Kept>,
    /// Tokens that bought their one certificate.
    pub spent: oidc::SingleUse,
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
            Ok((chain, principal)) => {
                audit::issued(&chain, &principal);
                Ok(chain)
            }
            Err(denied) => {
                audit::refused(named.as_deref(), &denied.refusal, denied.cause.as_deref());
                Err(denied.refusal)
            }
        }
    }

    async fn decide(
        &self,
        request: SigningRequest,
    ) -> Result<(Vec<Certificate>, Principal), Denied> {
        let (principal, once) = self.authenticate(&request.token).await?;
        let key = request.proof.verify(&principal.challenge)?;
        self.require_unrevoked(&principal, &key).await?;
        let failed = |error: AuthorityError| internal(CaRefusal::Internal, error);
        let generation = self.intermediates.current(self.clock.now());
        let generation = generation.map_err(failed)?;
        let precert = self
            .precertificate(&generation, &principal.subject, &principal.extensions, &key)
            .map_err(|error| match error {
                AuthorityError::X509(X509Error::Name(name)) => Denied {
                    refusal: CaRefusal::Claims(PrincipalError::Name.to_string()),
                    cause: Some(Box::new(X509Error::Name(name))),
                },
                error => failed(error),
            })?;
        // From here on only our own failures can refuse.
        if let Some(token) = once {
            self.spend(&token).await?;
        }
        let sct = self.ct.promise(&precert).await;
        let sct = sct.map_err(|error| internal(CaRefusal::Log, error))?;
        let leaf = generation.signs.finish(precert, &[sct]);
        let leaf = leaf.map_err(|error| failed(error.into()))?;
        let chain = std::iter::once(leaf).chain(generation.chain.iter().cloned());
        Ok((chain.collect(), principal))
    }

    /// Whom a token is about, and the token itself if it is good for one use.
    async fn authenticate(
        &self,
        token: &str,
    ) -> Result<(Principal, Option<UnverifiedToken>), Denied> {
        let unverified = UnverifiedToken::parse(token.as_bytes()).map_err(Denied::token)?;
        let issuer = self.issuers.find(&unverified.claims().issuer);
        let issuer = issuer.ok_or(CaRefusal::Token)?;
        let verified = self.keys.verify(token.as_bytes(), &issuer.trust).await;
        let verified = verified.map_err(Denied::token)?;
        let principal = issuer
            .naming
            .principal(verified.claim(), issuer.challenge.as_deref())
            .map_err(|error| match error {
                // Fulcio tells these apart: they are found while it fills the certificate.
                PrincipalError::Template(_) | PrincipalError::Name => Denied {
                    refusal: CaRefusal::Claims(error.to_string()),
                    cause: Some(Box::new(error)),
                },
                error => Denied::token(error),
            })?;
        Ok((principal, issuer.single_use.then_some(unverified)))
    }

    async fn spend(&self, token: &UnverifiedToken) -> Result<(), Denied> {
        let claims = token.claims();
        let first = self.spent.spend(TokenUse {
            issuer: &claims.issuer,
            jti: claims.token_id.as_deref(),
            signing_input: token.signing_input(),
            expires: claims.expires,
        });
        match first.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Denied::token(Replayed)),
            Err(error) => Err(internal(CaRefusal::Internal, error.into())),
        }
    }

    fn precertificate(
        &self,
        generation: &Generation<Issuer>,
        subject: &SubjectName,
        extensions: &FulcioExtensions,
        key: &PublicKey,
    ) -> Result<Precertificate, AuthorityError> {
        let mut validity = Validity::seconds(self.clock.now(), self.lifetime_seconds)?;
        // What the intermediate does not live to see, nobody would believe.
        let end = generation.signs.certificate().validity().until;
        validity.until = validity.until.min(end);
        if validity.until <= validity.from {
            return Err(X509Error::Time(end).into());
        }
        let profile = CodeSigningProfile {
            subject,
            extensions,
            key,
            validity,
        };
        Ok(generation.signs.precertificate(&profile)?)
    }

    /// Each intermediate with the root behind it, oldest first: what trust roots
    /// must list.
    pub fn chains(&self) -> Vec<Arc<[Certificate]>> {
        let all = self.intermediates.all();
        all.iter().map(|one| one.chain.clone()).collect()
    }

    /// The intermediate that signs now, and the root.
    ///
    /// # Errors
    /// As [`Certified::current`].
    pub fn chain(&self) -> Result<Arc<[Certificate]>, AuthorityError> {
        let current = self.intermediates.current(self.clock.now())?;
        Ok(current.chain.clone())
    }

    /// What the next ceremony shall certify.
    ///
    /// # Errors
    /// As [`Certified::request`].
    pub async fn certificate_requests(&self) -> Result<Vec<CertificateRequest>, AuthorityError> {
        Ok(vec![self.intermediates.request().await?])
    }

    /// Takes what a ceremony certified: the intermediate, and the root.
    ///
    /// # Errors
    /// As [`Certified::accept`].
    pub async fn accept(&self, chain: Vec<Certificate>) -> Result<(), AuthorityError> {
        self.intermediates.accept(&chain).await?;
        self.introduce();
        Ok(())
    }

    /// Tells the log of every intermediate, so that it names the right issuer
    /// beside each certificate.
    pub(crate) fn introduce(&self) {
        for chain in self.chains() {
            self.ct.accept(chain);
        }
    }

    /// The lives of root and intermediate.
    pub fn lifetimes(&self) -> Vec<Lifetime> {
        self.intermediates.lifetimes()
    }

    /// Takes up what another replica accepted.
    ///
    /// # Errors
    /// As [`Certified::refresh`].
    pub async fn renew(&self, _now: Timestamp) -> Result<(), AuthorityError> {
        self.intermediates.refresh().await?;
        self.introduce();
        Ok(())
    }

    /// Issues without a token: for the authenticated, and for genesis entries.
    pub(crate) async fn certify(
        &self,
        subject: &SubjectName,
        oidc_issuer: &str,
        key: &PublicKey,
    ) -> Result<Certificate, AuthorityError> {
        let extensions = FulcioExtensions::issued_by(oidc_issuer);
        let generation = self.intermediates.current(self.clock.now())?;
        let precert = self.precertificate(&generation, subject, &extensions, key)?;
        let sct = self.ct.promise(&precert).await?;
        Ok(generation.signs.finish(precert, &[sct])?)
    }
}

/// A token that bought its one certificate already.
#[derive(Debug, thiserror::Error)]
#[error("the token was used already, and its issuer's are good for one use")]
struct Replayed;

impl Diagnose for Replayed {
    fn code(&self) -> Code {
        Code("AUTH-0425")
    }

    fn hint(&self) -> Option<String> {
        Some("get a fresh token for each certificate".into())
    }
}

fn internal(refusal: CaRefusal, error: AuthorityError) -> Denied {
    tracing::error!(%error, "no certificate");
    Denied {
        refusal,
        cause: Some(Box::new(error)),
    }
}
