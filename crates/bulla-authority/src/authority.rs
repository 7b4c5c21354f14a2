//! One instance's authority, composed: keys, certificates, logs, issuers.
//!
//! Everything is created at the first [`Authority::open`] and taken up again at
//! each later one; a crash in between leaves nothing that the next open does not
//! complete. Address and names never change after creation.

mod background;
mod ceremony;
mod concerns;
mod create;
mod lead;
mod publish;
mod renewal;

use axum::{Json, Router, middleware::from_fn_with_state, routing::get};
use bulla_core::{Clock, Digest, RootId};
use bulla_store::Storage;
use jiff::Timestamp;
use serde_json::Value;
use std::{path::Path, sync::Arc};

use crate::{
    ca::{self, CaSettings, CertificateAuthority},
    error::AuthorityError,
    health::{
        Expired,
        gate::{Holds, gate},
    },
    http::{self, AllowedHosts, Door},
    key_slot::KeySlots,
    log::{
        rekor_v1::{RekorV1, RekorV1Settings},
        rekor_v2::{RekorV2, RekorV2Settings},
    },
    metrics::Metrics,
    monitor::{Monitor, MonitorSettings},
    oidc::{self, socket},
    replica::{self, Forward, Lead as _},
    revocation::{self, Revocation},
    search::SearchSettings,
    transport::{Transport, TransportSettings},
    tsa::{self, Tsa, TsaSettings},
    tuf::{Publisher, TufSettings},
    witness::{WitnessSettings, WitnessStatus},
};

pub use ceremony::{Answer, Mailbox, hand_over};

/// Where clients find everything that they need, in one document.
pub const CLIENT_TRUST_CONFIG: &str = "/.well-known/sigstore/client_trust_config.json";

/// What an authority must be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityConfig {
    /// Where clients find it: `http://HOST:PORT`, no path, no trailing slash.
    pub base_url: String,
    /// Who runs it: shown in certificates and trust documents.
    pub organization: String,
    /// How Rekor v1 behaves.
    pub rekor_v1: RekorV1Settings,
    /// How Rekor v2 behaves.
    pub rekor_v2: RekorV2Settings,
    /// Whether the logs can be searched.
    pub search: SearchSettings,
    /// Who cosigns our logs, and whose we cosign.
    pub witness: WitnessSettings,
    /// Which logs are watched, and for whom.
    pub monitor: MonitorSettings,
    /// How long metadata of the TUF repository holds.
    pub tuf: TufSettings,
    /// Section `[transport]`.
    pub transport: TransportSettings,
    /// Whose tokens become certificates, and for how long.
    pub ca: CaSettings,
    /// How timestamps are given.
    pub tsa: TsaSettings,
    /// The login issuer.
    pub oidc: oidc::OidcSettings,
}

impl AuthorityConfig {
    /// The profile of a local instance.
    pub fn loopback(port: u16) -> Self {
        Self {
            base_url: format!("http://127.0.0.1:{port}"),
            organization: "bulla local instance".into(),
            rekor_v1: RekorV1Settings::default(),
            rekor_v2: RekorV2Settings::default(),
            search: SearchSettings::default(),
            witness: WitnessSettings::default(),
            monitor: MonitorSettings::default(),
            tuf: TufSettings::default(),
            transport: TransportSettings::default(),
            ca: CaSettings::default(),
            tsa: TsaSettings::default(),
            oidc: oidc::OidcSettings::default(),
        }
    }
}

/// CA, logs, timestamp authority and issuers of one instance. Cheap to clone.
#[derive(Clone)]
pub struct Authority {
    parts: Arc<Parts>,
}

struct Parts {
    config: AuthorityConfig,
    clock: Arc<dyn Clock>,
    ca: Arc<CertificateAuthority>,
    login: Arc<oidc::Login>,
    rekor_v1: RekorV1,
    rekor: RekorV2,
    /// What runs as long as the authority does.
    background: background::Background,
    tsa: Arc<Tsa>,
    transport: Transport,
    revocation: Arc<Revocation>,
    trusted_root: Value,
    signing_config: Value,
    client_trust_config: Value,
    tuf_root: Vec<u8>,
    tuf: Publisher,
    mailbox: Mailbox,
    slots: KeySlots,
    allowed: AllowedHosts,
    metrics: Metrics,
}

