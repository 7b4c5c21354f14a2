//! What surrounds the logs: search indexes that are fed, witnesses that are
//! asked, the witness that is served, the monitor.
//!
//! Tasks end with the authority that started them.

use axum::Router;
use bulla_core::Clock;
use bulla_crypto::{Signer, verifier_key::VerifierKey};
use bulla_store::Values;
use std::sync::Arc;
use tokio::task::JoinSet;

use crate::{
    log::{Cosigner, Log, ct::CtLog, rekor_v1::RekorV1, rekor_v2::RekorV2},
    monitor::{LogWatch, Monitor, MonitorError, MonitorSettings, OwnLog, Rules},
    search::{self, Format, Indexes, SearchIndex, SearchSettings},
    witness::{self, WitnessError, WitnessServer, WitnessSettings, WitnessStatus, Witnesses},
};

/// Running tasks, and what they keep. Dropping it ends them.
#[derive(Default)]
pub(super) struct Background {
    tasks: JoinSet<()>,
    indexes: Option<Indexes>,
    witnesses: Option<Arc<Witnesses>>,
    witness: Option<WitnessServer>,
    monitor: Option<Arc<Monitor>>,
}

/// Our own trees, and whose signatures their checkpoints carry.
pub(super) struct OwnLogs<'a> {
    pub(super) v1: &'a RekorV1,
    pub(super) v1_key: VerifierKey,
    pub(super) v2: &'a RekorV2,
    pub(super) v2_key: VerifierKey,
    pub(super) ct: &'a CtLog,
    pub(super) ct_key: VerifierKey,
}

impl Background {
    /// The witnesses that are configured, asked by nobody yet.
    pub(super) fn new(settings: &WitnessSettings) -> Result<Self, WitnessError> {
        Ok(Self {
            witnesses: Witnesses::new(settings)?.map(Arc::new),
            ..Self::default()
        })
    }

    /// Who cosigns checkpoints.
    pub(super) fn cosigner(&self) -> Option<Arc<dyn Cosigner>> {
        let witnesses = self.witnesses.clone()?;
        Some(witnesses)
    }

    /// How it goes with each witness.
    pub(super) fn witnesses(&self) -> Vec<WitnessStatus> {
        self.witnesses
            .as_ref()
            .map_or_else(Vec::new, |witnesses| witnesses.status())
    }

    /// Serves a witness, under `name` unless another is configured.
    pub(super) fn witness(
        &mut self,
        settings: &WitnessSettings,
        name: String,
        key: Arc<dyn Signer>,
        values: Values,
        clock: Arc<dyn Clock>,
    ) -> Result<(), WitnessError> {
        let name = settings.name.clone().unwrap_or(name);
        let server = WitnessServer::new(name, key, &settings.logs, values, clock)?;
        self.witness = Some(server);
        Ok(())
    }

    /// Feeds an index of each tree, if there shall be any.
    pub(super) fn search(
        &mut self,
        settings: &SearchSettings,
        values: &Values,
        (v1, v2, ct): (&RekorV1, &RekorV2, &CtLog),
    ) -> Option<SearchIndex> {
        if !settings.enabled {
            return None;
        }
        let index = |log: &Log, format, name| {
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

    /// Watches the logs, as long as this process leads them.
    pub(super) fn watch(
        &mut self,
        settings: &MonitorSettings,
        own: OwnLogs<'_>,
        values: Values,
        clock: Arc<dyn Clock>,
    ) -> Result<(), MonitorError> {
        if !settings.own && settings.logs.is_empty() {
            return Ok(());
        }
        let leader = own.v2.log().clone();
        let logs = |rules: &Arc<Rules>| {
            let watch = |name, key, log: &Log, format| {
                let feed = Box::new(OwnLog::new(log.clone(), format, name));
                LogWatch::new(name, key, feed, rules.clone())
            };
            let v1_origin = RekorV1::origin(own.v1_key.name(), own.v1.tree_id());
            Ok(vec![
                watch("log-v1", own.v1_key, own.v1.log(), Format::V1).of_origin(v1_origin),
                watch("log-v2", own.v2_key, own.v2.log(), Format::V2),
                watch("ct", own.ct_key, own.ct.log(), Format::Ct),
            ])
        };
        let monitor = Arc::new(Monitor::new(settings, logs, values, clock)?);
        self.monitor = Some(monitor.clone());
        self.tasks
            .spawn(monitor.keep_watching(move || leader.is_leading()));
        Ok(())
    }

    /// The monitor.
    pub(super) fn monitor(&self) -> Option<&Arc<Monitor>> {
        self.monitor.as_ref()
    }

    /// The paths of what runs here.
    pub(super) fn router(&self) -> Router {
        let search = self.indexes.clone().map(search::router);
        let witness = self.witness.clone().map(witness::router);
        Router::new()
            .merge(search.unwrap_or_default())
            .merge(witness.unwrap_or_default())
    }
}
