//! Keys that an offline root certifies, one generation after the other.
//!
//! The CA's intermediate and the timestamp authority's leaf end long before
//! their roots, whose keys lie in a safe. So the next key is made ahead
//! ([`Certified::request`]), a ceremony certifies it, and the certificate is
//! taken up ([`Certified::accept`]) from its first second on: set that some days
//! ahead, and clients have the new trust root first. Every generation is kept,
//! since what it signed is verified for years. Slots and documents are shared,
//! so every replica finds what one has accepted. Who verifies that people agreed
//! to a certificate is [`crate::ceremony`].

use std::sync::{Arc, PoisonError, RwLock};

use bulla_core::{Code, Diagnose};
use bulla_crypto::{
    PublicKey, Scheme, Signer,
    x509::{Certificate, CertifiedProfile, parse_pem_chain, to_pem_chain},
};
use jiff::Timestamp;

use crate::{
    error::AuthorityError,
    health::{self, Lifetime, Renewal},
    key_slot::KeySlots,
    store::LogStore,
};

/// What begins a ceremony.
pub(crate) const CEREMONY: &str = "bulla trust export --ceremony export.json && bulla trust ceremony plan DIR --export export.json";
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

    /// The common name of its first generation.
    pub(crate) fn common_name(self) -> &'static str {
        match self {
            Self::Intermediate => "signing intermediate",
            Self::Timestamp => "timestamp authority",
        }
    }

    /// What the certificate and its root are called where they end.
    pub(crate) fn lives(self) -> [&'static str; 2] {
        match self {
            Self::Intermediate => ["signing intermediate", "signing root"],
            Self::Timestamp => ["timestamp certificate", "timestamp root"],
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
        format!("{}.pem", self.slot(generation))
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
    /// The root of the newest generation: a ceremony may use it again.
    pub root: Certificate,
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
    organization: String,
    make: Make<T>,
    generations: RwLock<Vec<Arc<Generation<T>>>>,
}

impl<T> Certified<T> {
    /// Opens what is there: `first`, which its caller made or was given, and all
    /// that were accepted since.
    ///
    /// # Errors
    /// [`AuthorityError::Damaged`] if a certificate is there without its key.
    pub async fn open(
        role: Role,
        slots: KeySlots,
        store: Arc<dyn LogStore>,
        first: (Arc<dyn Signer>, [Certificate; 2]),
        organization: &str,
        make: Make<T>,
    ) -> Result<Self, AuthorityError> {
        let (key, chain) = first;
        let opened = Self {
            role,
            slots,
            store,
            organization: organization.to_owned(),
            generations: RwLock::new(vec![Arc::new(Generation {
                signs: make(key, &chain)?,
                chain: chain.into(),
            })]),
            make,
        };
        opened.refresh().await?;
        Ok(opened)
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
            let Some(pem) = self.store.document(&self.role.document(number)).await? else {
                return Ok(());
            };
            let key = self.slots.get(&self.role.slot(number)).await?;
            let key = key.ok_or_else(|| self.damaged())?;
            let chain: Arc<[Certificate]> = parse_pem_chain(&pem)?.into();
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
        let all = self.all();
        let root = all.last().and_then(|newest| newest.chain.last());
        let root = root.cloned().ok_or_else(|| self.damaged())?;
        let number = self.next();
        let slot = self.role.slot(number);
        let key = self.slots.get_or_create(&slot, Scheme::EcdsaP256).await?;
        Ok(CertificateRequest {
            name: self.role.name(),
            profile: self.role.profile(),
            common_name: format!("{} {number}", self.role.common_name()),
            organization: self.organization.clone(),
            key: key.public().clone(),
            root,
        })
    }

    /// Keeps what a ceremony certified: the certificate, then its root, which may
    /// be another than before. One that is kept already is accepted again.
    ///
    /// The caller has verified that people agreed to it; here it is checked to be
    /// what was asked for.
    ///
    /// # Errors
    /// [`GenerationError`] if it is not.
    pub async fn accept(&self, chain: &[Certificate]) -> Result<(), AuthorityError> {
        self.refresh().await?;
        let [own, root] = chain else {
            return Err(GenerationError::Chain.into());
        };
        let known = |generation: &Arc<Generation<T>>| generation.chain.first() == Some(own);
        if self.all().iter().any(known) {
            return Ok(());
        }
        let number = self.next();
        let key = self.slots.get(&self.role.slot(number)).await?;
        let key = key.ok_or(GenerationError::NotAsked)?;
        if !root.is_issued_by(root) {
            return Err(GenerationError::Chain.into());
        }
        own.check_certified(root, key.public(), self.role.profile())?;
        let (document, pem) = (self.role.document(number), to_pem_chain(chain));
        let kept = self
            .store
            .create_document(&document, pem.as_bytes())
            .await?;
        if kept != pem.as_bytes() {
            return Err(GenerationError::Another.into());
        }
        self.refresh().await
    }

    /// The lives of the newest generation and of its root.
    pub fn lifetimes(&self) -> Vec<Lifetime> {
        let all = self.all();
        let newest = all.last().map(|newest| &*newest.chain);
        self.lives_of(newest.unwrap_or_default())
    }

    /// The lives of what signs now: whoever asks wants to know whether it still
    /// may.
    ///
    /// # Errors
    /// As [`Self::current`].
    pub fn lifetimes_now(&self, now: Timestamp) -> Result<Vec<Lifetime>, AuthorityError> {
        Ok(self.lives_of(&self.current(now)?.chain))
    }

    fn lives_of(&self, chain: &[Certificate]) -> Vec<Lifetime> {
        let named = self.role.lives().into_iter().zip(chain);
        let ceremony = || Renewal::Command(CEREMONY.into());
        named
            .map(|(what, certificate)| health::of_certificate(what, certificate, ceremony()))
            .collect()
    }
}

/// Why a ceremony's certificate is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerationError {
    /// Somebody was faster.
    #[error("another certificate was accepted for the same key")]
    Another,
    /// Not a certificate and its root.
    #[error("a ceremony leaves a certificate and the root that signed it, no less and no more")]
    Chain,
    /// Nobody asked.
    #[error("no key was prepared for this certificate")]
    NotAsked,
}

impl Diagnose for GenerationError {
    fn code(&self) -> Code {
        match self {
            Self::Another => Code("AUTH-0440"),
            Self::Chain => Code("AUTH-0441"),
            Self::NotAsked => Code("AUTH-0442"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(format!("begin again: `{CEREMONY}`"))
    }
}
