//! The login issuer's keys: one signs, the next is published long before it does,
//! the last stays published until no token of it can live any more.
//!
//! The schedule is one value in the state that all replicas share, changed by
//! compare-and-swap; the keys themselves lie in key slots. A replica rereads the
//! schedule when it is half a minute old or a token names a key that it does not
//! know, so a rotation by the leader reaches every replica before it matters.

use bulla_crypto::{PublicKey, Scheme, Signer};
use bulla_store::{Values, state::Change};
use bulla_trust::jwt::KeySet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, PoisonError, RwLock};

use super::{LoginError, jws, settings::KEY_OVERLAP};
use crate::{error::AuthorityError, health::Lifetime, key_slot::KeySlots};

const SPACE: &str = "oidc-key";
const SCHEDULE: &str = "login";
/// How old a replica's view of the schedule may be, in seconds.
const FRESH: i64 = 30;

/// The keys of one issuer.
pub struct KeyRing {
    values: Values,
    slots: KeySlots,
    life: i64,
    view: RwLock<Arc<View>>,
}

/// A key's place in time, in seconds since 1970.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Turn {
    number: u32,
    published: i64,
    signs_from: i64,
}

#[derive(Default)]
struct View {
    read: i64,
    keys: Vec<Published>,
}

/// A key that clients are told of.
#[derive(Clone)]
pub struct Published {
    /// Its id in tokens.
    pub id: String,
    /// From when it signs.
    pub signs_from: i64,
    signer: Arc<dyn Signer>,
}

impl Published {
    /// The public half.
    pub fn public(&self) -> &PublicKey {
        self.signer.public()
    }
}

impl KeyRing {
    /// Takes the keys up, or makes the first one.
    ///
    /// # Errors
    /// [`AuthorityError`] if state or slots fail.
    pub async fn open(
        values: Values,
        slots: KeySlots,
        life: i64,
        now: Timestamp,
    ) -> Result<Self, AuthorityError> {
        let ring = Self {
            values,
            slots,
            life,
            view: RwLock::default(),
        };
        if ring.schedule().await?.1.is_empty() {
            let first = Turn {
                number: 1,
                published: now.as_second(),
                signs_from: now.as_second(),
            };
            ring.write(None, &[first]).await?;
        }
        ring.reload(now).await?;
        Ok(ring)
    }

    /// Signs `claims` with the key whose turn it is.
    ///
    /// # Errors
    /// [`AuthorityError`] if the schedule cannot be read or signing fails.
    pub async fn sign(
        &self,
        claims: &impl Serialize,
        now: Timestamp,
    ) -> Result<String, AuthorityError> {
        let view = self.fresh(now).await?;
        let key = signing(&view.keys, now).ok_or_else(damaged)?;
        Ok(jws::sign(claims, &*key.signer, &key.id)?)
    }

    /// Everything that is published now.
    ///
    /// # Errors
    /// [`AuthorityError`] if the schedule cannot be read.
    pub async fn published(&self, now: Timestamp) -> Result<Vec<Published>, AuthorityError> {
        Ok(self.fresh(now).await?.keys.clone())
    }

    /// The published keys for checking a token that names `kid`.
    pub async fn key_set(&self, kid: Option<&str>, now: Timestamp) -> KeySet {
        let mut view = self.view();
        let knows = |view: &View| kid.is_none_or(|kid| view.keys.iter().any(|key| key.id == kid));
        if view.read != now.as_second() && (!knows(&view) || stale(&view, now)) {
            match self.reload(now).await {
                Ok(new) => view = new,
                Err(error) => tracing::error!(%error, "the login issuer's keys cannot be read"),
            }
        }
        let keys = view.keys.iter();
        KeySet::of(keys.map(|key| (Some(key.id.clone()), key.public().clone())))
    }

    /// Since when the newest key counts, and how old it may become.
    pub fn lifetime(&self) -> Option<Lifetime> {
        let since = self.view().keys.last()?.signs_from;
        let until = Timestamp::from_second(since.checked_add(self.life)?).ok()?;
        let since = Timestamp::from_second(since).ok()?;
        Some(Lifetime::itself("login issuer key", since, until))
    }

