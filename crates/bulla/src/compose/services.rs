//! The services of a local instance, running in this process.

use bulla_admission::{Admission, Settings};
use bulla_authority::{
    Authority, AuthorityConfig,
    operations::{MoreLifetimes, Operations},
};
use bulla_core::{Clock, RootId, SystemClock};
use bulla_registry::{Credential, RegistryConfig};
use bulla_store::Store;
use std::{fs, path::Path, sync::Arc};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};
use tokio_rustls::rustls::{self, ServerConfig};

use super::{Instance, Told, listen, live_root::LiveRoot, serve};
use crate::{
    compose,
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
    instance::{Home, Lock, Names, Ready, write_whole},
    journey::{
        export::{self, Exports, Tool},
        image_source::RegistrySource,
        revocations,
    },
};

/// The name under which the local instance's own clients push.
const USER: &str = "bulla";

/// How often is looked whether there is another list of revocations.
const EXPORT: std::time::Duration = std::time::Duration::from_secs(20);

/// What runs; stops when told to, and releases the lock when dropped.
pub struct Services {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    store: Store,
    operations: Operations,
    ready_file: std::path::PathBuf,
    _lock: Lock,
}

impl Services {
    /// Opens the instance and serves it; gives it once everything answers.
    ///
    /// # Errors
    /// If it cannot be opened, or a port is taken.
    pub async fn start(
        home: Home,
        lock: Lock,
        port: Option<u16>,
        context: &Context,
    ) -> Result<Instance, Failure> {
        install_provider();
        bulla_alloc::serve();
        listen::allow_files();
        let (names, created) = Names::open_or_create(&home, port)?;
        let registry_port = listen::bind(names.ports.registry)?;
        let authority_port = listen::bind(names.ports.authority)?;
        let admission_port = listen::bind(names.ports.admission)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let config = AuthorityConfig::loopback(names.ports.authority);
        let store = Store::open(home.path()).await.or_could_not_run()?;
        let authority = Authority::open(&store, config, clock.clone())
            .await
            .or_could_not_run()?;
        // What fails here is in the log, is tried again, and is an alarm meanwhile.
        let _ = authority.renew(authority.now()).await;
        export_trust(&home, &authority)?;
        // Verifiers need today's list; without it what they say is undecided, and
        // that is no reason not to serve.
        if let Err(failure) = authority.revocation().renew(clock.now()).await {
            context.talk.warn(&failure.to_string());
        }
        revocations::export(&home, &authority).await?;
        let (credential, docker_config) = credential(&home, &names)?;
        let ready = ready_of(&home, &names, authority.root_id());
        let (stop, stopped) = watch::channel(false);
        let registry = bulla_registry::router(&store, RegistryConfig::loopback(credential));
        let socket = home.token_socket();
        let tokens = authority
            .token_socket(&socket)
            .on_path("listen on", &socket)?;
        let more: MoreLifetimes = Arc::new(Vec::new);
        let operations = Operations::new(authority.clone(), store.clone().into(), more);
        let router = authority.router_with(operations.clone().router());
        let mut tasks = vec![
            listen::spawn(registry_port, None, registry, stopped.clone()),
            listen::spawn(authority_port, None, router, stopped.clone()),
            tokio::spawn(tokens),
        ];
        debug_assert_eq!(docker_config, ready.docker_config);
        let mut instance =
            Instance::new(home.clone(), names.clone(), ready, created, None, context)?;
        let policy_names = instance.policy_names()?;
        let admission = Admission::new(
            (*compose::instance_policy(&home, &policy_names)?).clone(),
            RegistrySource::new(&instance)?,
            LiveRoot::open(home.clone())?,
            clock,
            Arc::new(bulla_admission::JsonLines::new(decisions(&home)?)),
            Settings::default(),
        );
        let admission = bulla_admission::router(Arc::new(admission));
        let tls = server_config(&authority)?;
        tasks.push(listen::spawn(admission_port, Some(tls), admission, stopped));
        tasks.push(tokio::spawn(keep_exported(home.clone(), authority.clone())));
        serve::record(&home, &operations)?;
        let told = Told::at_start(&operations, context).await;
        let renewal = keep_renewed(home.clone(), authority, operations.clone(), told);
        tasks.push(tokio::spawn(renewal));
        let ready_file = home.join("ready.json");
        let bytes = crate::output::json(instance.ready())?;
        write_whole(&ready_file, &bytes)?;
        instance.services = Some(Self {
            stop,
            tasks,
            store,
            operations,
            ready_file,
            _lock: lock,
        });
        Ok(instance)
    }

    /// Its state, as operators see it.
    pub fn operations(&self) -> &Operations {
        &self.operations
    }

    /// Stops accepting, lets open requests end, closes the database.
    pub async fn stop(mut self) {
        let _ = fs::remove_file(&self.ready_file);
        let _ = self.stop.send(true);
        for task in std::mem::take(&mut self.tasks) {
            task.abort();
        }
        self.store.close().await;
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.ready_file);
    }
}

/// Leaves each new list where verifiers on this machine look.
async fn keep_exported(home: Home, authority: Authority) {
    loop {
        tokio::time::sleep(EXPORT).await;
        if let Err(failure) = revocations::export(&home, &authority).await {
            tracing::error!(%failure, "the list of revocations was not written");
        }
    }
}

