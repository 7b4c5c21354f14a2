//! One replica: a log over PostgreSQL and S3, led or followed, on a public and an
//! internal listener.

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    middleware,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use bulla_authority::{
    http::RpcError,
    key_slot::KeySlots,
    log::{Leaf, Log, LogConfig},
    replica::{Forward, Logs, Replica, ReplicaSettings, Role, forward, internal},
    store,
    transport::{Transport, TransportIdentity, TransportSettings},
};
use bulla_core::{Clock, SystemClock};
use bulla_crypto::{Scheme, checkpoint::Checkpoint, merkle::leaf_hash};
use bulla_store::{ObjectsConfig, PostgresConfig, SharedStore, Storage};
use bulla_testkit::S3;
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

pub const VARIABLE: &str = "BULLA_TEST_REPLICA";
pub const READY: &str = "REPLICA READY ";
pub const ENTRIES: &str = "/api/v2/log/entries";

#[derive(Serialize, Deserialize)]
pub struct Settings {
    pub name: String,
    pub database: String,
    pub endpoint: String,
    pub access_key_file: PathBuf,
    pub secret_key_file: PathBuf,
    /// Keys that all replicas share, and what each has for itself.
    pub folder: PathBuf,
    pub lease_ms: u64,
}

impl Settings {
    pub async fn storage(&self) -> Storage {
        let objects = ObjectsConfig {
            endpoint: Some(self.endpoint.clone()),
            bucket: Some(S3::BUCKET.into()),
            access_key_file: Some(self.access_key_file.clone()),
            secret_key_file: Some(self.secret_key_file.clone()),
            ..ObjectsConfig::default()
        };
        let sql = PostgresConfig::new(&*self.database);
        let shared = SharedStore::connect(self.folder.join(&self.name), &sql, &objects).await;
        shared.unwrap().into()
    }

    /// The replica's identity; the roots are made by whoever comes first.
    pub async fn identity(&self, storage: &Storage) -> TransportIdentity {
        let slots = KeySlots::open(&self.folder.join("keys")).await.unwrap();
        let logs = store::open(storage).await.unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let settings = TransportSettings::default();
        let transport = Transport::open(&slots, &logs, &clock, "test", &settings).await;
        let path = format!("authority/{}", self.name);
        transport.unwrap().identity(&path).unwrap()
    }
}

/// What an answer to a write says.
#[derive(Serialize, Deserialize)]
pub struct Added {
    pub by: String,
    pub index: u64,
    pub size: u64,
    pub root: String,
    pub proof: Vec<String>,
}

pub fn main() {
    let Ok(settings) = std::env::var(VARIABLE) else {
        return;
    };
    let settings: Settings = serde_json::from_str(&settings).unwrap();
    // Its parent's end is its own.
    std::thread::spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(serve(settings));
}

#[derive(Clone)]
struct Served {
    log: Log,
    replica: Replica,
    name: String,
}

async fn serve(settings: Settings) {
    let storage = settings.storage().await;
    let identity = settings.identity(&storage).await;
    let slots = KeySlots::open(&settings.folder.join("keys")).await.unwrap();
    let key = slots.get_or_create("log", Scheme::Ed25519).await.unwrap();
    let public = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let inside_at = format!("https://{}", inside.local_addr().unwrap());
    let replica_settings = ReplicaSettings {
        address: Some(inside_at.clone()),
        lease_ms: settings.lease_ms,
    };
    let replica = Replica::new(storage.leases(), &replica_settings).unwrap();
    let signed = File::options()
        .create(true)
        .append(true)
        .open(settings.folder.join(format!("{}.signed", settings.name)))
        .unwrap();
    let (signed, signer) = (Mutex::new(signed), replica.clone());
    let config = LogConfig {
        name: "killed",
        origin: "log.example".into(),
        sign: Box::new(move |checkpoint: &Checkpoint, _| {
            // One write: what a kill leaves is whole lines and at most one torn one.
            let role = match &*signer.roles().borrow() {
                Role::Leader { epoch } => *epoch,
                Role::Follower { .. } => 0,
            };
            let (size, root) = (checkpoint.size, hex::encode(checkpoint.root));
            let line = format!("{role} {size} {root}\n");
            let _ = signed.lock().unwrap().write_all(line.as_bytes());
            Ok(checkpoint.sign(&*key)?.to_string())
        }),
        cosigner: None,
    };
    let logs = store::open(&storage).await.unwrap();
    let log = Log::follow(config, logs, Arc::new(SystemClock))
        .await
        .unwrap();
    let served = Served {
        log: log.clone(),
        replica: replica.clone(),
        name: settings.name.clone(),
    };
    let forwarding = Forward::new(replica.clone(), &identity).unwrap();
    let router = Router::new()
        .route(ENTRIES, post(add))
        .route("/role", get(role))
        .route(
            "/checkpoint",
            get(async |State(s): State<Served>| s.log.checkpoint().to_string()),
        )
        .with_state(served)
        .layer(middleware::from_fn_with_state(forwarding, forward));
    let tls = identity.server_config(&Forward::peers()).unwrap();
    let internal_listener = Tls {
        listener: inside,
        acceptor: TlsAcceptor::from(tls),
    };
    let parts = Arc::new(Logs::new([log]));
    tokio::spawn(async move { replica.run(&*parts).await });
    tokio::spawn(axum::serve(internal_listener, internal(router.clone())).into_future());
    println!("{READY}{} {inside_at}", public.local_addr().unwrap());
    axum::serve(public, router).await.unwrap();
}

async fn add(State(served): State<Served>, body: Bytes) -> Response {
    let leaf = body.to_vec();
    let added = served
        .log
        .add(leaf_hash(&body), move |_, _| {
            Ok(Leaf {
                merkle: leaf.clone(),
                stored: leaf,
            })
        })
        .await;
    match added {
        Ok(sequenced) => Json(Added {
            by: served.name,
            index: sequenced.index,
            size: sequenced.size,
            root: hex::encode(sequenced.root),
            proof: sequenced.proof.iter().map(hex::encode).collect(),
        })
        .into_response(),
        Err(error) => RpcError::of(&error, "not added").into_response(),
    }
}

async fn role(State(served): State<Served>) -> String {
    match served.replica.role() {
        Role::Leader { epoch } => format!("leader {epoch}"),
        Role::Follower { .. } => "follower".into(),
    }
}

/// A listener that shakes hands; good enough for a test.
pub struct Tls {
    pub listener: TcpListener,
    pub acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else {
                continue;
            };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
