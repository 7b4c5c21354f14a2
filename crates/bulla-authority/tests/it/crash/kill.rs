//! A server that is killed under load, 200 times.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::Child,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_authority::Authority;
use bulla_crypto::{Hash, PublicKey, Scheme, SigningKey, random};
use serde_json::{Value, json};

use super::{command, ledger::Ledger, tell, wire::Connection};
use crate::client::open;

const KILLS: u32 = 200;
const CLIENTS: usize = 8;
const ENTRIES: &str = "/api/v2/log/entries";

/// The child: an authority on a port of the machine's choice.
pub(super) async fn serve(directory: &Path) {
    let authority: Authority = open(directory).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let log = &authority.trusted_root()["tlogs"][1];
    let key = log["publicKey"]["rawBytes"].as_str().unwrap();
    tell(&format!("ready {port} {key}"));
    axum::serve(listener, authority.router()).await.unwrap();
}

struct Server {
    child: Child,
    port: u16,
    key: PublicKey,
}

fn start(directory: &Path) -> Child {
    command(&[], "serve", directory).spawn().unwrap()
}

impl Server {
    /// Waits until the child answers.
    fn ready(mut child: Child) -> Self {
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("ready ")?.1.to_owned()))
            .expect("the server starts");
        let (port, key) = line.split_once(' ').unwrap();
        let key = PublicKey::from_spki_der(&STANDARD.decode(key).unwrap()).unwrap();
        let port = port.parse().unwrap();
        Self { child, port, key }
    }
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A number below `limit`.
fn below(limit: u64) -> u64 {
    u64::from_be_bytes(random::bytes().unwrap()) % limit
}

struct Load {
    signer: SigningKey,
    made: AtomicU64,
    ledger: Mutex<Ledger>,
}

impl Load {
    /// A request that was never made before.
    fn request(&self) -> Value {
        let message = self.made.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        json!({"hashedRekordRequestV002": {
            "digest": STANDARD.encode(Hash::Sha256.digest(&message)),
            "signature": {
                "content": STANDARD.encode(self.signer.sign(&message).unwrap()),
                "verifier": {
                    "publicKey": {"rawBytes": STANDARD.encode(self.signer.public().spki_der())},
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                },
            },
        }})
    }

    /// The request for an entry that is in the log already.
    fn again(&self, body: &[u8]) -> Value {
        let body: Value = serde_json::from_slice(body).unwrap();
        let spec = &body["spec"]["hashedRekordV002"];
        json!({"hashedRekordRequestV002": {
            "digest": spec["data"]["digest"], "signature": spec["signature"],
        }})
    }

    async fn post(
        &self,
        connection: &mut Connection,
        key: &PublicKey,
        request: &Value,
    ) -> std::io::Result<(u64, u64)> {
        let (status, body) = connection
            .post(ENTRIES, request.to_string().as_bytes())
            .await?;
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(status, 201, "{answer}");
        let index = self.ledger.lock().unwrap().enter(&answer, key);
        let size = answer["inclusionProof"]["treeSize"].as_str().unwrap();
        Ok((index, size.parse().unwrap()))
    }

    /// Adds entries, and old ones once more, until the server is gone.
    async fn press(&self, port: u16, key: PublicKey) -> std::io::Result<()> {
        let mut connection = Connection::open(port).await?;
        loop {
            if below(10) == 0 {
                let known = self.ledger.lock().unwrap().any(below(1 << 20) as usize);
                if let Some((index, body)) = known.filter(|(index, _)| *index > 0) {
                    let again = self.again(&body);
                    let (found, _) = self.post(&mut connection, &key, &again).await?;
                    assert_eq!(found, index, "a duplicate got another place");
                }
            }
            let request = self.request();
            self.post(&mut connection, &key, &request).await?;
        }
    }

    /// Holds all promises against what the server shows.
    async fn audit(&self, server: &Server, whole: bool) {
        let mut connection = Connection::open(server.port).await.unwrap();
        let request = self.request();
        let posted = self.post(&mut connection, &server.key, &request).await;
        let (index, size) = posted.unwrap();
        assert_eq!(index + 1, size);
        let mut ledger = std::mem::take(&mut *self.ledger.lock().unwrap());
        let from = if whole { 0 } else { ledger.audited() };
        ledger.audit(&mut connection, &server.key, size, from).await;
        *self.ledger.lock().unwrap() = ledger;
    }
}

/// Issue: no acknowledged entry is lost, no index is given twice, and every later
/// checkpoint is consistent with every earlier one.
#[test]
fn two_hundred_kills_under_load_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let load = Arc::new(Load {
        signer: SigningKey::generate(Scheme::EcdsaP256).unwrap(),
        made: AtomicU64::new(0),
        ledger: Mutex::default(),
    });
    for round in 0..KILLS {
        let child = start(dir.path());
        if round % 8 == 7 {
            // While it starts.
            std::thread::sleep(Duration::from_millis(below(150)));
            kill(child);
            continue;
        }
        let server = Server::ready(child);
        runtime.block_on(async {
            load.audit(&server, round % 50 == 0).await;
            let clients: Vec<_> = (0..CLIENTS)
                .map(|_| {
                    let (load, port, key) = (load.clone(), server.port, server.key.clone());
                    tokio::spawn(async move { load.press(port, key).await })
                })
                .collect();
            tokio::time::sleep(Duration::from_micros(5_000 + below(60_000))).await;
            kill(server.child);
            for client in clients {
                // Each ends with the connection, never with a failed assertion.
                client.await.unwrap().unwrap_err();
            }
        });
    }
    let server = Server::ready(start(dir.path()));
    runtime.block_on(load.audit(&server, true));
    kill(server.child);
    let acknowledged = load.ledger.lock().unwrap().acknowledged();
    assert!(
        acknowledged > 200,
        "only {acknowledged} entries were acknowledged"
    );
    tell(&format!(
        "{KILLS} kills, {acknowledged} acknowledged entries, none lost"
    ));
}
