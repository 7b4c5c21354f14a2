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
use bulla_trust::{
    TrustRoot,
    revocation::{RevocationList, Revoked, TUF_TARGET},
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::HashSet, sync::Arc};

use crate::{error::AuthorityError, http::RpcError, tuf::Publisher};

mod kept;
mod seal;

pub use kept::Kept;
pub use seal::Seals;

/// How long a list counts that is made here.
const LIFE: SignedDuration = SignedDuration::from_hours(24 * 7);
/// After how long it is made anew.
const RENEWED: SignedDuration = SignedDuration::from_hours(24);
/// How far the clock of whoever made a list may be ahead: one of next year would
/// count until then, and never be made anew.
const CLOCKS: SignedDuration = SignedDuration::from_secs(60);
/// The longest life of a list: what is published must not count for years.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 90);

/// Takes and publishes the list.
pub struct Revocation {
    /// The instance's own root.
    pub root: TrustRoot,
    /// What seals a list here.
    pub seals: Seals,
    /// Where the list is kept.
    pub kept: Arc<Kept>,
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
    revocation.take(&body, revocation.clock.now()).await?;
    Ok(StatusCode::CREATED)
}

impl Revocation {
    /// The present list: a bundle.
    ///
    /// # Errors
    /// [`RpcError`] if the store fails.
    pub async fn kept(&self) -> Result<Option<Vec<u8>>, RpcError> {
        let kept = self.kept.bundle().await;
        kept.map_err(|error| RpcError::internal("the list cannot be read", &error))
    }

    /// A list that was kept, and so was verified before. Its certificate may be
    /// of an authority that is gone by now.
    fn list(&self, bundle: &[u8]) -> Result<RevocationList, RpcError> {
        RevocationList::in_bundle(bundle)
            .map_err(|error| RpcError::internal("the kept list cannot be read", &error))
    }

    async fn carry(&self, bundle: Vec<u8>) -> Result<(), RpcError> {
        let put = self.publisher.put_target(TUF_TARGET, bundle).await;
        put.map(drop)
            .map_err(|error| RpcError::internal("the list was kept, and is not published", &error))
    }

    /// Verifies a list that is taken at `now`, keeps it and publishes it.
    async fn take(&self, bundle: &[u8], now: Timestamp) -> Result<(), RpcError> {
        let refused = |why: String| {
            tracing::info!(target: "audit", event = "revocations refused", why);
            RpcError::invalid(why)
        };
        let (list, signer) = RevocationList::verify_signed(bundle, &self.root, self.clock.now())
            .map_err(|rejection| refused(format!("{rejection} [{}]", rejection.code())))?;
        if signer.issuer != self.seals.ca.service.url() {
            return Err(refused(format!(
                "{} is not of this instance",
                signer.subject
            )));
        }
        if list.issued().duration_since(now) > CLOCKS || list.next_update() <= now {
            return Err(refused(format!(
                "the list is of {}, and it is {now}: set the clock, and make it again",
                list.issued()
            )));
        }
        if list.next_update().duration_since(list.issued()) > LONGEST {
            return Err(refused("a list may count for 90 days at most".into()));
        }
        let kept = self.kept().await?;
        let before = kept.as_deref().map(|kept| self.list(kept)).transpose()?;
        let next = before.as_ref().map_or(0, RevocationList::number);
        let next = next.saturating_add(1);
        if list.number() != next {
            return Err(refused(format!(
                "the next list is number {next}, this is number {}: begin again from the present one",
                list.number()
            )));
        }
        if self.locks_out(&list, before.as_ref()) {
            return Err(refused(
                "the list revokes the revoker, which signs it: nothing could be taken back".into(),
            ));
        }
        let swapped = self.kept.swap(kept.as_deref(), bundle).await;
        if !swapped.map_err(|error| RpcError::internal("the list was not kept", &error))? {
            return Err(refused("another list came first: begin again".into()));
        }
        self.carry(bundle.to_vec()).await?;
        tracing::info!(
            target: "audit", event = "revocations published",
            number = list.number(), entries = list.entries().len()
        );
        tell(&list, before.as_ref());
        Ok(())
    }

    /// Whether a list revokes who makes it, and the one before did not: that one
    /// may be of a time when this was not refused, and is renewed all the same.
    fn locks_out(&self, list: &RevocationList, before: Option<&RevocationList>) -> bool {
        let own = RevocationList::revoker(self.seals.ca.service.url());
        let names_it = |list: &RevocationList| list.entries().iter().any(|e| e.target == own);
        names_it(list) && !before.is_some_and(names_it)
    }

    /// Sees to it that there is a list, that it is of today, and that it is
    /// published, where a crash came in between.
    ///
    /// # Errors
    /// [`AuthorityError::Revocations`] if a new one cannot be made.
    pub async fn renew(&self, now: Timestamp) -> Result<(), AuthorityError> {
        let renewed = self.made_anew(now).await;
        renewed.map_err(|error| AuthorityError::Revocations {
            why: error.message().to_owned(),
        })
    }

    async fn made_anew(&self, now: Timestamp) -> Result<(), RpcError> {
        let kept = self.kept().await?;
        let list = match &kept {
            Some(bundle) => {
                let list = self.list(bundle)?;
                if now.duration_since(list.issued()) < RENEWED {
                    return match self.publisher.target(TUF_TARGET).await {
                        Ok(published) if published == kept => Ok(()),
                        _ => self.carry(bundle.clone()).await,
                    };
                }
                Some(list)
            }
            None => None,
        };
        let number = list.as_ref().map_or(0, RevocationList::number);
        let last = list.as_ref();
        let entries = last.map_or_else(Vec::new, |list| list.entries().to_vec());
        let withdrawn = last.map_or_else(Vec::new, |list| list.withdrawn().to_vec());
        let until = now.checked_add(LIFE).unwrap_or(Timestamp::MAX);
        let failed = |error: &dyn std::error::Error| RpcError::internal("no list was made", error);
        let list = RevocationList::new(number.saturating_add(1), now, until, entries)
            .and_then(|list| list.withdrawing(withdrawn))
            .map_err(|error| failed(&error))?;
        let statement = list
            .statement(self.root.id())
            .map_err(|error| failed(&error))?;
        let bundle = self.seals.seal(&statement, now).await?;
        self.take(&bundle, now).await
    }
}

/// An audit line for each entry that came, and each that went.
fn tell(list: &RevocationList, before: Option<&RevocationList>) {
    let (number, now) = (list.number(), list.entries());
    let before = before.map_or(&[][..], RevocationList::entries);
    for entry in missing(now, before) {
        tracing::info!(
            target: "audit", event = "revocation added", number,
            what = ?entry.target.to_string(), from = %entry.from, reason = ?entry.reason
        );
    }
    for entry in missing(before, now) {
        let said = list
            .withdrawn()
            .iter()
            .find(|one| one.target == entry.target);
        tracing::info!(
            target: "audit", event = "revocation withdrawn", number,
            what = ?entry.target.to_string(), from = %entry.from, reason = ?entry.reason,
            because = ?said.map(|one| &one.reason)
        );
    }
}

/// The entries of `all` that are not among `others`.
fn missing<'a>(all: &'a [Revoked], others: &[Revoked]) -> Vec<&'a Revoked> {
    let others: HashSet<&Revoked> = others.iter().collect();
    let missing = all.iter().filter(|entry| !others.contains(entry));
    missing.collect()
}
