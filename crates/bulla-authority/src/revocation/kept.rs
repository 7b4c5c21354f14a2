//! The list as the store has it.
//!
//! It was verified when it was taken. Whoever needs it asks each time, since
//! another replica may have taken the next one; it is parsed once.

use bulla_store::{StateError, Values, state::Change};
use bulla_trust::revocation::RevocationList;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::AuthorityError;

const SPACE: &str = "revocation";
const LIST: &str = "list";

/// Where the list is kept.
pub struct Kept {
    values: Values,
    /// The bundle that was parsed last, and its list.
    last: Mutex<Option<(Vec<u8>, Arc<RevocationList>)>>,
}

impl Kept {
    /// In that store.
    pub fn new(values: Values) -> Self {
        let last = Mutex::default();
        Self { values, last }
    }

    /// The present list: a bundle; `None` before the first.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn bundle(&self) -> Result<Option<Vec<u8>>, StateError> {
        self.values.get(SPACE, LIST).await
    }

    /// The list in it.
    ///
    /// # Errors
    /// [`AuthorityError`] of the database, or if it is none.
    pub async fn list(&self) -> Result<Option<Arc<RevocationList>>, AuthorityError> {
        let Some(bundle) = self.bundle().await? else {
            return Ok(None);
        };
        if let Some((last, list)) = &*self.lock()
            && *last == bundle
        {
            return Ok(Some(list.clone()));
        }
        let list = RevocationList::in_bundle(&bundle).map_err(|_| AuthorityError::Damaged {
            what: "list of revocations".into(),
        })?;
        let list = Arc::new(list);
        *self.lock() = Some((bundle, list.clone()));
        Ok(Some(list))
    }

    /// Keeps the next list, if `before` is still the present one.
    pub(super) async fn swap(
        &self,
        before: Option<&[u8]>,
        bundle: &[u8],
    ) -> Result<bool, StateError> {
        let change = Change::Swap {
            key: LIST,
            expected: before,
            value: bundle,
        };
        self.values.apply(SPACE, &[change]).await
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Vec<u8>, Arc<RevocationList>)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
