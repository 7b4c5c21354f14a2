//! The load that `cargo xtask bench log` puts on servers, and what bounds them.
//!
//! `log_load press KIND ADDRESS IN_FLIGHT SECONDS REQUESTS RATE [TOKEN]` sends distinct,
//! signed requests over as many kept-alive connections, one in flight on each, and
//! prints one line of JSON. With a RATE other than 0, all connections together send
//! so many a second, else each as soon as it is answered. The kinds are `entry` (Rekor v2), `certificate` (for
//! the identity of TOKEN) and `timestamp`. `log_load fill DIRECTORY ENTRIES` grows the
//! Rekor v2 log of an instance that is not running, through its store. `log_load
//! verify SECONDS` counts signature checks, `log_load sync FILE SECONDS` synced
//! writes: what bounds a log on this machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::{
    io::{self, Write as _},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_authority::store::{Commit, Head, LogStore as _, NewEntry, SqlStore};
use bulla_crypto::{
    Hash, Scheme, SigningKey,
    merkle::{Frontier, leaf_hash},
    random,
};
use bulla_store::Store;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Entries of one commit of a fill.
const FILL: u64 = 4096;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // The server has the other cores.
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    match words.as_slice() {
        [
            "press",
            kind,
            address,
            in_flight,
            seconds,
            requests,
            rate,
            token @ ..,
        ] => {
            let count = requests.parse().unwrap();
            let requests = match (*kind, token) {
                ("entry", []) => entries(address, count),
                ("certificate", [token]) => certificates(address, count, token),
                ("timestamp", []) => timestamps(address, count),
                _ => panic!("no requests of kind {kind}"),
            };
            let time = Duration::from_secs_f64(seconds.parse().unwrap());
            let in_flight: usize = in_flight.parse().unwrap();
            let rate: f64 = rate.parse().unwrap();
            let every = if rate > 0.0 {
                in_flight as f64 / rate
            } else {
                0.0
            };
            let every = Duration::from_secs_f64(every);
            runtime.block_on(press(address, in_flight, time, every, requests));
        }
        ["fill", directory, entries] => {
            let several = tokio::runtime::Runtime::new().unwrap();
            several.block_on(fill(Path::new(directory), entries.parse().unwrap()));
        }
        ["verify", seconds] => verify(Duration::from_secs_f64(seconds.parse().unwrap())),
        ["sync", file, seconds] => {
            sync(
                Path::new(file),
                Duration::from_secs_f64(seconds.parse().unwrap()),
            );
        }
        _ => panic!("log_load press|fill|verify|sync, see the top of its source"),
    }
}

