//! Keys that never come here: on a token, or in a key service.
//!
//! They sign by the same references as everywhere (`pkcs11:…`, `NAME://…` with
//! its plugin). Such a signature takes its time in another device or process,
//! so it is made where it does not hold up other work.

use bulla_core::{Code, Diagnose};
use bulla_crypto::{KeyError, PublicKey, Scheme, Signer};
use bulla_net::kms::{self, Environment, KmsError};
use std::{collections::BTreeMap, sync::Arc};
use tokio::runtime::{Handle, RuntimeFlavor};

/// Opens every slot that names such a key.
pub(super) async fn open(
    references: &BTreeMap<String, String>,
    environment: &Environment,
) -> Result<BTreeMap<String, Arc<dyn Signer>>, ExternalKeyError> {
    let mut keys: BTreeMap<_, Arc<dyn Signer>> = BTreeMap::new();
    for (slot, reference) in references {
        let signer = signer(reference, Scheme::Ed25519, environment).await?;
        keys.insert(slot.clone(), signer);
    }
    Ok(keys)
}

/// Opens one reference. Files are refused: a slot is there to keep keys out of them.
pub(super) async fn signer(
    reference: &str,
    ed25519: Scheme,
    environment: &Environment,
) -> Result<Arc<dyn Signer>, ExternalKeyError> {
    let held = reference.starts_with("pkcs11:")
        || reference
            .split_once("://")
            .is_some_and(|(name, _)| name != "env");
    if !held {
        return Err(ExternalKeyError::Reference);
    }
    let (reference, environment) = (reference.to_owned(), environment.clone());
    let opened = tokio::task::spawn_blocking(move || {
        let signer = kms::open(&reference, ed25519, &environment, &mut |_| None);
        signer.map_err(|source| ExternalKeyError::Open { source })
    });
    let signer = opened.await.map_err(|_| ExternalKeyError::Ended)??;
    Ok(Arc::new(Elsewhere(signer)))
}

/// Signs by somebody else, who may take long.
struct Elsewhere(Box<dyn Signer>);

impl Signer for Elsewhere {
    fn public(&self) -> &PublicKey {
        self.0.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match Handle::try_current().map(|handle| handle.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(|| self.0.sign(message)),
            _ => self.0.sign(message),
        }
    }
}

/// Why a key that is held elsewhere cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExternalKeyError {
    /// The thread that opened it ended.
    #[error("opening a key that is held elsewhere was interrupted")]
    Ended,
    /// It does not open. The reference is not shown: it may hold a PIN.
    #[error("a key that is held elsewhere cannot be opened: {source}")]
    Open {
        /// Why.
        source: KmsError,
    },
    /// Not a reference to a token or service.
    #[error("a key that is held elsewhere is named by pkcs11:… or NAME://…")]
    Reference,
    /// Another kind of key than the slot is for.
    #[error("the slot {slot} is for {wanted:?}, and the key that it names is {found:?}")]
    Scheme {
        /// The slot.
        slot: String,
        /// What it is.
        found: Scheme,
        /// What it has to be.
        wanted: Scheme,
    },
}

impl Diagnose for ExternalKeyError {
    fn code(&self) -> Code {
        match self {
            Self::Ended => Code("AUTH-0820"),
            Self::Open { source } => source.code(),
            Self::Reference => Code("AUTH-0821"),
            Self::Scheme { .. } => Code("AUTH-0822"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Open { source } => source.hint(),
            Self::Scheme { wanted, slot, .. } => Some(format!(
                "make a {wanted:?} key there and name it in [key.slots] as {slot}; a key that is already in clients' trust roots cannot be exchanged that way"
            )),
            Self::Ended => Some("start again".into()),
            Self::Reference => Some(
                "write pkcs11:token=…;object=…?module-path=…, or awskms://… with sigstore-kms-awskms on PATH".into(),
            ),
        }
    }
}
