//! How many certificates and timestamps this process gives in a second.
//!
//! `cargo run -p bulla-authority --example rates [SECONDS]`, with `--release` for
//! figures that mean something. Certificates wait for their SCT, so for the CT
//! log's group commit to be durable: one at a time shows the disk, 64 at a time
//! the work. Timestamps touch no disk.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // a measurement that fails may stop

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_authority::{Authority, AuthorityConfig, ca::parse_signing_request};
use bulla_core::SystemClock;
use bulla_crypto::{Hash, Scheme, SigningKey, timestamp::TimestampQuery};
use bulla_store::Store;
use jiff::Timestamp;
use serde_json::json;

const EMAIL: &str = "dev@example.com";

#[tokio::main]
async fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let span = Duration::from_secs(seconds.unwrap_or(5));
    let dir = std::env::temp_dir().join(format!("bulla-rates-{}", std::process::id()));
    let store = Store::open(&dir).await.unwrap();
    let config = AuthorityConfig::loopback(4321);
    let authority = Authority::open(&store, config, Arc::new(SystemClock))
        .await
        .unwrap();
    let body = request(&authority);

    for flight in [1usize, 64] {
        let started = Instant::now();
        let workers: Vec<_> = (0..flight)
            .map(|_| {
                let (ca, body) = (authority.ca().clone(), body.clone());
                tokio::spawn(async move {
                    let mut count = 0u32;
                    while started.elapsed() < span {
                        let request = parse_signing_request(None, &body).unwrap();
                        ca.issue(request).await.unwrap();
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        let mut total = 0;
        for worker in workers {
            total += worker.await.unwrap();
        }
        let rate = f64::from(total) / started.elapsed().as_secs_f64();
        println!("certificates, {flight} in flight: {rate:.0}/s");
    }

    let (started, mut count) = (Instant::now(), 0u32);
    while started.elapsed() < span {
        let query = TimestampQuery::over(Hash::Sha256, b"message");
        authority.tsa().stamp(Ok(query)).unwrap();
        count += 1;
    }
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    println!("timestamps, one thread: {rate:.0}/s");
    std::fs::remove_dir_all(&dir).unwrap();
}

fn request(authority: &Authority) -> Vec<u8> {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let token = authority
        .asserted()
        .mint_person(EMAIL, "sigstore", Timestamp::now());
    json!({
        "credentials": {"oidcIdentityToken": token.unwrap()},
        "publicKeyRequest": {
            "publicKey": {"algorithm": "ECDSA", "content": key.public().to_pem()},
            "proofOfPossession": STANDARD.encode(key.sign(EMAIL.as_bytes()).unwrap()),
        },
    })
    .to_string()
    .into_bytes()
}