/// A request as bytes on the wire.
fn post(address: &str, path: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// No two alike, nor like those of an earlier run.
fn entries(address: &str, count: usize) -> Vec<Vec<u8>> {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let public = STANDARD.encode(key.public().spki_der());
    let request = |n: usize| {
        let message = n.to_be_bytes();
        let digest = STANDARD.encode(Hash::Sha256.digest(&message));
        let signature = STANDARD.encode(key.sign(&message).unwrap());
        let body = format!(
            r#"{{"hashedRekordRequestV002":{{"digest":"{digest}","signature":{{"content":"{signature}","verifier":{{"publicKey":{{"rawBytes":"{public}"}},"keyDetails":"PKIX_ECDSA_P256_SHA_256"}}}}}}}}"#
        );
        post(
            address,
            "/api/v2/log/entries",
            "application/json",
            body.as_bytes(),
        )
    };
    (0..count).map(request).collect()
}

/// A key of its own for each request.
fn certificates(address: &str, count: usize, token: &str) -> Vec<Vec<u8>> {
    let claims = token.split('.').nth(1).expect("a token of three parts");
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(claims)
        .unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    let challenge = claims["email"].as_str().or(claims["sub"].as_str()).unwrap();
    let request = |_| {
        let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
        let body = serde_json::json!({
            "credentials": {"oidcIdentityToken": token},
            "publicKeyRequest": {
                "publicKey": {"algorithm": "ECDSA", "content": key.public().to_pem()},
                "proofOfPossession": STANDARD.encode(key.sign(challenge.as_bytes()).unwrap()),
            },
        });
        let body = body.to_string();
        post(
            address,
            "/api/v2/signingCert",
            "application/json",
            body.as_bytes(),
        )
    };
    (0..count).map(request).collect()
}

fn timestamps(address: &str, count: usize) -> Vec<Vec<u8>> {
    let request = |n: usize| {
        let body = serde_json::json!({
            "artifactHash": STANDARD.encode(Hash::Sha256.digest(&n.to_be_bytes())),
            "hashAlgorithm": "sha256", "certificates": true, "nonce": n,
        });
        let body = body.to_string();
        post(
            address,
            "/api/v1/timestamp",
            "application/json",
            body.as_bytes(),
        )
    };
    (0..count).map(request).collect()
}

/// The length of the answer at the beginning of `read` and its status, once it is whole.
fn whole(read: &[u8]) -> Option<(usize, bool)> {
    let head = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&read[..head]).to_ascii_lowercase();
    let created = text.starts_with("http/1.1 201") || text.starts_with("http/1.1 200");
    let length = text.lines().find_map(|line| {
        line.strip_prefix("content-length: ")?
            .trim()
            .parse::<usize>()
            .ok()
    });
    match length {
        Some(length) => (read.len() >= head + length).then_some((head + length, created)),
        // Chunked, and we ask for one answer at a time.
        None => read
            .ends_with(b"\r\n0\r\n\r\n")
            .then_some((read.len(), created)),
    }
}

async fn press(
    address: &str,
    in_flight: usize,
    time: Duration,
    every: Duration,
    all: Vec<Vec<u8>>,
) {
    let all = Arc::new(all);
    let next = Arc::new(AtomicUsize::new(0));
    let mut streams = Vec::new();
    for _ in 0..in_flight {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).unwrap();
        streams.push(stream);
    }
    let start = Instant::now();
    let tasks: Vec<_> = streams
        .into_iter()
        .enumerate()
        .map(|(n, stream)| {
            let (all, next) = (all.clone(), next.clone());
            // Spread evenly, so that a rate is one from the first moment on.
            let first = start + every.mul_f64(n as f64 / in_flight as f64);
            tokio::spawn(async move {
                one_after_the_other(stream, &all, &next, first, every, start + time).await
            })
        })
        .collect();
    let (mut times, mut failed) = (Vec::new(), 0);
    for task in tasks {
        let (some, failures) = task.await.unwrap();
        times.extend(some);
        failed += failures;
    }
    let took = start.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| {
        let place = (times.len() as f64 * share) as usize;
        times
            .get(place.min(times.len().saturating_sub(1)))
            .map_or(f64::NAN, |t| f64::from(*t) / 1e3)
    };
    println!(
        r#"{{"perSecond":{:.1},"p50":{:.3},"p99":{:.3},"max":{:.3},"entries":{},"failed":{failed}}}"#,
        times.len() as f64 / took,
        at(0.5),
        at(0.99),
        at(1.0),
        times.len(),
    );
}

/// Microseconds of each request of one connection, and how many failed.
async fn one_after_the_other(
    mut stream: TcpStream,
    all: &[Vec<u8>],
    next: &AtomicUsize,
    mut due: Instant,
    every: Duration,
    end: Instant,
) -> (Vec<u32>, usize) {
    let (mut times, mut failed) = (Vec::new(), 0);
    let mut read = Vec::with_capacity(8192);
    while Instant::now().max(due) < end {
        if !every.is_zero() {
            tokio::time::sleep_until(due.into()).await;
            due = Instant::now().max(due + every);
        }
        let Some(request) = all.get(next.fetch_add(1, Ordering::Relaxed)) else {
            break;
        };
        let sent = Instant::now();
        read.clear();
        let answered: io::Result<bool> = async {
            stream.write_all(request).await?;
            loop {
                if stream.read_buf(&mut read).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                if let Some((_, created)) = whole(&read) {
                    return Ok(created);
                }
            }
        }
        .await;
        match answered {
            Ok(true) => times.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX)),
            Ok(false) => failed += 1,
            Err(_) => {
                failed += 1;
                break;
            }
        }
    }
    (times, failed)
}

