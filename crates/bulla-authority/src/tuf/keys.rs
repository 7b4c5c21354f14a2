//! The keys that this instance signs metadata with.
//!
//! Root and targets have a key here only while they are online. The other roles
//! have one per generation: a rotation makes the next, and until a root names it
//! the former goes on signing.

use bulla_crypto::{Scheme, Signer};
use bulla_store::{Values, state::Change};
use bulla_trust::tuf::metadata::{Document, Role, RoleKeys, Root};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

use super::{TufError, TufSettings, repository::Repository};
use crate::{error::AuthorityError, key_slot::KeySlots};

/// Where it is noted how many generations there are.
pub(super) const STATE: &str = "tuf-state";
const GENERATIONS: &str = "key-generations";
const MOST_GENERATIONS: u32 = 1_000;

/// Roles that are always signed here.
pub(super) const ONLINE: [&str; 3] = ["snapshot", "timestamp", "online"];

/// How often each online role's key was replaced, from 1.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Generations(BTreeMap<String, u32>);

impl Generations {
    async fn load(values: &Values) -> Result<(Self, Option<Vec<u8>>), TufError> {
        let stored = values.get(STATE, GENERATIONS).await?;
        let parsed = match &stored {
            Some(bytes) => serde_json::from_slice(bytes).map_err(|_| TufError::Damaged {
                what: "it does not say which keys it has".into(),
            })?,
            None => Self(BTreeMap::new()),
        };
        Ok((parsed, stored))
    }

    fn of(&self, role: &str) -> u32 {
        self.0
            .get(role)
            .copied()
            .unwrap_or(1)
            .clamp(1, MOST_GENERATIONS)
    }
}

/// The keys at hand.
pub(super) struct Keys {
    pub(super) root: Option<Arc<dyn Signer>>,
    pub(super) targets: Option<Arc<dyn Signer>>,
    online: BTreeMap<&'static str, Vec<Arc<dyn Signer>>>,
}

impl Keys {
    /// Loads the keys, and makes those that are missing.
    pub(super) async fn load(
        slots: &KeySlots,
        values: &Values,
        settings: &TufSettings,
    ) -> Result<Self, TufError> {
        let (generations, _) = Generations::load(values).await?;
        let mut online = BTreeMap::new();
        for role in ONLINE {
            let mut keys: Vec<Arc<dyn Signer>> = Vec::new();
            for generation in 1..=generations.of(role) {
                let slot = slot(role, generation);
                // Former generations are gone; the last is made if it is missing.
                let key = match generation == generations.of(role) {
                    true => Some(make(slots, &slot).await?),
                    false => find(slots, &slot).await?,
                };
                keys.extend(key);
            }
            online.insert(role, keys);
        }
        let own = async |role: Role| {
            let slot = slot(role.name(), 1);
            match settings.offline || is_offline(values, role).await? {
                true => find(slots, &slot).await,
                false => make(slots, &slot).await.map(Some),
            }
        };
        Ok(Self {
            root: own(Role::Root).await?,
            targets: own(Role::Targets).await?,
            online,
        })
    }

    /// Whether the root or targets key is here, and the root in force names it.
    pub(super) fn speaks_for(&self, role: Role, root: &Root) -> bool {
        let key = match role {
            Role::Root => &self.root,
            _ => &self.targets,
        };
        key.as_ref()
            .is_some_and(|key| names(root.role(role), &**key))
    }

    /// The newest key of an online role.
    pub(super) fn newest(&self, role: &'static str) -> Result<&Arc<dyn Signer>, TufError> {
        let keys = self.online.get(role).and_then(|keys| keys.last());
        keys.ok_or(TufError::OnlineKey { role })
    }

