//! Transport: who is who between processes, and between a cluster and its webhook.
//!
//! Roots of their own, which never appear in a trusted root of Sigstore, certify
//! short-lived leaves: X.509-SVIDs for mutual TLS ([`TransportIdentity`]) and
//! plain names for servers that others call ([`ServedName`]). Both are renewed in
//! place, after a third of their day, without a connection breaking. A root is
//! succeeded long before it ends, and both are believed while both hold. Where
//! SPIRE or a pod certificate gives identities, those are taken instead.

mod bundle;
mod error;
mod files;
mod identity;
mod served;
mod spiffe_id;
mod verify;

use bulla_core::Clock;
use bulla_crypto::{
    Scheme,
    x509::{self, Certificate, Validity, parse_certificate, to_pem_chain},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use crate::{
    error::AuthorityError,
    health::{Lifetime, Renewal, of_certificate},
    key_slot::KeySlots,
    store::LogStore,
};

pub use error::TransportError;
pub use files::TransportSettings;
pub use identity::TransportIdentity;
pub use served::ServedName;
pub use spiffe_id::SpiffeId;
pub use verify::{Peers, peer_id};

use bundle::Bundle;

/// How long a leaf holds, in seconds: a day.
const LEAF_SECONDS: i64 = 86_400;
/// Clocks of two machines may differ by that much, in seconds.
const SKEW_SECONDS: i64 = 60;
/// How long a root holds, in seconds: ten years.
const ROOT_SECONDS: i64 = 3652 * 86_400;
/// How long a new root is shown to everybody before it certifies anything.
const SHOWN_FIRST: SignedDuration = SignedDuration::from_hours(48);
/// Roots are succeeded each three years: more than that is no instance of ours.
const ROOTS: usize = 16;

/// The name of the trust domain, kept since the instance's creation.
const DOCUMENT: &str = "transport";

/// What is fixed at creation.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Domain {
    trust_domain: String,
}

/// The transport roots of an instance, and everything that they certified in
/// this process. Cheap to clone.
#[derive(Clone)]
pub struct Transport {
    parts: Arc<Parts>,
}

struct Parts {
    trust_domain: String,
    organization: String,
    settings: TransportSettings,
    slots: KeySlots,
    store: Arc<dyn LogStore>,
    clock: Arc<dyn Clock>,
    /// Oldest first; all that still hold.
    roots: RwLock<Vec<Arc<x509::Issuer>>>,
    bundle: Arc<Bundle>,
    leaves: Mutex<Vec<Weak<dyn Leaf>>>,
}

/// Something that the roots certified and that is renewed in place.
trait Leaf: Send + Sync {
    fn lifetime(&self) -> Lifetime;
    /// Renews it if that is due.
    fn renew(&self, transport: &Transport, now: Timestamp) -> Result<(), TransportError>;
}

impl Transport {
    /// Opens the transport roots, and makes the first at first.
    ///
    /// # Errors
    /// [`TransportError::Renamed`] if the settings name another trust domain than
    /// the instance was created with; if keys or documents cannot be used.
    pub async fn open(
        slots: &KeySlots,
        store: &Arc<dyn LogStore>,
        clock: &Arc<dyn Clock>,
        organization: &str,
        settings: &TransportSettings,
    ) -> Result<Self, AuthorityError> {
        let now = clock.now();
        let first = root(slots, &**store, organization, 1, Some(now)).await?;
        let first = first.ok_or_else(|| damaged(&slot(1)))?;
        let trust_domain = domain(&**store, &first, settings).await?;
        let transport = Self {
            parts: Arc::new(Parts {
                bundle: Arc::new(Bundle::new(&trust_domain)),
                trust_domain,
                organization: organization.into(),
                settings: settings.clone(),
                slots: slots.clone(),
                store: store.clone(),
                clock: clock.clone(),
                roots: RwLock::new(vec![Arc::new(first)]),
                leaves: Mutex::default(),
            }),
        };
        transport.reload(now).await?;
        Ok(transport)
    }

    /// The trust domain of all identities here.
    pub fn trust_domain(&self) -> &str {
        &self.parts.trust_domain
    }

    /// The roots in PEM, oldest first: what clients of a [`ServedName`] believe.
    pub fn roots_pem(&self) -> String {
        to_pem_chain(self.roots().iter().map(|root| root.certificate()))
    }

    /// The identity `spiffe://TRUST-DOMAIN/PATH`, renewed for as long as it lives;
    /// or the one that the settings' files hold.
    ///
    /// # Errors
    /// [`TransportError`] if the path is none, or the files hold no identity.
    pub fn identity(&self, path: &str) -> Result<TransportIdentity, TransportError> {
        let identity = TransportIdentity::new(self, path)?;
        self.keep(identity.leaf());
        Ok(identity)
    }

    /// A server that others call by `hosts` (DNS names or addresses).
    ///
    /// # Errors
    /// [`TransportError::X509`] if a host cannot stand in a certificate.
    pub fn served_name(&self, hosts: &[String]) -> Result<ServedName, TransportError> {
        let served = ServedName::new(self, hosts)?;
        self.keep(served.leaf());
        Ok(served)
    }

    /// How long roots and leaves hold.
    pub fn lifetimes(&self) -> Vec<Lifetime> {
        let newest = self.roots().last().cloned();
        let root = newest
            .map(|root| of_certificate("transport root", root.certificate(), Renewal::Itself));
        let leaves = self.leaves();
        root.into_iter()
            .chain(leaves.iter().map(|leaf| leaf.lifetime()))
            .collect()
    }

