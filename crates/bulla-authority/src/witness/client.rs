//! Asks witnesses to cosign: each published checkpoint goes to all of them at
//! once, with the proof from what each has cosigned last.

use bulla_core::{Clock, Diagnose as _};
use bulla_crypto::{
    checkpoint::parse_checkpoint,
    cosignature,
    note::{Note, parse_note, parse_signature_lines},
    verifier_key::{Kind, VerifierKey},
};
use bulla_net::http::{Body, Egress, HttpClient, HttpOptions, Request};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::task::JoinSet;
use url::Url;

use super::{AddCheckpoint, WitnessError, WitnessPeer, WitnessSettings};
use crate::{
    error::AuthorityError,
    health::concern::word,
    log::{Cosigner, Log},
};

/// Witnesses that are asked.
const MAX_WITNESSES: usize = 32;
/// Bytes of an answer.
const ANSWER: u64 = 64 << 10;

/// The witnesses of our logs.
pub struct Witnesses {
    peers: Vec<Arc<Peer>>,
    quorum: usize,
    limit: Duration,
    clock: Arc<dyn Clock>,
}

struct Peer {
    url: Url,
    key: VerifierKey,
    http: HttpClient,
    /// By origin, the size that it cosigned last, as far as is known.
    seen: Mutex<HashMap<String, u64>>,
    /// By origin, why it did not cosign last time.
    failures: Mutex<BTreeMap<String, NotCosigned>>,
}

/// How it goes with a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessStatus {
    /// Its name.
    pub name: String,
    /// By the log's origin, why it did not cosign the last checkpoint; nothing
    /// of those that it cosigned.
    pub failures: BTreeMap<String, NotCosigned>,
}

/// Why a witness did not cosign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotCosigned {
    /// Since when it does not.
    pub since: Timestamp,
    /// What went wrong the last time.
    pub why: String,
    /// What to do about it.
    pub mend: String,
}

impl Witnesses {
    /// The witnesses of a configuration; `None` if there are none.
    ///
    /// # Errors
    /// [`WitnessError`] if it cannot be meant so.
    pub fn new(
        settings: &WitnessSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>, WitnessError> {
        let wrong = |why: &str| WitnessError::Configuration { why: why.into() };
        if settings.witnesses.is_empty() && settings.quorum == 0 {
            return Ok(None);
        }
        if settings.quorum > settings.witnesses.len() || settings.witnesses.len() > MAX_WITNESSES {
            return Err(wrong("the quorum is greater than the number of witnesses"));
        }
        if !(1..=10_000).contains(&settings.timeout_ms) {
            return Err(wrong("timeout_ms is 1 to 10000"));
        }
        let limit = Duration::from_millis(settings.timeout_ms);
        let mut peers: Vec<Arc<Peer>> = Vec::new();
        for one in &settings.witnesses {
            let peer = Peer::new(one)?;
            let same = |other: &Arc<Peer>| {
                other.key.name() == peer.key.name() || other.key.key() == peer.key.key()
            };
            if peers.iter().any(same) {
                return Err(wrong("a witness is there twice"));
            }
            peers.push(Arc::new(peer));
        }
        Ok(Some(Self {
            peers,
            quorum: settings.quorum,
            limit,
            clock,
        }))
    }

    /// How it goes with each.
    pub fn status(&self) -> Vec<WitnessStatus> {
        let status = |peer: &Arc<Peer>| WitnessStatus {
            name: peer.key.name().to_owned(),
            failures: lock(&peer.failures).clone(),
        };
        self.peers.iter().map(status).collect()
    }

    async fn lines(&self, log: &Log, note: &str, size: u64) -> Result<Vec<String>, WitnessError> {
        let read = Arc::new(parse_note(note.as_bytes())?);
        let origin: Arc<str> = parse_checkpoint(read.text.as_bytes())?.origin.into();
        let mut asked = JoinSet::new();
        for peer in &self.peers {
            let (peer, log, read) = (peer.clone(), log.clone(), read.clone());
            let (origin, note, limit) = (origin.clone(), note.to_owned(), self.limit);
            let clock = self.clock.clone();
            asked.spawn(async move {
                let exchange = peer.ask(&log, &origin, &note, &read, size);
                let (why, mend) = match tokio::time::timeout(limit, exchange).await {
                    Ok(Ok(line)) => {
                        lock(&peer.failures).remove(&*origin);
                        return Some(line);
                    }
                    Ok(Err(error)) => (error.to_string(), peer.mend(Some(&error))),
                    Err(_) => ("it did not answer in time".into(), peer.mend(None)),
                };
                let witness = peer.key.name();
                tracing::warn!(witness, %origin, failure = why, "not cosigned");
                let now = clock.now();
                let mut failures = lock(&peer.failures);
                let since = failures.get(&*origin).map_or(now, |before| before.since);
                failures.insert(origin.to_string(), NotCosigned { since, why, mend });
                None
            });
        }
        let mut lines: Vec<String> = asked.join_all().await.into_iter().flatten().collect();
        lines.sort_unstable();
        let (found, wanted) = (lines.len(), self.quorum);
        match found < wanted {
            true => Err(WitnessError::Quorum { found, wanted }),
            false => Ok(lines),
        }
    }
}

impl Cosigner for Witnesses {
    fn cosign<'a>(
        &'a self,
        log: &'a Log,
        note: &'a str,
        size: u64,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<String>, AuthorityError>> + Send + 'a>> {
        Box::pin(async move { Ok(self.lines(log, note, size).await?) })
    }

