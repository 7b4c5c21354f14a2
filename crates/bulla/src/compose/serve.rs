//! What `bulla serve` runs: the authority over its storage, reached from outside.
//!
//! Three listeners: the public one, with TLS or behind a proxy; the one for
//! operators, with health and counters; the internal one, for other replicas by
//! mutual TLS. A stop is orderly: nothing new is accepted, open requests end,
//! then the storage is closed.

mod config;
mod environment;
mod logging;
mod notify;
mod tls_files;

use axum::middleware::from_fn_with_state;
use bulla_authority::{
    Authority, AuthorityConfig,
    health::Lifetime,
    key_slot::KeySlots,
    operations::{MoreLifetimes, Operations},
    replica::{self, Forward, Replica},
};
use bulla_core::{Clock, SystemClock};
use bulla_store::{SharedStore, Storage, Store};
use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle};

use super::{Told, listen, services};
use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
    instance::{Home, Lock, write_whole},
    journey::export::Published,
    output,
};
pub use config::ServeConfig;
pub use environment::shown;
use tls_files::TlsFiles;

/// How long open requests may take to end when the process is told to stop.
const DRAIN: Duration = Duration::from_secs(20);
/// The path of a replica's identity in its trust domain begins with it.
const ROLE: &str = "authority";

/// One replica of several: it asks for the lease as long as it runs.
struct Leading {
    task: JoinHandle<()>,
    replica: Replica,
    authority: Authority,
}

impl Leading {
    fn start(replica: Replica, authority: &Authority) -> Self {
        let authority = authority.clone();
        let task = tokio::spawn({
            let (replica, authority) = (replica.clone(), authority.clone());
            async move { replica.run(&authority).await }
        });
        Self {
            task,
            replica,
            authority,
        }
    }

    /// Gives the lease back, so that another takes over at once.
    async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
        self.replica.step_down(&self.authority).await;
    }
}

/// The authority, served.
pub struct Server {
    leading: Option<Leading>,
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
    tasks: Vec<JoinHandle<()>>,
    storage: Storage,
    operations: Operations,
    published: Published,
    addresses: Addresses,
    _lock: Lock,
}

/// Where it listens: as bound, so that port 0 has become one.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Addresses {
    /// For clients.
    pub public: std::net::SocketAddr,
    /// For operators: `/healthz`, `/readyz`, `/metrics`.
    pub operations: std::net::SocketAddr,
    /// For other replicas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal: Option<std::net::SocketAddr>,
}

