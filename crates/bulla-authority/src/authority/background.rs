//! What an authority does without being asked: it feeds the search indexes.
//!
//! The tasks end with the authority that started them.

use axum::Router;
use std::sync::Arc;
use tokio::task::JoinSet;

use crate::{
    log::{ct::CtLog, rekor_v1::RekorV1, rekor_v2::RekorV2},
    search::{self, Format, Indexes, SearchIndex, SearchSettings},
};

/// Running tasks, and what they keep. Dropping it ends them.
#[derive(Default)]
pub(super) struct Background {
    tasks: JoinSet<()>,
    indexes: Option<Indexes>,
}

impl Background {
    /// Feeds an index of each tree, if there shall be any.
    pub(super) fn search(
        &mut self,
        settings: &SearchSettings,
        values: &bulla_store::Values,
        (v1, v2, ct): (&RekorV1, &RekorV2, &CtLog),
    ) -> Option<SearchIndex> {
        if !settings.enabled {
            return None;
        }
        let index = |log: &crate::log::Log, format, name| {
            SearchIndex::new(Arc::new(log.clone()), format, values.clone(), name)
        };
        let of_v1 = index(v1.log(), Format::V1, "log-v1");
        let indexes = Indexes {
            v1: (of_v1.clone(), v1.tree_id()),
            v2: index(v2.log(), Format::V2, "log-v2"),
            ct: index(ct.log(), Format::Ct, "ct"),
        };
        for one in [&indexes.v1.0, &indexes.v2, &indexes.ct] {
            self.tasks.spawn(one.clone().keep_fed());
        }
        self.indexes = Some(indexes);
        Some(of_v1)
    }

    /// The paths of what runs here.
    pub(super) fn router(&self) -> Router {
        self.indexes.clone().map(search::router).unwrap_or_default()
    }
}
