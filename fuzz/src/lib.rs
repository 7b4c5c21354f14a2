//! What several targets start from: one Sigstore instance, and good bundles of it.
//!
//! A parser that is only fed noise never reaches the checks behind it. So the
//! instance of `bulla-trust`'s tests makes a root and what it vouches for; both
//! are kept in `world/`, because an input found in one run has to mean the same
//! in the next. Seeds go into the target's corpus before the fuzzer reads it.

#[allow(missing_docs, clippy::unwrap_used, dead_code)]
#[path = "../../crates/bulla-trust/tests/it/world.rs"]
pub mod world;

pub mod requests;

use bulla_core::{Digest, RootId};
use bulla_trust::TrustRoot;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{fs, path::PathBuf, sync::OnceLock};

/// What is signed in every seed.
pub const ARTIFACT: &[u8] = b"artifact";
/// The predicate type of the attestation among the seeds.
pub const PREDICATE: &str = "https://example.com/x";
/// The signed text among the seeds of notes.
pub const ENVELOPE_PAYLOAD: &[u8] = b"{\"signed\":true}";

/// What was kept, read back.
pub struct Kept {
    pub root: TrustRoot,
    pub now: Timestamp,
    /// The parts of the world that targets compare with.
    pub facts: Value,
}

/// The kept world; made if there is none.
///
/// # Panics
/// If it cannot be kept.
pub fn kept() -> &'static Kept {
    static KEPT: OnceLock<Kept> = OnceLock::new();
    KEPT.get_or_init(|| {
        let file = home().join("world/world.json");
        if !file.exists() {
            keep(&file);
        }
        let facts: Value =
            serde_json::from_slice(&fs::read(&file).expect("kept world")).expect("kept world");
        let root = facts["root"].to_string();
        Kept {
            root: TrustRoot::parse(root.as_bytes(), RootId(Digest::sha256(root.as_bytes())))
                .expect("kept root"),
            now: facts["now"]
                .as_str()
                .expect("kept time")
                .parse()
                .expect("kept time"),
            facts,
        }
    })
}

/// Puts seeds into the corpus of a target. Call it before the fuzzer reads it.
///
/// # Panics
/// If they cannot be written.
pub fn sow(target: &str, seeds: &[(&str, Vec<u8>)]) {
    let corpus = home().join("corpus").join(target);
    fs::create_dir_all(&corpus).expect("corpus");
    for (name, seed) in seeds {
        fs::write(corpus.join(format!("seed-{name}")), seed).expect("seed");
    }
}

/// A text among the facts.
///
/// # Panics
/// If there is none.
pub fn fact(pointer: &str) -> &'static str {
    kept()
        .facts
        .pointer(pointer)
        .and_then(Value::as_str)
        .expect(pointer)
}

/// Bytes among the facts, kept as hex.
///
/// # Panics
/// If there are none.
pub fn fact_bytes(name: &str) -> Vec<u8> {
    hex::decode(fact(&format!("/{name}"))).expect(name)
}

fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn keep(file: &std::path::Path) {
    use bulla_core::{Envelope, envelope::EnvelopeSignature};
    use bulla_crypto::{
        Scheme, SigningKey,
        checkpoint::Checkpoint,
        sct::{PrecertEntry, Sct},
    };

    let world = world::World::new();
    let order = world.order();
    let key = SigningKey::generate(Scheme::EcdsaP256).expect("key");
    let mut envelope = Envelope {
        payload: ENVELOPE_PAYLOAD.to_vec(),
        payload_type: "application/json".into(),
        signatures: Vec::new(),
    };
    envelope.signatures.push(EnvelopeSignature {
        sig: key
            .sign(&envelope.pre_authentication_encoding())
            .expect("signature"),
        keyid: String::new(),
    });
    let entry = PrecertEntry {
        issuer_key_hash: [7; 32],
        tbs: b"tbs",
    };
    let scts = [
        Sct::sign(&world.ct, &entry, 1_700_000_000_000, 7).expect("sct"),
        Sct::sign(&world.ct, &entry, 1_700_000_000_001, 8).expect("sct"),
    ];
    let note = Checkpoint {
        origin: world::ORIGIN.into(),
        size: 9,
        root: [3; 32],
    };
    let facts = json!({
        "root": world.trusted_root(),
        "now": world.now().to_string(),
        "blob": world.blob(ARTIFACT, &order),
        "attestation": world.attestation(ARTIFACT, PREDICATE, &order),
        "leaf": hex::encode(world.holder(&order).certificate.der()),
        "intermediate": hex::encode(world.intermediate.certificate().der()),
        "envelope": envelope,
        "envelopeKey": hex::encode(key.public().spki_der()),
        "scts": hex::encode(bulla_crypto::sct::encode_list(&scts).expect("list")),
        "ctKey": hex::encode(world.ct.public().spki_der()),
        "note": note.sign(&world.log).expect("note").to_string(),
        "noteText": note.text(),
        "logKey": hex::encode(world.log.public().spki_der()),
    });
    fs::create_dir_all(file.parent().expect("a folder")).expect("world");
    // Several targets may start at once: the first world stays, whole, and all read that.
    let side = file.with_extension(format!("{}", std::process::id()));
    fs::write(&side, facts.to_string()).expect("world");
    let _ = fs::hard_link(&side, file);
    fs::remove_file(&side).expect("world");
}
