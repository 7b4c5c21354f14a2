//! Several processes, one instance: who leads, and who passes writes on.
//!
//! A replica asks for the lease; whoever has it leads every log, everybody else
//! shows what the store holds and passes writes on to the leader ([`Forward`]).
//! The leader stops before its lease may have run out, also when the database
//! does not answer any more; and should it sleep past that, the epoch of its
//! lease no longer moves any head. So two that both believe to lead cannot both
//! be right, and the wrong one neither acknowledges nor changes anything.

mod error;
mod forward;
mod logs;

use bulla_store::{Claim, Lease, Leases};
use serde::Deserialize;
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use crate::{error::AuthorityError, log::Fence};

pub use error::ReplicaError;
pub use forward::{Forward, forward, internal};
pub use logs::Logs;

/// The one lease of an instance.
const LEASE: &str = "authority";
/// Followers read the store at least that often.
const TICK: Duration = Duration::from_secs(1);
const MILLIS: std::ops::RangeInclusive<u64> = 500..=600_000;

/// A result to wait for.
pub type Pending<'a, T> =
    std::pin::Pin<Box<dyn Future<Output = Result<T, AuthorityError>> + Send + 'a>>;

/// The section `[replica]` of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplicaSettings {
    /// `https://HOST:PORT`: where the other replicas reach this one, by mutual TLS.
    pub address: Option<String>,
    /// How long the leader may be silent before another takes over, in
    /// milliseconds (10,000; at least 500).
    pub lease_ms: u64,
}

impl Default for ReplicaSettings {
    fn default() -> Self {
        Self {
            address: None,
            lease_ms: 10_000,
        }
    }
}

impl ReplicaSettings {
    /// Refuses what cannot work.
    ///
    /// # Errors
    /// [`ReplicaError::Settings`].
    pub fn check(&self) -> Result<(), ReplicaError> {
        let refused = |why| Err(ReplicaError::Settings { why });
        if !MILLIS.contains(&self.lease_ms) {
            return refused("lease_ms must be between 500 and 600000");
        }
        let Some(address) = &self.address else {
            return Ok(());
        };
        let url = url::Url::parse(address).ok();
        let plain = url.is_some_and(|url| {
            url.scheme() == "https"
                && url.host().is_some()
                && url.path() == "/"
                && url.query().is_none()
                && url.username().is_empty()
        });
        if plain {
            Ok(())
        } else {
            refused("address must be https://HOST:PORT and nothing more")
        }
    }
}

/// What leads and follows.
pub trait Lead: Send + Sync {
    /// Takes everything over in this fencing epoch; `fence` is asked before
    /// anything is signed.
    fn lead(&self, epoch: u64, fence: Fence) -> Pending<'_, ()>;
    /// Stops at once; nothing is acknowledged any more.
    fn step_down(&self);
    /// Whether it still leads: a part may find out that it was deposed.
    fn is_leading(&self) -> bool;
    /// Reads what the leader wrote.
    fn refresh(&self) -> Pending<'_, ()>;
}

/// What a replica is at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// It leads, in this epoch.
    Leader {
        /// The lease's.
        epoch: u64,
    },
    /// Another leads, or nobody.
    Follower {
        /// Where the leader is reached.
        leader: Option<String>,
    },
}

/// This process among the replicas. Cheap to clone.
#[derive(Clone)]
pub struct Replica {
    inner: Arc<Inner>,
}

struct Inner {
    leases: Leases,
    /// Names this process and no other, ever.
    holder: String,
    address: String,
    life: Duration,
    role: watch::Sender<Role>,
    lease: RwLock<Option<Lease>>,
}

impl Replica {
    /// A follower, until [`Self::run`] makes more of it.
    ///
    /// # Errors
    /// [`ReplicaError::Settings`], or without random numbers.
    pub fn new(leases: Leases, settings: &ReplicaSettings) -> Result<Self, ReplicaError> {
        settings.check()?;
        let random: [u8; 16] = bulla_crypto::random::bytes().map_err(|_| ReplicaError::Random)?;
        Ok(Self {
            inner: Arc::new(Inner {
                leases,
                holder: hex::encode(random),
                address: settings.address.clone().unwrap_or_default(),
                life: Duration::from_millis(settings.lease_ms),
                role: watch::Sender::new(Role::Follower { leader: None }),
                lease: RwLock::default(),
            }),
        })
    }

    /// What it is at present.
    pub fn role(&self) -> Role {
        match &*self.inner.role.borrow() {
            Role::Leader { .. } if !self.holds() => Role::Follower { leader: None },
            role => role.clone(),
        }
    }

    /// Tells of every change of [`Self::role`].
    pub fn roles(&self) -> watch::Receiver<Role> {
        self.inner.role.subscribe()
    }

    /// Whether it leads for certain: `false` as soon as its lease *may* have run out.
    pub fn is_leader(&self) -> bool {
        matches!(self.role(), Role::Leader { .. })
    }

    /// Leads and follows, until it is dropped.
    pub async fn run(&self, parts: &dyn Lead) {
        loop {
            self.turn(parts).await;
        }
    }

    /// Stops leading and gives the lease back, so that another takes over at once.
    /// For the end of the process, after [`Self::run`] was dropped.
    pub async fn step_down(&self, parts: &dyn Lead) {
        parts.step_down();
        let lease = self.set_lease(None);
        self.show(Role::Follower { leader: None });
        if let Some(lease) = lease
            && let Err(error) = self.inner.leases.release(lease).await
        {
            tracing::warn!(%error, "the lease was not given back: it runs out by itself");
        }
    }

