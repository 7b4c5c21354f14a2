//! The instance's list of revocations: taken from its revoker, kept, published.
//!
//! A list authenticates itself: it is a bundle that only the instance's own
//! revoker can make, and it is verified here under the instance's own root
//! before it goes anywhere. Each has the next number; of two that are made at
//! once the second is refused, so that no entry is lost. The TUF repository
//! carries it to verifiers.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use bulla_core::{Clock, Diagnose as _};
use bulla_store::{Values, state::Change};
use bulla_trust::{
    TrustRoot,
    revocation::{RevocationList, TUF_TARGET},
};
use jiff::SignedDuration;
use std::sync::Arc;

use crate::{http::RpcError, tuf::Publisher};

const SPACE: &str = "revocation";
const LIST: &str = "list";
/// The longest life of a list: what is published must not count for years.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 90);

/// Takes and publishes the list.
pub struct Revocation {
    /// The instance's own root.
    pub root: TrustRoot,
    /// The URL of the issuer of the instance's own services.
    pub issuer: String,
    /// Where the list is kept.
    pub values: Values,
    /// What carries it to verifiers.
    pub publisher: Publisher,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// `/api/v1/revocations`
pub fn router(revocation: Arc<Revocation>) -> Router {
    Router::new()
        .route("/api/v1/revocations", get(read).post(publish))
        .with_state(revocation)
}

async fn read(State(revocation): State<Arc<Revocation>>) -> Result<Response, RpcError> {
    let bundle = revocation.kept().await?.ok_or_else(RpcError::not_found)?;
    let headers = [
        (
            header::CONTENT_TYPE,
            "application/vnd.dev.sigstore.bundle.v0.3+json",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, bundle).into_response())
}

async fn publish(
    State(revocation): State<Arc<Revocation>>,
    body: Bytes,
) -> Result<StatusCode, RpcError> {
    let refused = |why: String| {
        tracing::info!(target: "audit", event = "revocations refused", why);
        RpcError::invalid(why)
    };
    let now = revocation.clock.now();
    let (list, signer) = RevocationList::verify_signed(&body[..], &revocation.root, now)
        .map_err(|rejection| refused(format!("{rejection} [{}]", rejection.code())))?;
    if signer.issuer != revocation.issuer {
        return Err(refused(format!("{} is not of this instance", signer.subject)));
    }
    if list.next_update().duration_since(list.issued()) > LONGEST {
        return Err(refused("a list may count for 90 days at most".into()));
    }
    let kept = revocation.kept().await?;
    let last = match &kept {
        Some(bundle) => revocation.number(bundle)?,
        None => 0,
    };
    if last.checked_add(1) != Some(list.number()) {
        return Err(refused(format!(
            "the next list is number {}, this is number {}: begin again from the present one",
            last.saturating_add(1),
            list.number()
        )));
    }
    let change = Change::Swap {
        key: LIST,
        expected: kept.as_deref(),
        value: &body,
    };
    let kept = revocation.values.apply(SPACE, &[change]).await;
    match kept.map_err(|error| RpcError::internal("the list was not kept", &error))? {
        true => {}
        false => return Err(refused("another list came first: begin again".into())),
    }
    revocation.carry(body.to_vec()).await?;
    tracing::info!(
        target: "audit", event = "revocations published",
        number = list.number(), entries = list.entries().len()
    );
    Ok(StatusCode::CREATED)
}

impl Revocation {
    async fn kept(&self) -> Result<Option<Vec<u8>>, RpcError> {
        let kept = self.values.get(SPACE, LIST).await;
        kept.map_err(|error| RpcError::internal("the list cannot be read", &error))
    }

    /// The number of a list that was kept, and so was verified before. Its
    /// certificate may be of an authority that is gone by now.
    fn number(&self, bundle: &[u8]) -> Result<u64, RpcError> {
        RevocationList::number_in(bundle)
            .map_err(|error| RpcError::internal("the kept list cannot be read", &error))
    }

    async fn carry(&self, bundle: Vec<u8>) -> Result<(), RpcError> {
        let put = self.publisher.put_target(TUF_TARGET, bundle).await;
        put.map(drop)
            .map_err(|error| RpcError::internal("the list was kept, and is not published", &error))
    }

    /// Publishes the kept list where a crash came in between.
    ///
    /// # Errors
    /// [`RpcError`] if that fails.
    pub async fn renew(&self) -> Result<(), RpcError> {
        match self.kept().await? {
            Some(bundle) => self.carry(bundle).await,
            None => Ok(()),
        }
    }
}
