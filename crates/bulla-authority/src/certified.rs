//! Keys that an offline root certifies, one generation after the other.
//!
//! The CA's intermediate and the timestamp authority's leaf end long before
//! their roots, whose keys lie in a safe. So the next key is made ahead
//! ([`Certified::request`]), a ceremony certifies it, and the certificate is
//! taken up ([`Certified::accept`]) from its first second on: set that some days
//! ahead, and clients have the new trust root first. Every generation is kept,
//! since what it signed is verified for years. Slots and documents are shared,
//! so every replica finds what one has accepted.

use std::sync::{Arc, PoisonError, RwLock};

use bulla_core::{Code, Diagnose};
use bulla_crypto::{
    PublicKey, Scheme, Signer,
    x509::{Certificate, CertifiedProfile, parse_certificate},
};
use jiff::Timestamp;

use crate::{
    error::AuthorityError,
    health::{self, Lifetime, Renewal},
    key_slot::KeySlots,
    store::LogStore,
};

/// Generations that are looked for.
const GENERATIONS: u32 = 1000;

/// Which key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The CA's online key.
    Intermediate,
    /// The timestamp authority's key.
    Timestamp,
}

impl Role {
    /// Its slot, and the start of its documents' names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Intermediate => "ca-intermediate",
            Self::Timestamp => "tsa",
        }
    }

    /// What the root certifies.
    pub fn profile(self) -> CertifiedProfile {
        match self {
            Self::Intermediate => CertifiedProfile::CodeSigningIntermediate,
            Self::Timestamp => CertifiedProfile::TimestampingLeaf,
        }
    }

    fn common_name(self) -> &'static str {
        match self {
            Self::Intermediate => "signing intermediate",
            Self::Timestamp => "timestamp authority",
        }
    }

    /// What ends: the root and its slot, and the certificate.
    fn lives(self) -> [(&'static str, &'static str); 2] {
        match self {
            Self::Intermediate => [
                ("signing root", "ca-root"),
                ("signing intermediate", "ca-intermediate"),
            ],
            Self::Timestamp => [
                ("timestamp root", "tsa-root"),
                ("timestamp certificate", "tsa"),
            ],
        }
    }

    /// The slot of one generation; the first has the name alone.
    pub fn slot(self, generation: u32) -> String {
        match generation {
            1 => self.name().to_owned(),
            later => format!("{}-{later}", self.name()),
        }
    }

    fn document(self, generation: u32) -> String {
        format!("{}.der", self.slot(generation))
    }
}

/// What a ceremony shall certify.
#[derive(Clone, Debug)]
pub struct CertificateRequest {
    /// `ca-intermediate` or `tsa`.
    pub name: &'static str,
    /// With which profile.
    pub profile: CertifiedProfile,
    /// Under which common name.
    pub common_name: String,
    /// Under which organization.
    pub organization: String,
    /// The key.
    pub key: PublicKey,
}

/// One key with its certificate, and what signs by them.
pub struct Generation<T> {
    /// Its own certificate, then the root's.
    pub chain: Arc<[Certificate]>,
    /// What signs.
    pub signs: T,
}

/// Makes what signs from a key and its chain.
pub type Make<T> =
    Box<dyn Fn(Arc<dyn Signer>, &[Certificate]) -> Result<T, AuthorityError> + Send + Sync>;

/// The generations of one role, oldest first.
pub struct Certified<T> {
    role: Role,
    slots: KeySlots,
    store: Arc<dyn LogStore>,
    root: Certificate,
    organization: String,
    make: Make<T>,
    generations: RwLock<Vec<Arc<Generation<T>>>>,
}

impl<T> Certified<T> {
    /// Opens what is there; the first generation must be.
    ///
    /// # Errors
    /// [`AuthorityError::Damaged`] if a certificate is there without its key, or
    /// none is.
    pub async fn open(
        role: Role,
        slots: KeySlots,
        store: Arc<dyn LogStore>,
        root: Certificate,
        organization: &str,
        make: Make<T>,
    ) -> Result<Self, AuthorityError> {
        let opened = Self {
            role,
            slots,
            store,
            root,
            organization: organization.to_owned(),
            make,
            generations: RwLock::default(),
        };
        opened.refresh().await?;
        match opened.all().is_empty() {
            true => Err(opened.damaged()),
            false => Ok(opened),
        }
    }

    fn damaged(&self) -> AuthorityError {
        AuthorityError::Damaged {
            what: format!("certificate of {}", self.role.name()),
        }
    }