impl Server {
    /// Opens everything that `config` names, and answers.
    ///
    /// # Errors
    /// If anything of it cannot be opened, or an address is taken.
    pub async fn start(config: &ServeConfig, context: &Context) -> Result<Self, Failure> {
        services::install_provider();
        bulla_alloc::serve();
        listen::allow_files();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let home = data_directory(&config.data)?;
        let lock = home.try_lock()?.ok_or_else(|| served_already(&home))?;
        let public_tls = TlsFiles::open(&config.listen, &clock)?;

        // Taken first: a port that is in use is the commonest mistake.
        let public = listen::bind_at(config.listen.public)?;
        let operators = listen::bind_at(config.listen.operations)?;
        let internal = match config.listen.internal {
            Some(address) => Some(listen::bind_at(address)?),
            None => None,
        };
        let local = |listener: &tokio::net::TcpListener| {
            listener.local_addr().map_err(|cause| {
                Failure::new(Exit::CouldNotRun, "CLI-0061", "cannot listen").line(cause.to_string())
            })
        };
        let addresses = Addresses {
            public: local(&public)?,
            operations: local(&operators)?,
            internal: internal.as_ref().map(local).transpose()?,
        };

        let storage = open_storage(config).await?;
        let authority = open_authority(config, &storage, &clock).await?;
        // What fails here is in the log, is tried again, and is an alarm meanwhile.
        let _ = authority.renew(clock.now()).await;
        let (stop, stopped) = watch::channel(false);
        let more = more_lifetimes(public_tls.clone());
        let operations = Operations::new(authority.clone(), storage.clone(), more);
        let path = format!("{ROLE}/{}", config.replica_name());
        let identity = match internal {
            Some(_) => Some(authority.transport().identity(&path).or_could_not_run()?),
            None => None,
        };
        let mut router = authority.router();
        let mut replica = None;
        if let (Storage::Shared(_), Some(identity)) = (&storage, &identity) {
            let own = Replica::new(storage.leases(), &config.replica).or_could_not_run()?;
            let passed_on = Forward::new(own.clone(), identity).or_could_not_run()?;
            authority.ask_leader(&passed_on);
            router = router.layer(from_fn_with_state(passed_on, replica::forward));
            replica = Some(own);
        }
        let mut listeners = vec![listen::spawn(
            operators,
            None,
            operations.clone().router(),
            stopped.clone(),
        )];
        if let Some((listener, identity)) = internal.zip(identity) {
            let tls = identity
                .server_config(&Forward::peers())
                .or_could_not_run()?;
            let router = authority.internal_router();
            let stopped = stopped.clone();
            listeners.push(listen::spawn(listener, Some(tls), router, stopped));
        }
        let leading = replica.map(|replica| Leading::start(replica, &authority));
        if leading.is_some() {
            // Nobody is to read a log that has no checkpoint yet.
            authority.first_checkpoints().await;
        }
        let tls = public_tls.as_ref().map(TlsFiles::server_config);
        listeners.push(listen::spawn(public, tls.transpose()?, router, stopped));
        let socket = home.token_socket();
        let tokens = authority
            .token_socket(&socket)
            .on_path("listen on", &socket)?;
        let published = publish(&home, &authority)?;
        record(&home, &operations)?;
        let told = Told::at_start(&operations, context).await;
        let renewal = keep_renewed(home, authority, operations.clone(), public_tls, told);
        let tasks = vec![tokio::spawn(tokens), tokio::spawn(renewal)];
        Ok(Self {
            leading,
            stop,
            listeners,
            tasks,
            storage,
            operations,
            published,
            addresses,
            _lock: lock,
        })
    }

    /// Its state, as operators see it.
    pub fn operations(&self) -> &Operations {
        &self.operations
    }

    /// What clients need.
    pub fn published(&self) -> &Published {
        &self.published
    }

    /// Where it listens.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Accepts nothing more, lets open requests end, closes the storage.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let drained = async {
            for listener in self.listeners {
                let _ = listener.await;
            }
        };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            tracing::warn!("some requests did not end in time and were cut off");
        }
        if let Some(leading) = self.leading {
            leading.stop().await;
        }
        for task in self.tasks {
            task.abort();
        }
        self.storage.close().await;
    }
}

/// Checks a configuration as far as that is possible without opening anything
/// that others may have open.
///
/// # Errors
/// What [`Server::start`] would fail with.
pub async fn check(config: &ServeConfig) -> Result<(), Failure> {
    services::install_provider();
    config.check()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    TlsFiles::open(&config.listen, &clock)?;
    let environment = config.key.environment()?;
    KeySlots::probe(&config.key.source()?, &config.key.slots, &environment)
        .await
        .or_could_not_run()
}

/// Tells systemd, where there is one, how far the process is.
pub fn notify(state: &str) {
    notify::send(state);
}

/// Sends the inner workings and the audit lines where `config` says.
///
/// # Errors
/// If the audit log cannot be opened.
pub fn start_logging(config: &ServeConfig, verbose: u8) -> Result<(), Failure> {
    logging::start(&config.logging, verbose)
}

/// The store of a configuration, beside whoever serves it.
///
/// # Errors
/// If it cannot be opened.
pub async fn open_storage(config: &ServeConfig) -> Result<Storage, Failure> {
    Ok(match (&config.postgres, &config.objects) {
        (Some(sql), Some(objects)) => SharedStore::connect(&config.data, sql, objects)
            .await
            .or_could_not_run()?
            .into(),
        _ => Store::open(&config.data).await.or_could_not_run()?.into(),
    })
}

async fn open_authority(
    config: &ServeConfig,
    storage: &Storage,
    clock: &Arc<dyn Clock>,
) -> Result<Authority, Failure> {
    let slots = open_slots(config, storage).await?;
    Authority::open_with(storage, slots, config.authority(), clock.clone())
        .await
        .or_could_not_run()
}