    fn limit(&self) -> Duration {
        // Each has its own limit: those in time must not be lost to one that is not.
        self.limit + Duration::from_millis(500)
    }

    fn required(&self) -> bool {
        self.quorum > 0
    }
}

impl Peer {
    fn new(settings: &WitnessPeer) -> Result<Self, WitnessError> {
        let wrong = |why: &str| WitnessError::Configuration {
            why: format!("{}: {why}", settings.url),
        };
        let key = VerifierKey::parse(&settings.key)?;
        if key.kind() != Kind::Cosignature {
            return Err(wrong("its key is not one of a witness (type 4)"));
        }
        let prefix = settings.url.trim_end_matches('/');
        let url = Url::parse(&format!("{prefix}/add-checkpoint"));
        let url = url.map_err(|_| wrong("it is not a URL"))?;
        let host = url.host_str().ok_or_else(|| wrong("it has no host"))?;
        let egress = Egress::Hosts(BTreeSet::from([host.to_owned()]));
        egress.check(&url)?;
        let mut options = HttpOptions::new(egress);
        if let Some(path) = &settings.ca_file {
            let pem = fs::read(path).map_err(|source| WitnessError::Certificates {
                path: path.clone(),
                source,
            })?;
            options = options.believing(pem);
        }
        Ok(Self {
            url,
            key,
            http: HttpClient::new(options),
            seen: Mutex::default(),
            failures: Mutex::default(),
        })
    }

    /// What to do when it failed so: mostly, to see whether it answers at all.
    fn mend(&self, error: Option<&WitnessError>) -> String {
        let hint = match error {
            Some(error @ WitnessError::Ahead { .. }) => error.hint(),
            _ => None,
        };
        hint.unwrap_or_else(|| format!("curl -i -d '' {}", word(self.url.as_str())))
    }

    /// Its cosignature, as a line that it signed for this very note.
    async fn ask(
        &self,
        log: &Log,
        origin: &str,
        note: &str,
        read: &Note,
        size: u64,
    ) -> Result<String, WitnessError> {
        let name = || self.key.name().to_owned();
        let mut old = lock(&self.seen).get(origin).copied().unwrap_or(0).min(size);
        for _ in 0..2 {
            let proof = log.consistency(old, size).await;
            let proof = proof.map_err(|error| WitnessError::Answer {
                name: name(),
                what: error.to_string(),
            })?;
            let body = AddCheckpoint::encode(old, &proof, note);
            let request = Request::post(self.url.clone(), Body::bytes(body));
            let answer = self.http.send(request).await?;
            match answer.status().as_u16() {
                200 => {
                    let lines = answer.bytes(ANSWER, "cosignature").await?;
                    let line = self.own_line(read, &lines)?;
                    lock(&self.seen).insert(origin.to_owned(), size);
                    return Ok(line);
                }
                409 => {
                    let text = answer.bytes(ANSWER, "size").await?;
                    let text = String::from_utf8_lossy(&text).trim().to_owned();
                    let what = || {
                        format!(
                            "409 with {:?} for a size",
                            text.chars().take(40).collect::<String>()
                        )
                    };
                    let seen: u64 = text.parse().map_err(|_| WitnessError::Answer {
                        name: name(),
                        what: what(),
                    })?;
                    if seen > size {
                        return Err(WitnessError::Ahead {
                            name: name(),
                            origin: origin.to_owned(),
                            seen,
                            size,
                        });
                    }
                    old = seen;
                }
                status => {
                    let what = format!("HTTP {status}");
                    return Err(WitnessError::Answer { name: name(), what });
                }
            }
        }
        let what = "409 twice".into();
        Err(WitnessError::Answer { name: name(), what })
    }

    /// The line of its own key, if it holds.
    fn own_line(&self, note: &Note, lines: &[u8]) -> Result<String, WitnessError> {
        let lines = parse_signature_lines(lines)?;
        let mut lines = lines.iter();
        let ours = lines.find(|line| line.name == self.key.name() && line.key_id == self.key.id());
        let line = ours.ok_or_else(|| WitnessError::Answer {
            name: self.key.name().to_owned(),
            what: "without a cosignature of its key".into(),
        })?;
        cosignature::verify(&note.text, line, self.key.key())?;
        Ok(line.line())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