impl Authority {
    /// Opens the authority of a local instance: keys in its directory's `keys/`,
    /// everything else in its state. The caller holds the instance's lock.
    ///
    /// # Errors
    /// As [`Self::open_with`].
    pub async fn open(
        storage: impl Into<Storage>,
        config: AuthorityConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AuthorityError> {
        let storage = storage.into();
        let slots = KeySlots::open(&storage.directory().join("keys")).await?;
        Self::open_with(&storage, slots, config, clock).await
    }

    /// Opens an authority over `storage`, with keys that somebody opened for it.
    ///
    /// # Errors
    /// [`AuthorityError::Renamed`] if the address is not the one of its creation;
    /// [`AuthorityError`] if keys, database or logs cannot be used.
    pub async fn open_with(
        storage: &Storage,
        slots: KeySlots,
        config: AuthorityConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AuthorityError> {
        let parts = create::open(storage, slots, config, clock).await?;
        let parts = Arc::new(parts);
        Ok(Self { parts })
    }

    /// All HTTP services on one port, guarded by host, origin and size.
    pub fn router(&self) -> Router {
        self.router_with(Router::new())
    }

    /// What the internal listener answers: the same, and what only other replicas ask.
    pub fn internal_router(&self) -> Router {
        replica::internal(self.router()).merge(ca::internal::router(self.parts.ca.clone()))
    }

    /// Issues certificates as one of several replicas: whoever leads promises for them.
    pub fn ask_leader(&self, forward: &Forward) {
        self.parts.ca.ct.ask(Arc::new(forward.clone()));
    }

    /// The same, with `more` behind the same guard.
    pub fn router_with(&self, more: Router) -> Router {
        let parts = &self.parts;
        let documents = json_document(&parts.client_trust_config);
        let door = Door::new(parts.allowed.clone(), parts.metrics.clone());
        let ca_holds = from_fn_with_state(self.holds(Self::ca_holds), gate);
        let tsa_holds = from_fn_with_state(self.holds(Self::tsa_holds), gate);
        Router::new()
            .merge(ca::router(parts.ca.clone()).layer(ca_holds))
            .merge(parts.rekor_v1.clone().router())
            .merge(parts.rekor.clone().router())
            .merge(parts.ca.ct.clone().router())
            .merge(parts.background.router())
            .merge(tsa::router(parts.tsa.clone()).layer(tsa_holds))
            .nest("/oidc/asserted", oidc::routes::router(&parts.ca.asserted))
            .nest("/oidc/service", oidc::routes::router(&parts.ca.service))
            .nest(oidc::login::PATH, parts.login.router())
            .nest("/tuf", parts.tuf.router())
            .merge(revocation::router(parts.revocation.clone()))
            .route(CLIENT_TRUST_CONFIG, documents)
            .merge(more)
            .layer(from_fn_with_state(door, http::enter))
    }

    /// Whether this process sequences the logs.
    pub fn is_leader(&self) -> bool {
        self.logs().is_leading()
    }

    /// What the injected clock shows.
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// What it counts.
    pub fn metrics(&self) -> &Metrics {
        &self.parts.metrics
    }

    fn holds(&self, holds: fn(&Self) -> Result<(), Expired>) -> Holds {
        let authority = self.clone();
        Arc::new(move || holds(&authority))
    }

    /// Answers token requests on a Unix socket at `path` until dropped.
    ///
    /// # Errors
    /// If the socket cannot be bound.
    pub fn token_socket(
        &self,
        path: &Path,
    ) -> std::io::Result<impl Future<Output = ()> + Send + use<>> {
        let socket = socket::Socket::bind(path)?;
        let mint = socket::Mint {
            asserted: self.parts.ca.asserted.clone(),
            service: self.parts.ca.service.clone(),
            login: self.parts.login.clone(),
            tuf: self.parts.tuf.clone(),
            monitor: self.monitor().cloned(),
            clock: self.parts.clock.clone(),
        };
        Ok(socket.serve(mint))
    }

    /// `http://HOST:PORT`
    pub fn base_url(&self) -> &str {
        &self.parts.config.base_url
    }

    /// The issuer of asserted identities.
    pub fn asserted(&self) -> &oidc::Issuer {
        &self.parts.ca.asserted
    }

    /// The issuer of the instance's own services.
    pub fn service(&self) -> &oidc::Issuer {
        &self.parts.ca.service
    }

    /// The issuer for people and machines that prove who they are.
    pub fn login(&self) -> &Arc<oidc::Login> {
        &self.parts.login
    }

    /// The certificate authority, for callers in this process.
    pub fn ca(&self) -> &Arc<CertificateAuthority> {
        &self.parts.ca
    }

    /// The Rekor v2 log, for callers in this process.
    pub fn log(&self) -> &RekorV2 {
        &self.parts.rekor
    }

    /// The monitor of the logs, if any is watched.
    pub fn monitor(&self) -> Option<&Arc<Monitor>> {
        self.parts.background.monitor()
    }

    /// How it goes with each witness of the logs.
    pub fn witnesses(&self) -> Vec<WitnessStatus> {
        self.parts.background.witnesses()
    }

    /// The timestamp authority, for callers in this process.
    pub fn tsa(&self) -> &Arc<Tsa> {
        &self.parts.tsa
    }

    /// The TUF repository, for callers in this process.
    pub fn tuf(&self) -> &Publisher {
        &self.parts.tuf
    }

    /// The list of revocations.
    pub fn revocation(&self) -> &Revocation {
        &self.parts.revocation
    }

    /// `trusted_root.json`
    pub fn trusted_root(&self) -> &Value {
        &self.parts.trusted_root
    }

    /// `signing_config.v0.2.json`
    pub fn signing_config(&self) -> &Value {
        &self.parts.signing_config
    }

    /// `client_trust_config.json`
    pub fn client_trust_config(&self) -> &Value {
        &self.parts.client_trust_config
    }

    /// The bytes of the first TUF `root.json`.
    pub fn tuf_root(&self) -> &[u8] {
        &self.parts.tuf_root
    }

    /// The root's fingerprint: SHA-256 of the first TUF `root.json`.
    pub fn root_id(&self) -> RootId {
        RootId(Digest::sha256(&self.parts.tuf_root))
    }

    /// Identities between processes, and of servers that others call.
    pub fn transport(&self) -> &Transport {
        &self.parts.transport
    }
}

fn json_document(document: &Value) -> axum::routing::MethodRouter {
    let document = document.clone();
    get(async move || Json(document))
}