/// The keys of a configuration.
///
/// # Errors
/// If what seals them cannot be had.
pub async fn open_slots(config: &ServeConfig, storage: &Storage) -> Result<KeySlots, Failure> {
    let environment = config.key.environment()?;
    KeySlots::unlock(slot_store(storage)?, &config.key.source()?)
        .await
        .or_could_not_run()?
        .with_external(&config.key.slots, &environment)
        .await
        .or_could_not_run()
}

fn slot_store(storage: &Storage) -> Result<bulla_authority::key_slot::SlotStore, Failure> {
    use bulla_authority::key_slot::SlotStore;
    match storage {
        Storage::Embedded(store) => {
            SlotStore::files(&store.directory().join("keys")).or_could_not_run()
        }
        Storage::Shared(_) => Ok(SlotStore::Rows(storage.values())),
    }
}

/// Renews each minute, and tells aloud what somebody else has to do.
fn keep_renewed(
    home: Home,
    authority: Authority,
    operations: Operations,
    public_tls: Option<TlsFiles>,
    mut told: Told,
) -> impl Future<Output = ()> + Send + use<> {
    // Listened for before anybody can know that we are ready.
    let asked = services::renewal_asked();
    async move {
        let after = |concerns| {
            if let Some(files) = &public_tls {
                files.reload();
            }
            let kept = publish(&home, &authority).and_then(|_| record(&home, &operations));
            if let Err(failure) = kept {
                tracing::error!(%failure, "trust documents could not be written again");
            }
            told.tell(concerns);
        };
        authority.keep_renewed(&asked, after).await;
    }
}

/// Writes what clients need below the data directory.
fn publish(home: &Home, authority: &Authority) -> Result<Published, Failure> {
    services::export_trust(home, authority)?;
    let issuer = &authority.signing_config()["oidcUrls"][0]["url"];
    Ok(Published::of(
        authority.base_url(),
        issuer.as_str().unwrap_or_default(),
        authority.tuf_root(),
        &home.trust(""),
    ))
}

/// Leaves for `bulla trust show` what ends when.
pub fn record(home: &Home, operations: &Operations) -> Result<(), Failure> {
    let lifetimes = operations.lifetimes();
    services::keep(&home.join(LIFETIMES), &output::json(&lifetimes)?)
}

/// What ends when, as [`record`] left it.
pub fn recorded(home: &Home) -> Vec<Lifetime> {
    let bytes = fs::read(home.join(LIFETIMES)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

const LIFETIMES: &str = "lifetimes.json";

fn more_lifetimes(public_tls: Option<TlsFiles>) -> MoreLifetimes {
    Arc::new(move || public_tls.iter().map(TlsFiles::lifetime).collect())
}

fn data_directory(path: &Path) -> Result<Home, Failure> {
    let home = Home::find(Some(path))?;
    for part in [PathBuf::from(path), path.join("trust")] {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&part)
            .on_path("create", &part)?;
    }
    Ok(home)
}

fn served_already(home: &Home) -> Failure {
    Failure::new(
        Exit::CouldNotRun,
        "CLI-0520",
        format!("another process serves {}", home.path().display()),
    )
    .hint("stop it first, or give this one a data directory of its own")
}

/// Writes the ready file.
///
/// # Errors
/// If it cannot be written.
pub fn write_ready(path: &Path, server: &Server) -> Result<(), Failure> {
    write_whole(path, &output::json(&ready(server))?)
}

/// What scripts learn once everything answers. Frozen: fields are only ever added.
pub fn ready(server: &Server) -> serde_json::Value {
    let mut ready = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "listening": server.addresses(),
    });
    let published = serde_json::to_value(server.published()).unwrap_or_default();
    if let (Some(ready), serde_json::Value::Object(published)) = (ready.as_object_mut(), published)
    {
        ready.extend(published);
    }
    ready
}

/// The authority's own part of the configuration.
impl ServeConfig {
    fn authority(&self) -> AuthorityConfig {
        AuthorityConfig {
            base_url: self.base_url.clone(),
            organization: self.organization.clone(),
            transport: self.transport.clone(),
            ca: self.ca.clone(),
            rekor_v1: self.rekor_v1.clone(),
            rekor_v2: self.rekor_v2.clone(),
            search: self.search.clone(),
            witness: self.witness.clone(),
            monitor: self.monitor.clone(),
            tsa: self.tsa.clone(),
            oidc: self.oidc.clone(),
            tuf: self.tuf.clone(),
        }
    }
}