    /// Signs with every key at hand that the role names.
    pub(super) fn sign(
        &self,
        role: &'static str,
        document: &mut Document,
        named: &RoleKeys,
    ) -> Result<(), TufError> {
        let own = match role {
            "root" => self.root.as_slice(),
            "targets" => self.targets.as_slice(),
            _ => self.online.get(role).map_or(&[][..], Vec::as_slice),
        };
        for key in own {
            if names(named, &**key) {
                document.sign(key)?;
            }
        }
        match document.signed_by(named).is_empty() {
            true => Err(TufError::OnlineKey { role }),
            false => Ok(document.require(named)?),
        }
    }
}

/// Makes the next key of each online role; root or targets have to name it before it signs.
pub(super) async fn next_generation(slots: &KeySlots, values: &Values) -> Result<(), TufError> {
    let (mut generations, stored) = Generations::load(values).await?;
    for role in ONLINE {
        let next = generations.of(role).saturating_add(1);
        if next > MOST_GENERATIONS {
            return Err(TufError::Damaged {
                what: "its keys were replaced too often".into(),
            });
        }
        make(slots, &slot(role, next)).await?;
        generations.0.insert(role.to_owned(), next);
    }
    let value = serde_json::to_vec(&generations).map_err(|_| TufError::Stopping)?;
    let swap = Change::Swap {
        key: GENERATIONS,
        expected: stored.as_deref(),
        value: &value,
    };
    match values.apply(STATE, &[swap]).await? {
        true => Ok(()),
        false => Err(TufError::Contended),
    }
}

/// Removes the keys that what is published does not name: root and targets after
/// a ceremony, and former generations of the others.
pub(super) async fn retire(values: &Values, slots: &KeySlots) -> Result<(), TufError> {
    let Some(repository) = Repository::load(values).await? else {
        return Ok(());
    };
    let root = &repository.root;
    for role in [Role::Root, Role::Targets] {
        let slot = slot(role.name(), 1);
        let key = find(slots, &slot).await?;
        let is_noted = is_offline(values, role).await?;
        if key
            .as_ref()
            .map_or(!is_noted, |key| !names(root.role(role), &**key))
        {
            // Noted first: a crash in between must not make a new key.
            let put = Change::Put {
                key: role.name(),
                value: b"offline",
            };
            values.apply(STATE, &[put]).await?;
            slots.remove(&slot).await.map_err(failed)?;
        }
    }
    let (generations, _) = Generations::load(values).await?;
    let named = |role| match role {
        "snapshot" => Some(&root.snapshot),
        "timestamp" => Some(&root.timestamp),
        _ => repository.delegation().map(|delegation| &delegation.keys),
    };
    for role in ONLINE {
        let Some(named) = named(role) else { continue };
        for generation in 1..generations.of(role) {
            let slot = slot(role, generation);
            if let Some(key) = find(slots, &slot).await?
                && !names(named, &*key)
            {
                slots.remove(&slot).await.map_err(failed)?;
            }
        }
    }
    Ok(())
}

fn names(role: &RoleKeys, key: &dyn Signer) -> bool {
    role.keys()
        .iter()
        .any(|named| named.public() == key.public())
}

async fn is_offline(values: &Values, role: Role) -> Result<bool, TufError> {
    Ok(values.get(STATE, role.name()).await?.is_some())
}

/// The slot of a role's key.
pub(super) fn slot(role: &str, generation: u32) -> String {
    match generation {
        1 => format!("tuf-{role}"),
        _ => format!("tuf-{role}-{generation}"),
    }
}

async fn make(slots: &KeySlots, slot: &str) -> Result<Arc<dyn Signer>, TufError> {
    // A token's key is of whatever scheme it is; the metadata refuses what clients do not know.
    match find(slots, slot).await? {
        Some(key) => Ok(key),
        None => slots
            .get_or_create(slot, Scheme::Ed25519)
            .await
            .map_err(failed),
    }
}

async fn find(slots: &KeySlots, slot: &str) -> Result<Option<Arc<dyn Signer>>, TufError> {
    slots.get(slot).await.map_err(failed)
}

fn failed(error: AuthorityError) -> TufError {
    TufError::KeySlot(Box::new(error))
}
