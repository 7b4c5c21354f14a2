//! What offline roots certify: the CA's intermediates and the timestamp key.
//!
//! The first generation is from a ceremony, or made here under a root whose key is
//! here as well; later ones are what ceremonies left.

use bulla_core::Clock;
use bulla_crypto::{
    PublicKey, Scheme, Signer,
    timestamp::TimestampSigner,
    x509::{self, CaProfile, Certificate, X509Error, parse_certificate},
};
use std::sync::Arc;

use super::{Mailbox, Opener, take_up};
use crate::{
    ceremony::AuthorityKind,
    certified::{Certified, Make, Role},
    error::AuthorityError,
    tsa::{self, Tsa, TsaSettings, guard::ClockGuard},
};

impl Opener {
    /// The intermediates; the first is from a ceremony, or made here.
    pub(super) async fn intermediates(
        &self,
        mailbox: &Mailbox,
    ) -> Result<Certified<x509::Issuer>, AuthorityError> {
        let slot = Role::Intermediate.name();
        let key = self.slots.get_or_create(slot, Scheme::EcdsaP256).await?;
        let chain = match mailbox.certified(AuthorityKind::Ca, key.public()).await? {
            Some(chain) => chain,
            None => self.signing_chain(key.public()).await?,
        };
        let make = |key: Arc<dyn Signer>, chain: &[Certificate]| {
            let own = chain.first().ok_or(X509Error::Possession)?;
            Ok(x509::Issuer::from_parts(key, own.clone())?)
        };
        let intermediates = self
            .certified(Role::Intermediate, (key, chain), Box::new(make))
            .await?;
        note(take_up(mailbox, AuthorityKind::Ca, &intermediates).await);
        Ok(intermediates)
    }

    async fn certified<T>(
        &self,
        role: Role,
        first: (Arc<dyn Signer>, [Certificate; 2]),
        make: Make<T>,
    ) -> Result<Certified<T>, AuthorityError> {
        let (slots, store) = (self.slots.clone(), self.store.clone());
        Certified::open(role, slots, store, first, &self.instance.organization, make).await
    }

    /// Intermediate and root that were made here. The root's key may be gone by now.
    async fn signing_chain(&self, key: &PublicKey) -> Result<[Certificate; 2], AuthorityError> {
        if let Some(kept) = self.kept("ca-intermediate", "ca-root").await? {
            return Ok(kept);
        }
        let root = self
            .root("ca-root", Scheme::EcdsaP384, "signing root")
            .await?;
        let (validity, name) = (self.validity()?, "signing intermediate");
        let own = root.issue_intermediate(key, CaProfile::CodeSigning, name, validity)?;
        let kept = self
            .store
            .create_document("ca-intermediate.der", own.der())
            .await?;
        Ok([parse_certificate(&kept)?, root.certificate().clone()])
    }

    /// A certificate and its root, if both are kept.
    async fn kept(
        &self,
        own: &str,
        root: &str,
    ) -> Result<Option<[Certificate; 2]>, AuthorityError> {
        let certificate = async |slot: &str| {
            let der = self.store.document(&format!("{slot}.der")).await?;
            let parsed = der.as_deref().map(parse_certificate).transpose()?;
            Ok::<_, AuthorityError>(parsed)
        };
        let both = (certificate(own).await?, certificate(root).await?);
        Ok(match both {
            (Some(own), Some(root)) => Some([own, root]),
            _ => None,
        })
    }

    pub(super) async fn tsa(
        &self,
        settings: &TsaSettings,
        mailbox: &Mailbox,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Tsa>, AuthorityError> {
        let slot = Role::Timestamp.name();
        let key = self.slots.get_or_create(slot, Scheme::EcdsaP256).await?;
        let chain = match mailbox.certified(AuthorityKind::Tsa, key.public()).await? {
            Some(chain) => chain,
            None => self.timestamp_chain(key.public()).await?,
        };
        let settings = settings.clone();
        let make = move |key: Arc<dyn Signer>, chain: &[Certificate]| {
            Ok(settings.apply(TimestampSigner::new(key, chain.to_vec())?)?)
        };
        let signers = self
            .certified(Role::Timestamp, (key, chain), Box::new(make))
            .await?;
        note(take_up(mailbox, AuthorityKind::Tsa, &signers).await);
        let guard = ClockGuard::default();
        if let Some(floor) = tsa::floor(&*self.store).await? {
            guard.raise(floor);
        }
        Ok(Arc::new(Tsa {
            signers,
            clock,
            guard,
            store: self.store.clone(),
        }))
    }

    /// Leaf and root that were made here. The root's key may be gone by now.
    async fn timestamp_chain(&self, key: &PublicKey) -> Result<[Certificate; 2], AuthorityError> {
        if let Some(kept) = self.kept("tsa", "tsa-root").await? {
            return Ok(kept);
        }
        let root = self
            .root("tsa-root", Scheme::EcdsaP384, "timestamp root")
            .await?;
        let leaf = root.issue_timestamping(key, "timestamp authority", self.validity()?)?;
        let kept = self.store.create_document("tsa.der", leaf.der()).await?;
        Ok([parse_certificate(&kept)?, root.certificate().clone()])
    }
}

/// What a ceremony left and cannot be taken up stops nobody: what is there serves
/// on, and alarms when its time comes.
fn note(taken: Result<(), AuthorityError>) {
    if let Err(error) = taken {
        tracing::error!(%error, "a ceremony's certificate was not taken up");
    }
}