    /// One try for the lease, and what follows from it.
    async fn turn(&self, parts: &dyn Lead) {
        let Inner {
            leases,
            holder,
            address,
            life,
            ..
        } = &*self.inner;
        let pause = TICK.min(*life / 5);
        // Not longer than a lease: the answer would be stale.
        let claim = timeout(*life, leases.acquire(LEASE, holder, address, *life)).await;
        match claim {
            Ok(Ok(Claim::Won(lease))) => {
                self.reign(lease, parts).await;
                parts.step_down();
                self.show(Role::Follower { leader: None });
            }
            Ok(Ok(Claim::Held(other))) => {
                let leader = Some(other.address).filter(|address| !address.is_empty());
                self.show(Role::Follower { leader });
                match timeout(*life, parts.refresh()).await {
                    Ok(Err(error)) => tracing::warn!(%error, "the leader's tree cannot be read"),
                    Err(_) => tracing::warn!("the leader's tree cannot be read in time"),
                    Ok(Ok(())) => {}
                }
            }
            Ok(Err(error)) => {
                self.show(Role::Follower { leader: None });
                tracing::warn!(%error, "the lease cannot be asked for");
            }
            Err(_) => {
                self.show(Role::Follower { leader: None });
                tracing::warn!("the lease cannot be asked for in time");
            }
        }
        sleep(pause).await;
    }

    /// Leads until the lease is lost, or may be.
    async fn reign(&self, lease: Lease, parts: &dyn Lead) {
        let epoch = lease.epoch();
        let remaining = lease.remaining();
        self.set_lease(Some(lease));
        match bounded(remaining, parts.lead(epoch, self.fence(epoch))).await {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                tracing::error!(%error, "the logs cannot be led");
                return self.give_back().await;
            }
            None => return tracing::error!("the logs cannot be led in time"),
        }
        tracing::info!(target: "audit", epoch, address = self.inner.address, "this replica leads");
        self.show(Role::Leader { epoch });
        while let Some(remaining) = self.remaining() {
            let pause = (self.inner.life / 3).min(remaining).min(TICK);
            sleep(pause).await;
            if !parts.is_leading() {
                tracing::error!(
                    "a log is not led here any more: its writer failed, or another replica took it over"
                );
                return self.give_back().await;
            }
            if !self.renew().await {
                break;
            }
        }
        tracing::info!(target: "audit", epoch, "this replica does not lead any more");
        self.set_lease(None);
    }

    /// Whether the lease of `epoch` certainly holds.
    fn fence(&self, epoch: u64) -> Fence {
        let inner = Arc::downgrade(&self.inner);
        Arc::new(move || {
            let Some(inner) = inner.upgrade() else {
                return false;
            };
            let lease = inner.lease.read().unwrap_or_else(PoisonError::into_inner);
            lease
                .as_ref()
                .is_some_and(|lease| lease.epoch() == epoch && !lease.remaining().is_zero())
        })
    }

    /// Whether the lease is still ours. A database that does not answer says
    /// nothing: then the end that we know of holds.
    async fn renew(&self) -> bool {
        let lease = self.lease();
        let Some((lease, remaining)) = lease.map(|lease| (lease.clone(), lease.remaining())) else {
            return false;
        };
        match bounded(remaining, self.inner.leases.renew(&lease)).await {
            Some(Ok(Some(renewed))) => {
                self.set_lease(Some(renewed));
                true
            }
            Some(Ok(None)) => false,
            Some(Err(error)) => {
                tracing::warn!(%error, "the lease cannot be renewed");
                true
            }
            None => false,
        }
    }

    /// For when the database says it is ours, but it is of no use.
    async fn give_back(&self) {
        if let Some(lease) = self.set_lease(None) {
            let released = timeout(self.inner.life, self.inner.leases.release(lease)).await;
            if !matches!(released, Ok(Ok(()))) {
                tracing::warn!("the lease was not given back: it runs out by itself");
            }
        }
    }

    fn lease(&self) -> Option<Lease> {
        let lease = self.inner.lease.read();
        lease.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The lease that was there before.
    fn set_lease(&self, lease: Option<Lease>) -> Option<Lease> {
        let mut kept = self
            .inner
            .lease
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *kept, lease)
    }

    /// How long the lease certainly holds; `None` if not at all.
    fn remaining(&self) -> Option<Duration> {
        let remaining = self.lease()?.remaining();
        (!remaining.is_zero()).then_some(remaining)
    }

    fn holds(&self) -> bool {
        self.remaining().is_some()
    }

    fn show(&self, role: Role) {
        self.inner.role.send_if_modified(|old| {
            let changed = *old != role;
            if changed {
                *old = role;
            }
            changed
        });
    }

    /// Waits until `leader` is not who leads.
    async fn deposed(&self, leader: &str) {
        let mut roles = self.roles();
        let deposed = |role: &Role| !matches!(role, Role::Follower { leader: Some(other) } if other == leader);
        // An error: the replica itself is gone, and nobody waits.
        let _ = roles.wait_for(deposed).await;
    }

    /// Waits for another role, but not longer than a new leader takes.
    async fn changed(&self) {
        let changed = self.inner.life * 3 / 2;
        let _ = timeout(changed, self.roles().changed()).await;
    }

    /// Waits until somebody leads whom this process can name, but not longer than
    /// a new leader takes.
    async fn somebody(&self) -> Role {
        let mut roles = self.roles();
        let until = Instant::now() + self.inner.life * 3 / 2;
        loop {
            let role = self.role();
            if role != (Role::Follower { leader: None }) {
                return role;
            }
            let changed = tokio::time::timeout_at(until, roles.changed());
            if !matches!(changed.await, Ok(Ok(()))) {
                return self.role();
            }
        }
    }
}

/// `None` if it takes longer. An embedded lease never ends.
async fn bounded<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    if limit == Duration::MAX {
        return Some(work.await);
    }
    timeout(limit, work).await.ok()
}

#[cfg(test)]
mod tests;