    /// Renews what is due. Every replica does it for itself: leaves are its own,
    /// and of two that make the next root at once, one finds the other's.
    ///
    /// # Errors
    /// If a key or document cannot be used; the rest is renewed nevertheless.
    pub async fn renew(&self, now: Timestamp) -> Result<(), AuthorityError> {
        let reloaded = self.reload(now).await;
        for leaf in self.leaves() {
            leaf.renew(self, now)?;
        }
        reloaded
    }

    /// Takes up the roots that are there, and makes the next if that is due.
    async fn reload(&self, now: Timestamp) -> Result<(), AuthorityError> {
        let parts = &self.parts;
        let mut roots = Vec::new();
        for number in 1..=ROOTS {
            let due = roots.last().is_some_and(|last: &Arc<x509::Issuer>| {
                of_certificate("", last.certificate(), Renewal::Itself).is_due(now)
            });
            let at = (number == 1 || due).then_some(now);
            let (slots, store) = (&parts.slots, &*parts.store);
            match root(slots, store, &parts.organization, number, at).await? {
                Some(root) => roots.push(Arc::new(root)),
                None => break,
            }
        }
        roots.retain(|root| root.certificate().validity().until >= now);
        parts
            .bundle
            .set(roots.iter().map(|root| root.certificate()))?;
        *parts.roots.write().unwrap_or_else(PoisonError::into_inner) = roots;
        Ok(())
    }

    /// The root that certifies: the newest that everybody has had time to see.
    fn issuer(&self, now: Timestamp) -> Result<Arc<x509::Issuer>, TransportError> {
        let roots = self.roots();
        let seen = |root: &&Arc<x509::Issuer>| {
            let from = root.certificate().validity().from;
            now.duration_since(from) >= SHOWN_FIRST
        };
        let issuer = roots.iter().rev().find(seen).or_else(|| roots.first());
        issuer.cloned().ok_or(TransportError::NoRoot)
    }

    fn roots(&self) -> Vec<Arc<x509::Issuer>> {
        let roots = self.parts.roots.read();
        roots.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, leaf: Weak<dyn Leaf>) {
        let mut leaves = self.lock();
        leaves.retain(|leaf| leaf.strong_count() > 0);
        leaves.push(leaf);
    }

    fn leaves(&self) -> Vec<Arc<dyn Leaf>> {
        self.lock().iter().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Weak<dyn Leaf>>> {
        let leaves = self.parts.leaves.lock();
        leaves.unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    fn settings(&self) -> &TransportSettings {
        &self.parts.settings
    }

    fn bundle(&self) -> Arc<Bundle> {
        self.parts.bundle.clone()
    }
}

/// A leaf's life from `now` on.
fn leaf_validity(now: Timestamp) -> Result<Validity, TransportError> {
    let from = now
        .checked_sub(SignedDuration::from_secs(SKEW_SECONDS))
        .unwrap_or(now);
    Ok(Validity::seconds(from, LEAF_SECONDS + SKEW_SECONDS)?)
}

fn slot(number: usize) -> String {
    match number {
        1 => "transport-root".into(),
        number => format!("transport-root-{number}"),
    }
}

/// Root `number`, made at `create` if it is not there.
async fn root(
    slots: &KeySlots,
    store: &dyn LogStore,
    organization: &str,
    number: usize,
    create: Option<Timestamp>,
) -> Result<Option<x509::Issuer>, AuthorityError> {
    let slot = slot(number);
    let document = format!("{slot}.der");
    let stored = store.document(&document).await?;
    let (certificate, key) = match (stored, create) {
        (None, None) => return Ok(None),
        (Some(der), _) => {
            let key = slots.get_or_create(&slot, Scheme::EcdsaP256).await?;
            (parse_certificate(&der)?, key)
        }
        (None, Some(now)) => {
            let key = slots.get_or_create(&slot, Scheme::EcdsaP256).await?;
            let name = match number {
                1 => "transport root".to_owned(),
                number => format!("transport root {number}"),
            };
            let validity = Validity::seconds(now, ROOT_SECONDS)?;
            let new = x509::Issuer::create_root(key.clone(), organization, &name, validity)?;
            let der = store
                .create_document(&document, new.certificate().der())
                .await?;
            (parse_certificate(&der)?, key)
        }
    };
    Ok(Some(x509::Issuer::from_parts(key, certificate)?))
}

/// The trust domain: what was chosen at creation, else a name that no other
/// instance has.
async fn domain(
    store: &dyn LogStore,
    first: &x509::Issuer,
    settings: &TransportSettings,
) -> Result<String, AuthorityError> {
    let trust_domain = match &settings.trust_domain {
        Some(name) => name.clone(),
        None => format!("{}.bulla.internal", short_id(first.certificate())),
    };
    SpiffeId::new(&trust_domain, "")?;
    let new = serde_json::to_vec(&Domain { trust_domain })?;
    let kept = store.create_document(DOCUMENT, &new).await?;
    let kept: Domain = serde_json::from_slice(&kept).map_err(|_| damaged(DOCUMENT))?;
    match &settings.trust_domain {
        Some(wanted) if *wanted != kept.trust_domain => Err(TransportError::Renamed {
            created: kept.trust_domain,
            wanted: wanted.clone(),
        }
        .into()),
        _ => Ok(kept.trust_domain),
    }
}

fn short_id(certificate: &Certificate) -> String {
    bulla_core::Digest::sha256(certificate.der())
        .short()
        .to_owned()
}

fn damaged(what: &str) -> AuthorityError {
    AuthorityError::Damaged { what: what.into() }
}

#[cfg(test)]
mod tests;