/// Bytes without a pattern, quickly.
struct Noise(u64);

impl Noise {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let words = (0..count.div_ceil(8)).flat_map(|_| {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0.to_le_bytes()
        });
        words.take(count).collect()
    }
}

async fn fill(directory: &Path, entries: u64) {
    const LOG: &str = "log-v2";
    let store = Store::open(directory).await.unwrap();
    let log = SqlStore::open(store.state().clone()).await.unwrap();
    let tree = log.take_over(LOG, None).await.unwrap();
    let mut head = tree.head;
    let mut frontier = Frontier::load(head.size, |wanted| {
        let mut edge = tree.edge.iter();
        edge.find(|tile| tile.id == wanted)
            .map(|tile| tile.bytes.clone())
    })
    .unwrap();
    let mut noise = Noise(u64::from_be_bytes(random::bytes().unwrap()) | 1);
    let public = STANDARD.encode(noise.bytes(91));
    let start = Instant::now();
    let from = head.size;
    while head.size < entries {
        let some = (0..FILL.min(entries - head.size)).map(|_| {
            let digest = STANDARD.encode(noise.bytes(32));
            let signature = STANDARD.encode(noise.bytes(71));
            let body = format!(
                r#"{{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{{"hashedRekordV002":{{"data":{{"algorithm":"SHA2_256","digest":"{digest}"}},"signature":{{"content":"{signature}","verifier":{{"keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey":{{"rawBytes":"{public}"}}}}}}}}}}}}"#
            );
            let identity = leaf_hash(body.as_bytes());
            frontier.append(identity);
            let bytes = body.into();
            NewEntry { identity, bytes }
        });
        let entries: Vec<_> = some.collect();
        let to = Head {
            size: frontier.size(),
            root: frontier.root(),
            ..head
        };
        let commit = Commit {
            log: LOG,
            from: head,
            to,
            entries,
            tiles: frontier.full(),
            edge: frontier.edge(),
        };
        log.commit(commit).await.unwrap();
        frontier.settle();
        head = to;
    }
    let took = start.elapsed().as_secs_f64();
    store.close().await;
    println!(
        r#"{{"perSecond":{:.1},"entries":{}}}"#,
        (head.size - from) as f64 / took,
        head.size
    );
}

/// Checks of one ECDSA P-256 signature on one core, as the log makes them.
fn verify(time: Duration) {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let signature = key.sign(b"message").unwrap();
    let digest = Hash::Sha256.digest(b"message");
    let (start, mut count) = (Instant::now(), 0u32);
    while start.elapsed() < time {
        let public = key.public();
        public
            .verify_digest(Hash::Sha256, &digest, &signature)
            .unwrap();
        count += 1;
    }
    let rate = f64::from(count) / start.elapsed().as_secs_f64();
    println!(r#"{{"perSecond":{rate:.1}}}"#);
}

/// Synced writes of 32 KiB over and over the same MiB: a commit of 64 entries.
fn sync(file: &Path, time: Duration) {
    use std::os::unix::fs::FileExt as _;
    let bytes = vec![7; 32 << 10];
    let mut file = std::fs::File::create(file).unwrap();
    file.write_all(&vec![0; 1 << 20]).unwrap();
    file.sync_all().unwrap();
    let (start, mut count) = (Instant::now(), 0u32);
    while start.elapsed() < time {
        file.write_all_at(&bytes, u64::from(count % 32) << 15)
            .unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    let rate = f64::from(count) / start.elapsed().as_secs_f64();
    println!(r#"{{"perSecond":{rate:.1}}}"#);
}
