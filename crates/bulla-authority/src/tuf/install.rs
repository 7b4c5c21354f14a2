//! What a ceremony signed, before and after it is taken in.

use bulla_store::{Values, state::Change};
use bulla_trust::tuf::metadata::{Document, Root, Targets};
use jiff::Timestamp;
use std::collections::BTreeMap;

use super::{TufError, keys};
use crate::key_slot::KeySlots;
use keys::STATE;

const INSTALLED: &str = "installed-at";

/// What offline keys signed: the next roots, and the targets they list.
#[derive(Clone, Debug, Default)]
pub struct Offline {
    /// Roots after the one in force, in order.
    pub roots: Vec<Vec<u8>>,
    /// The targets metadata.
    pub targets: Option<Vec<u8>>,
    /// The files that it lists, by path; those that are published need not be here.
    pub contents: BTreeMap<String, Vec<u8>>,
}

/// What is in force after a ceremony, or new online keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Of the root.
    pub root_version: u64,
    /// Of the timestamp.
    pub timestamp_version: u64,
}

/// Nothing that clients would refuse at once.
pub(super) fn check(offline: &Offline, now: Timestamp) -> Result<(), TufError> {
    let fresh = |what, expires: Timestamp| match expires > now {
        true => Ok(()),
        false => Err(TufError::Expired { what, expires }),
    };
    if let Some(last) = offline.roots.last() {
        fresh("root", Root::read(&Document::parse(last)?)?.expires)?;
    }
    if let Some(targets) = &offline.targets {
        fresh(
            "targets",
            Targets::read(&Document::parse(targets)?)?.expires,
        )?;
    }
    Ok(())
}

/// When a ceremony was taken in last.
pub(super) async fn last(values: &Values) -> Result<Option<Timestamp>, TufError> {
    let at = values.get(STATE, INSTALLED).await?;
    let at = at.and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(at.and_then(|text| text.parse().ok()))
}

/// Keys that the root names no more leave this instance.
pub(super) async fn after(
    values: &Values,
    slots: &KeySlots,
    offline: &Offline,
    now: Timestamp,
) -> Result<(), TufError> {
    let at = now.to_string();
    let put = Change::Put {
        key: INSTALLED,
        value: at.as_bytes(),
    };
    values.apply(STATE, &[put]).await?;
    match offline.roots.is_empty() {
        true => Ok(()),
        false => keys::retire(values, slots).await,
    }
}
