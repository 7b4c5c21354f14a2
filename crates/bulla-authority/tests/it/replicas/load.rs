//! Clients that write to any replica and remember what they were told.

use bulla_crypto::merkle::{Frontier, leaf_hash, verify_inclusion};
use bulla_net::{Body, Egress, HttpClient, HttpError, HttpOptions, Request};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::{
    child::{Added, ENTRIES},
    cluster::{Addresses, Cluster},
};

/// Longer than any gap that is meant to be survived.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long one replica is waited for: a frozen one takes connections and is silent.
const TRY: Duration = Duration::from_secs(2);

/// An answer that acknowledges.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    pub by: String,
    pub index: u64,
    pub size: u64,
    pub root: [u8; 32],
    pub forwarded: bool,
    at: Instant,
    entry: String,
}

/// An answer that does not.
#[derive(Debug)]
pub struct Refused {
    pub status: u16,
    pub retry_after: Option<String>,
    pub body: String,
}

/// Sends one entry to one replica.
pub async fn write(
    addresses: &Addresses,
    replica: usize,
    entry: &str,
) -> Result<Acknowledged, Refused> {
    static CLIENT: std::sync::LazyLock<HttpClient> = std::sync::LazyLock::new(HttpClient::loopback);
    let gone = |error: HttpError| Refused {
        status: 0,
        retry_after: None,
        body: error.to_string(),
    };
    let address = addresses.read().unwrap()[replica].clone();
    let url = format!("{address}{ENTRIES}").parse().unwrap();
    let request = Request::post(url, Body::bytes(entry.to_owned())).deadline(TRY);
    let answer = CLIENT.send(request).await.map_err(gone)?;
    let status = answer.status().as_u16();
    let forwarded = answer.headers().contains_key("x-bulla-replica");
    let retry_after = answer.header(http::header::RETRY_AFTER).map(str::to_owned);
    let body = answer.bytes(1 << 20, "an answer").await.map_err(gone)?;
    if status != 200 {
        let body = String::from_utf8_lossy(&body).into_owned();
        return Err(Refused {
            status,
            retry_after,
            body,
        });
    }
    let added: Added = serde_json::from_slice(&body).unwrap();
    let hash = |text: &String| <[u8; 32]>::try_from(hex::decode(text).unwrap()).unwrap();
    let proof: Vec<_> = added.proof.iter().map(hash).collect();
    let root = hash(&added.root);
    let leaf = leaf_hash(entry.as_bytes());
    verify_inclusion(&leaf, added.index, added.size, &proof, &root).unwrap();
    Ok(Acknowledged {
        by: added.by,
        index: added.index,
        size: added.size,
        root,
        forwarded,
        at: Instant::now(),
        entry: entry.to_owned(),
    })
}

/// Somebody without an identity calls the internal listener.
pub async fn stranger(internal: &str) -> String {
    let options = HttpOptions::new(Egress::LoopbackOnly);
    let request = Request::get(format!("{internal}/role").parse().unwrap());
    let Err(error) = HttpClient::new(options).send(request).await else {
        return "it was let in".into();
    };
    error.to_string()
}

pub struct Load {
    told: Arc<Mutex<Vec<Acknowledged>>>,
    stop: Arc<AtomicBool>,
    writers: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    /// So many clients, each with one entry after the other; an entry that was
    /// not acknowledged is sent again, to another replica.
    pub fn start(addresses: Addresses, clients: usize) -> Self {
        let (told, stop) = (
            Arc::new(Mutex::new(Vec::new())),
            Arc::new(AtomicBool::new(false)),
        );
        let writers = (0..clients).map(|client| {
            let (addresses, told, stop) = (addresses.clone(), told.clone(), stop.clone());
            tokio::spawn(async move {
                let replicas = addresses.read().unwrap().len();
                let mut turn = client;
                for n in 0.. {
                    let entry = format!("entry {n} of client {client}");
                    loop {
                        turn += 1;
                        match write(&addresses, turn % replicas, &entry).await {
                            Ok(acknowledged) => {
                                told.lock().unwrap().push(acknowledged);
                                break;
                            }
                            Err(refused) => {
                                assert!(matches!(refused.status, 0 | 503), "{refused:?}");
                                tokio::time::sleep(Duration::from_millis(20)).await;
                            }
                        }
                        if stop.load(Relaxed) {
                            return;
                        }
                    }
                    if stop.load(Relaxed) {
                        return;
                    }
                }
            })
        });
        Self {
            writers: writers.collect(),
            told,
            stop,
        }
    }

