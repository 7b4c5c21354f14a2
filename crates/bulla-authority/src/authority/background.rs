//! What surrounds the logs: search indexes that are fed, witnesses that are
//! asked, the witness that is served, the monitor, and who brings back sequencers.
//!
//! Tasks end with the authority that started them.

use axum::Router;
use bulla_core::Clock;
use bulla_crypto::{
    PublicKey, Scheme, Signer,
    verifier_key::{Kind, VerifierKey},
};
use bulla_store::Values;
use std::sync::Arc;
use tokio::task::JoinSet;

use super::AuthorityConfig;
use crate::{
    error::AuthorityError,
    key_slot::KeySlots,
    log::{Cosigner, Fall, Keeper, Log, ct::CtLog, rekor_v1::RekorV1, rekor_v2::RekorV2},
    monitor::{LogWatch, Monitor, MonitorError, OwnLog, Rules},
    search::{self, Format, Indexes, SearchIndex, SearchSettings},
    witness::{self, WitnessError, WitnessServer, WitnessSettings, WitnessStatus, Witnesses},
};

/// Running tasks, and what they keep. Dropping it ends them.
#[derive(Default)]
pub(super) struct Background {
    tasks: JoinSet<()>,
    indexes: Option<Indexes>,
    keepers: Vec<Arc<Keeper>>,
    witnesses: Option<Arc<Witnesses>>,
    witness: Option<WitnessServer>,
    monitor: Option<Arc<Monitor>>,
}

/// What is known of an instance when its logs are open.
pub(super) struct Surroundings<'a> {
    pub(super) config: &'a AuthorityConfig,
    pub(super) host: &'a str,
    pub(super) authority: &'a str,
    pub(super) slots: &'a KeySlots,
    pub(super) values: &'a Values,
    pub(super) clock: &'a Arc<dyn Clock>,
    /// Of Rekor v1, Rekor v2 and the CT log.
    pub(super) keys: [&'a PublicKey; 3],
}

impl Surroundings<'_> {
    /// Gives the logs their settings and puts around them what is configured.
    pub(super) async fn put(
        &self,
        background: &mut Background,
        v1: RekorV1,
        v2: RekorV2,
        ct: &CtLog,
    ) -> Result<(RekorV1, RekorV2), AuthorityError> {
        let config = self.config;
        let index = background.search(&config.search, self.values, (&v1, &v2, ct));
        let v1 = v1.with(config.rekor_v1.clone(), index);
        let v2 = v2.with(config.rekor_v2.clone());
        if !config.witness.logs.is_empty() {
            let key = self.slots.get_or_create("witness", Scheme::Ed25519).await?;
            let name = format!("{}/witness", self.host);
            let (values, clock) = (self.values.clone(), self.clock.clone());
            background.witness(&config.witness, name, key, values, clock)?;
        }
        if config.monitor.own || !config.monitor.logs.is_empty() {
            let watch = |rules: &Arc<Rules>| self.own_logs(rules, (&v1, &v2, ct));
            let (values, clock) = (self.values.clone(), self.clock.clone());
            let monitor = Arc::new(Monitor::new(&config.monitor, watch, values, clock)?);
            background.watch(monitor, v2.log().clone());
        }
        Ok((v1, v2))
    }

    /// Our own trees, with the keys that their checkpoints are signed by.
    fn own_logs(
        &self,
        rules: &Arc<Rules>,
        (v1, v2, ct): (&RekorV1, &RekorV2, &CtLog),
    ) -> Result<Vec<LogWatch>, MonitorError> {
        let watch = |name, (signer, kind, key): (&str, Kind, &PublicKey), log: &Log, format| {
            let key = VerifierKey::new(signer, kind, key.clone())?;
            let feed = Box::new(OwnLog::new(log.clone(), format, name));
            Ok::<_, MonitorError>(LogWatch::new(name, key, feed, rules.clone()))
        };
        let [of_v1, of_v2, of_ct] = self.keys;
        let origin = RekorV1::origin(self.host, v1.tree_id());
        let v1_key = (self.host, Kind::Ecdsa, of_v1);
        let v2_key = (self.host, Kind::Ed25519, of_v2);
        let ct_key = (self.authority, Kind::Rfc6962, of_ct);
        Ok(vec![
            watch("log-v1", v1_key, v1.log(), Format::V1)?.of_origin(origin),
            watch("log-v2", v2_key, v2.log(), Format::V2)?,
            watch("ct", ct_key, ct.log(), Format::Ct)?,
        ])
    }
}

impl Background {
    /// The witnesses that are configured, asked by nobody yet.
    pub(super) fn new(
        settings: &WitnessSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, WitnessError> {
        Ok(Self {
            witnesses: Witnesses::new(settings, clock)?.map(Arc::new),
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
    fn witness(
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
    fn search(
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
    fn watch(&mut self, monitor: Arc<Monitor>, leader: Log) {
        self.monitor = Some(monitor.clone());
        self.tasks
            .spawn(monitor.keep_watching(move || leader.is_leading()));
    }

    /// Leads these logs again whenever their sequencers fell: for who leads alone.
    pub(super) fn keep_led<'a>(&mut self, logs: impl IntoIterator<Item = &'a Log>) {
        for log in logs {
            let keeper = Arc::new(Keeper::new(log.clone()));
            self.tasks.spawn(keeper.clone().keep());
            self.keepers.push(keeper);
        }
    }

    /// Which sequencers fell lately.
    pub(super) fn falls(&self) -> impl Iterator<Item = Fall> {
        self.keepers.iter().filter_map(|keeper| keeper.fall())
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
