//! The certificate authority, shaped like Fulcio.
//!
//! An ID token of one of the instance's issuers and a proof that the caller
//! holds the private key become a certificate of ten minutes with one embedded
//! SCT. Persons get an email SAN, services a URI SAN, each by its own issuer.

mod request;
mod routes;

use bulla_core::Clock;
use bulla_crypto::{
    PublicKey,
    x509::{Certificate, CodeSigningProfile, Issuer, SubjectName, Validity},
};
use std::sync::Arc;

use crate::{
    error::AuthorityError,
    log::ct::CtLog,
    oidc::{self, Claims},
};

pub use request::{CaRefusal, SigningRequest, parse_legacy_request, parse_signing_request};
pub(crate) use routes::bearer;
pub use routes::router;

/// How long a certificate holds, in seconds: fixed, as in Fulcio.
pub const CERTIFICATE_SECONDS: i64 = 600;
/// The audience that tokens must name.
pub const AUDIENCE: &str = "sigstore";

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
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl CertificateAuthority {
    /// Issues a certificate and gives the chain: leaf, intermediate, root.
    ///
    /// # Errors
    /// [`CaRefusal`] with the texts that Fulcio's clients know.
    pub async fn issue(&self, request: SigningRequest) -> Result<Vec<Certificate>, CaRefusal> {
        let (claims, subject) = self.authenticate(&request.token)?;
        let key = request.proof.verify(claims.challenge())?;
        let leaf = self
            .certify(&subject, &claims.iss, &key)
            .await
            .map_err(|error| {
                if matches!(
                    error,
                    AuthorityError::X509(bulla_crypto::x509::X509Error::Name(_))
                ) {
                    return CaRefusal::Token;
                }
                tracing::error!(%error, "no certificate");
                CaRefusal::Internal
            })?;
        Ok(std::iter::once(leaf)
            .chain(self.chain.iter().cloned())
            .collect())
    }

    fn authenticate(&self, token: &str) -> Result<(Claims, SubjectName), CaRefusal> {
        let now = self.clock.now();
        if let Ok(claims) = self.asserted.check(token, AUDIENCE, now) {
            let email = claims.email.clone().ok_or(CaRefusal::Token)?;
            return Ok((claims, SubjectName::Email(email)));
        }
        match self.service.check(token, AUDIENCE, now) {
            Ok(claims) if claims.email.is_none() => {
                let uri = claims.sub.clone();
                Ok((claims, SubjectName::Uri(uri)))
            }
            _ => Err(CaRefusal::Token),
        }
    }

    /// Issues without a token: for the authenticated, and for genesis entries.
    pub(crate) async fn certify(
        &self,
        subject: &SubjectName,
        oidc_issuer: &str,
        key: &PublicKey,
    ) -> Result<Certificate, AuthorityError> {
        let validity = Validity::seconds(self.clock.now(), CERTIFICATE_SECONDS)?;
        let profile = CodeSigningProfile {
            subject,
            oidc_issuer,
            key,
            validity,
        };
        let precert = self.issuer.precertificate(&profile)?;
        let sct = self.ct.promise(&precert).await?;
        Ok(self.issuer.finish(precert, &[sct])?)
    }
}