    /// Publishes the next key when it is time, and drops those that no token can
    /// be signed by any more. Cheap when nothing is due; safe on any replica.
    ///
    /// # Errors
    /// [`AuthorityError`] if state or slots fail; then nothing changed.
    pub async fn renew(&self, now: Timestamp) -> Result<(), AuthorityError> {
        let (raw, turns) = self.schedule().await?;
        let second = now.as_second();
        let mut kept = turns.clone();
        if let Some(last) = turns.last()
            && second >= last.signs_from.saturating_add(self.life / 3)
        {
            // However late we are: not before clients can have seen it.
            kept.push(Turn {
                number: last.number.saturating_add(1),
                published: second,
                signs_from: second.saturating_add(KEY_OVERLAP),
            });
        }
        let successors = kept.iter().skip(1).map(|turn| turn.signs_from);
        let gone = successors
            .take_while(|from| from.saturating_add(KEY_OVERLAP) <= second)
            .count();
        let dropped: Vec<_> = kept.drain(..gone).collect();
        if gone == 0 && kept.len() == turns.len() {
            return Ok(());
        }
        if !self.write(raw.as_deref(), &kept).await? {
            return Ok(());
        }
        self.reload(now).await?;
        for turn in &dropped {
            self.slots.remove(&turn.slot()).await?;
        }
        tracing::info!(
            target: "audit", event = "oidc.keys.rotated",
            published = kept.len(), dropped = dropped.len(),
        );
        Ok(())
    }

    async fn schedule(&self) -> Result<(Option<Vec<u8>>, Vec<Turn>), AuthorityError> {
        let raw = self.values.get(SPACE, SCHEDULE).await;
        let raw = raw.map_err(LoginError::from)?;
        let turns = match &raw {
            Some(raw) => serde_json::from_slice(raw).map_err(|_| damaged())?,
            None => Vec::new(),
        };
        Ok((raw, turns))
    }

    async fn write(&self, from: Option<&[u8]>, turns: &[Turn]) -> Result<bool, AuthorityError> {
        // The keys first: a schedule never names one that is not there.
        for turn in turns {
            self.slots
                .get_or_create(&turn.slot(), Scheme::EcdsaP256)
                .await?;
        }
        let value = serde_json::to_vec(turns)?;
        let change = Change::Swap {
            key: SCHEDULE,
            expected: from,
            value: &value,
        };
        let swapped = self.values.apply(SPACE, &[change]).await;
        Ok(swapped.map_err(LoginError::from)?)
    }

    async fn fresh(&self, now: Timestamp) -> Result<Arc<View>, AuthorityError> {
        let view = self.view();
        if stale(&view, now) {
            return self.reload(now).await;
        }
        Ok(view)
    }

    async fn reload(&self, now: Timestamp) -> Result<Arc<View>, AuthorityError> {
        let (_, turns) = self.schedule().await?;
        let mut keys = Vec::new();
        for turn in &turns {
            // Gone if another replica has just dropped it from the schedule.
            let Some(signer) = self.slots.get(&turn.slot()).await? else {
                continue;
            };
            keys.push(Published {
                id: signer.public().id().short().to_owned(),
                signs_from: turn.signs_from,
                signer,
            });
        }
        let view = Arc::new(View {
            read: now.as_second(),
            keys,
        });
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = view.clone();
        Ok(view)
    }

    fn view(&self) -> Arc<View> {
        self.view
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Turn {
    fn slot(&self) -> String {
        format!("oidc-login-{}", self.number)
    }
}

/// The last key whose turn has come; with a clock that is behind, the first.
fn signing(keys: &[Published], now: Timestamp) -> Option<&Published> {
    let come = |key: &&Published| key.signs_from <= now.as_second();
    keys.iter().rfind(come).or_else(|| keys.first())
}

fn stale(view: &View, now: Timestamp) -> bool {
    now.as_second().abs_diff(view.read) > FRESH as u64
}

fn damaged() -> AuthorityError {
    AuthorityError::Damaged {
        what: "schedule of the login issuer's keys".into(),
    }
}

#[cfg(test)]
mod tests;