/// Renews each minute, and tells aloud what somebody else has to do.
fn keep_renewed(
    home: Home,
    authority: Authority,
    operations: Operations,
    mut told: Told,
) -> impl Future<Output = ()> + Send + use<> {
    // Listened for before anybody can know that we are ready.
    let asked = renewal_asked();
    async move {
        let after = |concerns| {
            let kept =
                export_trust(&home, &authority).and_then(|()| serve::record(&home, &operations));
            if let Err(failure) = kept {
                tracing::error!(%failure, "trust documents could not be written again");
            }
            told.tell(concerns);
        };
        authority.keep_renewed(&asked, after).await;
    }
}

/// Whatever is due is renewed, and files are read again, when SIGHUP comes.
pub fn renewal_asked() -> Arc<Notify> {
    use tokio::signal::unix::{SignalKind, signal};
    let asked = Arc::new(Notify::new());
    if let Ok(mut hangup) = signal(SignalKind::hangup()) {
        let asked = asked.clone();
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                asked.notify_one();
            }
        });
    }
    asked
}

/// Where everything answers.
pub fn ready_of(home: &Home, names: &Names, root: RootId) -> Ready {
    let authority = names.authority_url();
    Ready {
        version: env!("CARGO_PKG_VERSION").into(),
        pid: std::process::id(),
        root: root.0.hex().to_owned(),
        registry: format!("http://{}", names.registry()),
        ca: authority.clone(),
        log_v1: Some(authority.clone()),
        log_v2: authority.clone(),
        ct: authority.clone(),
        tsa: format!("{authority}/api/v1/timestamp"),
        oidc: names.asserted_issuer.clone(),
        login: Some(format!("{authority}{}", bulla_authority::oidc::login::PATH)),
        tuf: Some(format!("{authority}/tuf")),
        admission: format!("https://{}:{}", names.host, names.ports.admission),
        trusted_root: home.trust("trusted_root.json"),
        signing_config: home.trust("signing_config.json"),
        client_trust_config: home.trust("client_trust_config.json"),
        tuf_root: Some(home.trust("tuf_root.json")),
        tls_ca: home.trust("tls_ca.pem"),
        docker_config: home.join("docker/config.json"),
        token_socket: home.token_socket(),
        exports: Some(Exports::of(
            Some((&format!("{authority}/tuf"), root.0.hex())),
            &home.trust(""),
        )),
    }
}

/// One cryptographic provider for every TLS connection of the process.
pub fn install_provider() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Writes what clients need below the data directory.
///
/// # Errors
/// If a file cannot be written.
pub fn export_trust(home: &Home, authority: &Authority) -> Result<(), Failure> {
    let documents = [
        ("trusted_root.json", authority.trusted_root()),
        ("signing_config.json", authority.signing_config()),
        ("client_trust_config.json", authority.client_trust_config()),
    ];
    for (name, document) in documents {
        keep(&home.trust(name), &crate::output::json(document)?)?;
    }
    keep(&home.trust("tuf_root.json"), authority.tuf_root())?;
    let tuf = format!("{}/tuf", authority.base_url());
    let tuf_root = String::from_utf8_lossy(authority.tuf_root());
    export::write(
        &Tool::ALL,
        authority.trusted_root(),
        Some(authority.signing_config()),
        Some((&tuf, &tuf_root)),
        &home.trust(""),
    )?;
    keep(
        &home.trust("tls_ca.pem"),
        authority.transport().roots_pem().as_bytes(),
    )
}

/// Writes a file unless it already says exactly that: its age means something.
///
/// # Errors
/// If it cannot be written.
pub fn keep(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    match fs::read(path) {
        Ok(old) if old == bytes => Ok(()),
        _ => write_whole(path, bytes),
    }
}

/// The credential that pushes, made once and kept where docker clients look.
fn credential(home: &Home, names: &Names) -> Result<(Credential, std::path::PathBuf), Failure> {
    let path = home.join("docker/config.json");
    let password = match fs::read(&path) {
        Ok(bytes) => password_in(&bytes, &names.registry()).ok_or_else(|| {
            Failure::new(
                Exit::CouldNotRun,
                "CLI-0062",
                format!(
                    "{} holds no credential for {}",
                    path.display(),
                    names.registry()
                ),
            )
            .hint(format!(
                "remove it, and a new credential is made at the next start: rm {}",
                path.display()
            ))
        })?,
        Err(_) => {
            let raw: [u8; 24] = bulla_crypto::random::bytes().or_could_not_run()?;
            let password: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
            let auth = base64(format!("{USER}:{password}").as_bytes());
            let document = serde_json::json!({"auths": {names.registry(): {"auth": auth}}});
            write_whole(&path, &crate::output::json(&document)?)?;
            password
        }
    };
    let credential = Credential::new(USER, password).ok_or_else(|| {
        Failure::new(
            Exit::CouldNotRun,
            "CLI-0063",
            format!("{} holds an empty password", path.display()),
        )
    })?;
    Ok((credential, path))
}

fn password_in(bytes: &[u8], registry: &str) -> Option<String> {
    use base64::Engine as _;
    let document: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let auth = document["auths"][registry]["auth"].as_str()?;
    let pair = base64::engine::general_purpose::STANDARD
        .decode(auth)
        .ok()?;
    let pair = String::from_utf8(pair).ok()?;
    pair.strip_prefix(&format!("{USER}:")).map(str::to_owned)
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Where each decision of the webhook is kept, one JSON line each.
fn decisions(home: &Home) -> Result<fs::File, Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = home.join("decisions.jsonl");
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .on_path("write", &path)
}

fn server_config(authority: &Authority) -> Result<Arc<ServerConfig>, Failure> {
    let hosts = ["127.0.0.1", "localhost"].map(String::from);
    let served = authority.transport().served_name(&hosts);
    served
        .or_could_not_run()?
        .server_config()
        .or_could_not_run()
}
