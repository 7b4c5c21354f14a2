//! How many verifications a second, in one process with a warm trust root.
//!
//! `verify_many [--core] [--threads N] [--seconds S] BUNDLE ARTIFACT [TRUSTED_ROOT]`
//! verifies one bundle over and over on N threads and prints one line of JSON.
//! `--core` asks the `sigstore-verify` core alone, for the ratio. `--root` times
//! reading the embedded root instead, and takes no bundle.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use bulla_core::{Digest, RootId};
use bulla_trust::{
    TrustRoot,
    sigstore::{BundleKind, UnverifiedBundle, Verification},
};
use jiff::Timestamp;
use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

struct Arguments {
    core: bool,
    threads: usize,
    seconds: u64,
    files: Vec<String>,
}

fn main() {
    let arguments = arguments();
    if arguments.files.is_empty() {
        return time_root();
    }
    let bundle = fs::read(&arguments.files[0]).expect("BUNDLE");
    let artifact = fs::read(&arguments.files[1]).expect("ARTIFACT");
    let document = match arguments.files.get(2) {
        Some(path) => fs::read_to_string(path).expect("TRUSTED_ROOT"),
        None => sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT.to_owned(),
    };
    let once: Box<dyn Fn() + Sync> = if arguments.core {
        core(&bundle, &artifact, &document)
    } else {
        ours(bundle, artifact, &document)
    };
    let rate = measure(
        &*once,
        arguments.threads,
        Duration::from_secs(arguments.seconds),
    );
    println!(
        r#"{{"engine":"{}","bundle":"{}","threads":{},"perSecond":{rate:.0}}}"#,
        if arguments.core { "core" } else { "bulla" },
        arguments.files[0],
        arguments.threads,
    );
}

fn arguments() -> Arguments {
    let mut all = std::env::args().skip(1);
    let mut arguments = Arguments {
        core: false,
        threads: 2,
        seconds: 3,
        files: Vec::new(),
    };
    while let Some(one) = all.next() {
        let mut number = || {
            all.next()
                .and_then(|text| text.parse().ok())
                .expect("a number")
        };
        match one.as_str() {
            "--core" => arguments.core = true,
            "--root" => arguments.files.clear(),
            "--threads" => arguments.threads = number() as usize,
            "--seconds" => arguments.seconds = number(),
            _ => arguments.files.push(one),
        }
    }
    arguments
}

fn ours(bundle: Vec<u8>, artifact: Vec<u8>, document: &str) -> Box<dyn Fn() + Sync> {
    let id = RootId(Digest::sha256(document.as_bytes()));
    let root = TrustRoot::parse(document.as_bytes(), id).expect("a trust root");
    let kind = UnverifiedBundle::parse(&bundle).expect("a bundle").kind();
    let subject = Digest::sha256(&artifact);
    Box::new(move || {
        let verification = Verification::new(&root, Timestamp::now());
        match kind {
            BundleKind::Attestation => verification.attestation(&bundle, &subject).map(drop),
            BundleKind::Signature => verification.signature(&bundle, &subject).map(drop),
        }
        .expect("a good bundle");
    })
}

fn core(bundle: &[u8], artifact: &[u8], document: &str) -> Box<dyn Fn() + Sync> {
    let root = sigstore_trust_root::TrustedRoot::from_json(document).expect("a trust root");
    let verifier = sigstore_verify::Verifier::new(&root).expect("a trust root");
    let text = String::from_utf8(bundle.to_vec()).expect("text");
    let digest = sigstore_verify::crypto::sha256(artifact);
    Box::new(move || {
        let bundle = sigstore_types::Bundle::from_json(&text).expect("a bundle");
        let policy = sigstore_verify::VerificationPolicy::any_identity();
        verifier
            .verify(digest, &bundle, &policy)
            .expect("a good bundle");
    })
}

fn measure(once: &(dyn Fn() + Sync), threads: usize, time: Duration) -> f64 {
    once();
    let (done, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    once();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
    });
    done.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64()
}

/// The first use in this process is what a command pays.
fn time_root() {
    let start = Instant::now();
    TrustRoot::public_good().expect("the embedded root");
    let lazy = start.elapsed();
    let bytes = sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes();
    let start = Instant::now();
    TrustRoot::parse(bytes, TrustRoot::public_good_id()).expect("the embedded root");
    println!(
        r#"{{"embeddedMicroseconds":{},"checkedMicroseconds":{}}}"#,
        lazy.as_micros(),
        start.elapsed().as_micros(),
    );
}
