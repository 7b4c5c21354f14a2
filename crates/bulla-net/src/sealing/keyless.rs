//! The usual way: a key that lives for one signature, witnessed and verified.

use bulla_core::{Clock, Statement};
use bulla_crypto::Scheme;
use bulla_trust::{TrustRoot, root::SigningServices};
use std::sync::Arc;

use super::{Content, SealError, Sealed, Sealer};
use crate::{http::HttpClient, oidc::Token};

/// Signs a statement for the holder of `token` with an ephemeral P-256 key, and
/// verifies the result under `root`.
///
/// # Errors
/// [`SealError`] if a service refuses, or what came out does not verify.
pub async fn seal_statement(
    http: &HttpClient,
    services: &SigningServices,
    token: &Token,
    statement: &Statement,
    root: &Arc<TrustRoot>,
    clock: &Arc<dyn Clock>,
) -> Result<Sealed, SealError> {
    let content = Content::Statement(statement);
    seal(http, services, token, &content, (root, clock)).await
}

/// Signs the bytes of a file for the holder of `token`, likewise.
///
/// # Errors
/// As [`seal_statement`].
pub async fn seal_blob(
    http: &HttpClient,
    services: &SigningServices,
    token: &Token,
    artifact: &[u8],
    root: &Arc<TrustRoot>,
    clock: &Arc<dyn Clock>,
) -> Result<Sealed, SealError> {
    let content = Content::Blob(artifact);
    seal(http, services, token, &content, (root, clock)).await
}

async fn seal(
    http: &HttpClient,
    services: &SigningServices,
    token: &Token,
    content: &Content<'_>,
    (root, clock): (&Arc<TrustRoot>, &Arc<dyn Clock>),
) -> Result<Sealed, SealError> {
    // Before a certificate is spent on something that cannot be sealed.
    content.check()?;
    let ca = services.ca()?;
    Sealer::keyless(http, ca, token, Scheme::EcdsaP256)
        .await?
        .witnessed_by(services)
        .checked_under(root.clone(), clock.clone())
        .seal(content)
        .await
}