    /// Every generation, oldest first: all of them belong into trust roots.
    pub fn all(&self) -> Vec<Arc<Generation<T>>> {
        let kept = self.generations.read();
        kept.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest generation that has begun.
    ///
    /// # Errors
    /// [`AuthorityError::Damaged`] never, since opening found one.
    pub fn current(&self, now: Timestamp) -> Result<Arc<Generation<T>>, AuthorityError> {
        let all = self.all();
        let begun = |generation: &&Arc<Generation<T>>| {
            let own = generation.chain.first();
            own.is_some_and(|own| own.validity().from <= now)
        };
        let newest = all.iter().rev().find(begun).or(all.first());
        newest.cloned().ok_or_else(|| self.damaged())
    }

    /// Takes up what was accepted, here or by another replica.
    ///
    /// # Errors
    /// [`AuthorityError::Damaged`] if a certificate does not fit its key.
    pub async fn refresh(&self) -> Result<(), AuthorityError> {
        for number in self.next()..GENERATIONS {
            let Some(der) = self.store.document(&self.role.document(number)).await? else {
                return Ok(());
            };
            let key = self.slots.get(&self.role.slot(number)).await?;
            let key = key.ok_or_else(|| self.damaged())?;
            let chain: Arc<[Certificate]> = [parse_certificate(&der)?, self.root.clone()].into();
            let signs = (self.make)(key, &chain)?;
            let generation = Arc::new(Generation { chain, signs });
            let mut kept = self
                .generations
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            if kept.len() as u64 + 1 == u64::from(number) {
                kept.push(generation);
            }
        }
        Ok(())
    }

    /// The number of the generation that is not there yet.
    fn next(&self) -> u32 {
        u32::try_from(self.all().len()).map_or(GENERATIONS, |count| count.saturating_add(1))
    }

    /// What the next ceremony shall certify. The key is made at the first call.
    ///
    /// # Errors
    /// If the key cannot be made or kept.
    pub async fn request(&self) -> Result<CertificateRequest, AuthorityError> {
        self.refresh().await?;
        let number = self.next();
        let slot = self.role.slot(number);
        let key = self.slots.get_or_create(&slot, Scheme::EcdsaP256).await?;
        Ok(CertificateRequest {
            name: self.role.name(),
            profile: self.role.profile(),
            common_name: format!("{} {number}", self.role.common_name()),
            organization: self.organization.clone(),
            key: key.public().clone(),
        })
    }

    /// Keeps what a ceremony certified, the root's certificate behind it or not.
    /// One that is kept already is accepted again.
    ///
    /// # Errors
    /// [`CeremonyError`] if it is not what was asked for.
    pub async fn accept(&self, chain: &[Certificate]) -> Result<(), AuthorityError> {
        self.refresh().await?;
        let own = chain.first().ok_or(CeremonyError::Empty)?;
        if chain.get(1).is_some_and(|root| *root != self.root) || chain.len() > 2 {
            return Err(CeremonyError::Root.into());
        }
        let known = |generation: &Arc<Generation<T>>| generation.chain.first() == Some(own);
        if self.all().iter().any(known) {
            return Ok(());
        }
        let number = self.next();
        let key = self.slots.get(&self.role.slot(number)).await?;
        let key = key.ok_or(CeremonyError::NotAsked)?;
        own.check_certified(&self.root, key.public(), self.role.profile())?;
        let document = self.role.document(number);
        let kept = self.store.create_document(&document, own.der()).await?;
        if kept != own.der() {
            return Err(CeremonyError::Another.into());
        }
        self.refresh().await
    }

    /// The lives of the root and of the newest generation.
    pub fn lifetimes(&self) -> Vec<Lifetime> {
        let life = |(what, slot): (&str, &str), certificate: &Certificate| {
            let command = format!("bulla trust ceremony plan --renew {slot}");
            health::of_certificate(what, certificate, Renewal::Command(command))
        };
        let [root, own] = self.role.lives();
        let all = self.all();
        let newest = all.last().and_then(|generation| generation.chain.first());
        std::iter::once(life(root, &self.root))
            .chain(newest.map(|newest| life(own, newest)))
            .collect()
    }
}

/// Why a ceremony's certificate is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CeremonyError {
    /// Somebody was faster.
    #[error("another certificate was accepted for the same key")]
    Another,
    /// Nothing.
    #[error("the ceremony left no certificate")]
    Empty,
    /// Nobody asked.
    #[error("no key was prepared for this certificate")]
    NotAsked,
    /// Another root.
    #[error("the certificate comes with another root than this instance's")]
    Root,
}

impl Diagnose for CeremonyError {
    fn code(&self) -> Code {
        match self {
            Self::Another => Code("AUTH-0440"),
            Self::Empty => Code("AUTH-0441"),
            Self::NotAsked => Code("AUTH-0442"),
            Self::Root => Code("AUTH-0443"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some("begin again with `bulla trust export --ceremony FILE`".into())
    }
}