    /// Waits until something is acknowledged that satisfies `wanted`.
    async fn until(&self, wanted: impl Fn(&Acknowledged) -> bool) {
        let begun = Instant::now();
        while !self
            .told
            .lock()
            .unwrap()
            .iter()
            .rev()
            .take(500)
            .any(&wanted)
        {
            let ended = self
                .writers
                .iter()
                .any(tokio::task::JoinHandle::is_finished);
            assert!(!ended, "a client met an answer that it must not get");
            assert!(
                begun.elapsed() < PATIENCE,
                "nothing is acknowledged any more"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn progress(&self) {
        self.until(|_| true).await;
    }

    pub async fn since(&self, moment: Instant) {
        self.until(|told| told.at > moment).await;
    }

    pub async fn led_by(&self, replica: usize, moment: Instant) {
        let name = format!("replica-{replica}");
        self.until(|told| told.at > moment && told.by == name).await;
    }

    /// Stops the clients and checks everything that they were told; how many
    /// entries that was.
    pub async fn finish(mut self, cluster: &Cluster) -> usize {
        self.stop.store(true, Relaxed);
        for writer in self.writers.drain(..) {
            writer.await.unwrap();
        }
        self.check_so_far(cluster).await
    }

    pub async fn check_so_far(&self, cluster: &Cluster) -> usize {
        let told = self.told.lock().unwrap().clone();
        let signed = cluster.all_signed();
        let store = cluster.store().await;
        let tree = store.tree("killed").await.unwrap().unwrap();
        // The root at every size, from what the log holds.
        let mut roots = vec![Frontier::new().root()];
        let mut frontier = Frontier::new();
        let mut places: HashMap<Vec<u8>, u64> = HashMap::new();
        while frontier.size() < tree.head.size {
            let page = store
                .entries("killed", frontier.size(), 2000)
                .await
                .unwrap();
            assert!(!page.is_empty(), "a gap at {}", frontier.size());
            for entry in page {
                let twice = places.insert(entry.to_vec(), frontier.size());
                assert_eq!(twice, None, "an entry has two places");
                frontier.append(leaf_hash(&entry));
                roots.push(frontier.root());
            }
            frontier.settle();
        }
        roots.truncate(usize::try_from(tree.head.size).unwrap() + 1);
        assert_eq!(roots.last(), Some(&tree.head.root));
        let root_at = |size: u64| roots.get(usize::try_from(size).unwrap());
        let mut given: BTreeMap<u64, &str> = BTreeMap::new();
        for ack in &told {
            let place = places.get(ack.entry.as_bytes());
            assert_eq!(place, Some(&ack.index), "lost or moved: {ack:?}");
            let other = given.insert(ack.index, &ack.entry);
            assert!(
                other.is_none_or(|other| other == ack.entry),
                "{ack:?}, {other:?}"
            );
            assert_eq!(root_at(ack.size), Some(&ack.root), "another tree: {ack:?}");
        }
        for (epoch, size, root) in signed {
            // Signed after the tree was read here: looked at the next time.
            let Some(known) = root_at(size) else { continue };
            assert_eq!(
                hex::encode(known),
                root,
                "signed a fork of size {size} in {epoch}"
            );
        }
        given.len()
    }
}
