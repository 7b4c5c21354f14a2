//! An instance in memory: authority, CT log, logs of both versions, timestamp
//! authority. It makes what the assets lack: other kinds of keys, and evidence
//! that is wrong in one place only.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Digest, RootId};
use bulla_crypto::{
    Hash, PublicKey, Scheme, SigningKey,
    checkpoint::Checkpoint,
    merkle,
    note::{key_id, sign_note},
    sct::{PrecertEntry, Sct},
    timestamp::{TimestampQuery, TimestampSigner},
    x509::{
        CaProfile, Certificate, CodeSigningProfile, FulcioExtensions, Issuer, SubjectName, Validity,
    },
};
use bulla_trust::TrustRoot;
use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const EMAIL: &str = "someone@example.com";
pub(crate) const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const ORIGIN: &str = "log.example";
const MINUTES: i64 = 60;

pub(crate) struct Lab {
    pub(crate) root: Issuer,
    pub(crate) intermediate: Issuer,
    pub(crate) tsa: TimestampSigner,
    pub(crate) ct: SigningKey,
    log1: SigningKey,
    log2: SigningKey,
}

/// Whose signature an entry is about.
pub(crate) enum By<'a> {
    Certificate(&'a Certificate),
    Key(&'a PublicKey),
}

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// When everything in the lab happens.
pub(crate) fn signed_at() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

/// When it is judged.
pub(crate) fn later() -> Timestamp {
    "2026-06-02T12:00:00Z".parse().unwrap()
}

pub(crate) fn statement(subject: &[u8]) -> Vec<u8> {
    let digest = Digest::sha256(subject).hex().to_owned();
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "artifact", "digest": {"sha256": digest}}],
        "predicateType": "https://example.com/claim/v1",
        "predicate": {},
    })
    .to_string()
    .into_bytes()
}

pub(crate) fn pae(payload: &[u8]) -> Vec<u8> {
    let head = format!(
        "DSSEv1 {} {PAYLOAD_TYPE} {} ",
        PAYLOAD_TYPE.len(),
        payload.len()
    );
    [head.as_bytes(), payload].concat()
}

impl By<'_> {
    pub(crate) fn pem(&self) -> String {
        match self {
            Self::Certificate(certificate) => certificate.to_pem(),
            Self::Key(key) => key.to_pem(),
        }
    }

    fn verifier(&self) -> Value {
        match self {
            Self::Certificate(one) => json!({"x509Certificate": {"rawBytes": b64(one.der())}}),
            Self::Key(key) => json!({"publicKey": {"rawBytes": b64(key.spki_der())}}),
        }
    }

    fn material(&self) -> (&'static str, Value) {
        match self {
            Self::Certificate(one) => ("certificate", json!({"rawBytes": b64(one.der())})),
            Self::Key(key) => ("publicKey", json!({"hint": b64(key.id().bytes())})),
        }
    }
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with_ca(Scheme::EcdsaP256)
    }

    pub(crate) fn with_ca(scheme: Scheme) -> Self {
        let key = |scheme| SigningKey::generate(scheme).unwrap();
        let from = "2026-01-01T00:00:00Z".parse().unwrap();
        let year = Validity::seconds(from, 86_400 * 365).unwrap();
        let root = Issuer::create_root(key(scheme), "Lab", "root", year).unwrap();
        let between = |profile, name: &str| {
            root.create_intermediate(key(scheme), profile, name, year)
                .unwrap()
        };
        let intermediate = between(CaProfile::CodeSigning, "signing");
        let stamping = between(CaProfile::TimeStamping, "stamping");
        let tsa_key = key(Scheme::EcdsaP256);
        let leaf = stamping
            .issue_timestamping(tsa_key.public(), "tsa", year)
            .unwrap();
        let chain = vec![
            leaf,
            stamping.certificate().clone(),
            root.certificate().clone(),
        ];
        Self {
            tsa: TimestampSigner::new(tsa_key, chain).unwrap(),
            ct: key(Scheme::EcdsaP256),
            log1: key(Scheme::EcdsaP256),
            log2: key(Scheme::Ed25519),
            root,
            intermediate,
        }
    }

    pub(crate) fn document(&self) -> Value {
        let window = json!({"start": "2026-01-01T00:00:00Z"});
        let chain = |certificates: &[&Certificate]| {
            let all = certificates
                .iter()
                .map(|one| json!({"rawBytes": b64(one.der())}));
            json!({"certificates": all.collect::<Vec<_>>()})
        };
        let log = |key: &PublicKey, url: &str, id: &[u8]| {
            json!({
                "baseUrl": url,
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": b64(key.spki_der()),
                    "keyDetails": key.scheme().sigstore_name(),
                    "validFor": window,
                },
                "logId": {"keyId": b64(id)},
            })
        };
        let (one, two, ct) = (self.log1.public(), self.log2.public(), self.ct.public());
        let tsa: Vec<&Certificate> = self.tsa.chain().iter().collect();
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [
                log(one, "https://rekor.example", &one.id().bytes()),
                log(two, "https://log.example", &key_id(ORIGIN, two)),
            ],
            "ctlogs": [log(ct, "https://ct.example", &ct.id().bytes())],
            "certificateAuthorities": [{
                "subject": {"organization": "Lab", "commonName": "root"},
                "uri": "https://ca.example",
                "certChain": chain(&[self.intermediate.certificate(), self.root.certificate()]),
                "validFor": window,
            }],
            "timestampAuthorities": [{
                "subject": {"organization": "Lab", "commonName": "tsa"},
                "uri": "https://tsa.example",
                "certChain": chain(&tsa),
                "validFor": window,
            }],
        })
    }

    pub(crate) fn trust(&self) -> TrustRoot {
        root_of(&self.document())
    }

    /// A certificate of ten minutes for `key`, logged.
    pub(crate) fn certify(&self, key: &PublicKey) -> Certificate {
        let precert = self.precertificate(key);
        let entry = PrecertEntry {
            issuer_key_hash: precert.issuer_key_hash(),
            tbs: precert.tbs_der(),
        };
        let ms = u64::try_from(signed_at().as_millisecond()).unwrap();
        let sct = Sct::sign(&self.ct, &entry, ms, 3).unwrap();
        self.intermediate.finish(precert, &[sct]).unwrap()
    }

    /// The same with an empty list of SCTs.
    pub(crate) fn certify_unlogged(&self, key: &PublicKey) -> Certificate {
        let precert = self.precertificate(key);
        self.intermediate.finish(precert, &[]).unwrap()
    }

    fn precertificate(&self, key: &PublicKey) -> bulla_crypto::x509::Precertificate {
        let from = signed_at()
            .checked_sub(jiff::SignedDuration::from_secs(MINUTES))
            .unwrap();
        let subject = SubjectName::Email(EMAIL.into());
        self.intermediate
            .precertificate(&CodeSigningProfile {
                subject: &subject,
                extensions: &FulcioExtensions::issued_by(ISSUER),
                key,
                validity: Validity::seconds(from, 10 * MINUTES).unwrap(),
            })
            .unwrap()
    }

    /// A timestamp over `signature`, DER.
    pub(crate) fn stamp(&self, signature: &[u8]) -> Vec<u8> {
        let query = TimestampQuery::over(Hash::Sha256, signature);
        self.tsa.reply(&query, signed_at()).unwrap()
    }

    /// An entry of the log of version 1, promise and proof.
    pub(crate) fn entry1(&self, kind: &str, version: &str, body: &Value) -> Value {
        let body = body.to_string();
        let (time, index) = (signed_at().as_second(), 41);
        let id = self.log1.public().id();
        let promise = json!({
            "body": b64(&body), "integratedTime": time, "logID": id.hex(), "logIndex": index,
        });
        let promise = self.log1.sign(promise.to_string().as_bytes()).unwrap();
        let proof = proof(&self.log1, "rekor.example - 1", body.as_bytes());
        json!({
            "logIndex": index.to_string(),
            "logId": {"keyId": b64(id.bytes())},
            "kindVersion": {"kind": kind, "version": version},
            "integratedTime": time.to_string(),
            "inclusionPromise": {"signedEntryTimestamp": b64(promise)},
            "inclusionProof": proof,
            "canonicalizedBody": b64(&body),
        })
    }

    /// An entry of the log of version 2.
    /// Of the kind and version that its body names.
    pub(crate) fn entry2(&self, body: &Value) -> Value {
        let named = json!({"kind": body["kind"], "version": body["apiVersion"]});
        let body = body.to_string();
        json!({
            "logIndex": "1",
            "logId": {"keyId": b64(key_id(ORIGIN, self.log2.public()))},
            "kindVersion": named,
            "inclusionProof": proof(&self.log2, ORIGIN, body.as_bytes()),
            "canonicalizedBody": b64(&body),
        })
    }
}

pub(crate) fn root_of(document: &Value) -> TrustRoot {
    let bytes = document.to_string();
    TrustRoot::parse(bytes.as_bytes(), RootId(Digest::sha256(bytes.as_bytes()))).unwrap()
}

/// The second leaf of two.
fn proof(log: &SigningKey, origin: &str, body: &[u8]) -> Value {
    let (genesis, leaf) = (merkle::leaf_hash(b"genesis"), merkle::leaf_hash(body));
    let checkpoint = Checkpoint {
        origin: origin.into(),
        size: 2,
        root: merkle::node_hash(&genesis, &leaf),
    };
    // A log of version 1 signs by its host name, which its origin begins with.
    let name = origin.split(' ').next().unwrap();
    let note = sign_note(&checkpoint.text(), name, log).unwrap();
    json!({
        "logIndex": "1",
        "rootHash": b64(checkpoint.root),
        "treeSize": "2",
        "hashes": [b64(genesis)],
        "checkpoint": {"envelope": note.to_string()},
    })
}

pub(crate) fn rekord1(hash: Hash, digest: &[u8], signature: &[u8], by: &By<'_>) -> Value {
    let name = match hash {
        Hash::Sha256 => "sha256",
        Hash::Sha384 => "sha384",
        Hash::Sha512 => "sha512",
    };
    json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
        "data": {"hash": {"algorithm": name, "value": hex::encode(digest)}},
        "signature": {"content": b64(signature), "publicKey": {"content": b64(by.pem())}},
    }})
}

pub(crate) fn rekord2(hash: Hash, digest: &[u8], signature: &[u8], by: &By<'_>) -> Value {
    json!({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": {
        "data": {"algorithm": hash.sigstore_name(), "digest": b64(digest)},
        "signature": {"content": b64(signature), "verifier": by.verifier()},
    }}})
}

pub(crate) fn dsse1(payload: &[u8], signature: &[u8], by: &By<'_>) -> Value {
    json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
        "payloadHash": {"algorithm": "sha256", "value": Digest::sha256(payload).hex()},
        "envelopeHash": {"algorithm": "sha256", "value": "00"},
        "signatures": [{"signature": b64(signature), "verifier": b64(by.pem())}],
    }})
}

pub(crate) fn dsse2(payload: &[u8], signature: &[u8], by: &By<'_>) -> Value {
    json!({"apiVersion": "0.0.2", "kind": "dsse", "spec": {"dsseV002": {
        "payloadHash": {"algorithm": "SHA2_256", "digest": b64(Hash::Sha256.digest(payload))},
        "signatures": [{"content": b64(signature), "verifier": by.verifier()}],
    }}})
}

/// A bundle of version 0.3.
pub(crate) fn bundle(
    content: (&str, Value),
    by: &By<'_>,
    entries: &[Value],
    stamps: &[Vec<u8>],
) -> Value {
    let stamps: Vec<Value> = stamps
        .iter()
        .map(|der| json!({"signedTimestamp": b64(der)}))
        .collect();
    let (kind, signer) = by.material();
    let mut bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "tlogEntries": entries,
            "timestampVerificationData": {"rfc3161Timestamps": stamps},
        },
    });
    bundle["verificationMaterial"][kind] = signer;
    bundle[content.0] = content.1;
    bundle
}

pub(crate) fn message(hash: Hash, artifact: &[u8], signature: &[u8]) -> (&'static str, Value) {
    let digest = json!({"algorithm": hash.sigstore_name(), "digest": b64(hash.digest(artifact))});
    (
        "messageSignature",
        json!({"messageDigest": digest, "signature": b64(signature)}),
    )
}

pub(crate) fn envelope(payload: &[u8], signature: &[u8]) -> (&'static str, Value) {
    (
        "dsseEnvelope",
        json!({
            "payload": b64(payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": b64(signature)}],
        }),
    )
}

/// A witness of checkpoints.
pub(crate) struct Witness {
    name: &'static str,
    key: SigningKey,
}

impl Witness {
    pub(crate) fn new(name: &'static str) -> Self {
        let key = SigningKey::generate(Scheme::Ed25519).unwrap();
        Self { name, key }
    }

    fn typed(&self) -> Vec<u8> {
        [&[4], self.key.public().raw()].concat()
    }

    fn hint(&self) -> Vec<u8> {
        let named = [self.name.as_bytes(), b"\n", &self.typed()].concat();
        Hash::Sha256.digest(&named)[..4].to_vec()
    }

    pub(crate) fn verifier_key(&self) -> String {
        format!(
            "{}+{}+{}",
            self.name,
            hex::encode(self.hint()),
            b64(self.typed())
        )
    }

    /// The note with this witness's line.
    pub(crate) fn cosign(&self, note: &str) -> String {
        let (text, _) = note.split_once("\n\n").unwrap();
        let time = signed_at().as_second();
        let message = format!("cosignature/v1\ntime {time}\n{text}\n");
        let signature = self.key.sign(message.as_bytes()).unwrap();
        let line = [self.hint(), time.to_be_bytes().to_vec(), signature].concat();
        format!("{note}— {} {}\n", self.name, b64(line))
    }
}

pub(crate) fn intoto1(envelope: &[u8], payload: &[u8], by: &By<'_>) -> Value {
    json!({"apiVersion": "0.0.1", "kind": "intoto", "spec": {
        "content": {
            "hash": {"algorithm": "sha256", "value": Digest::sha256(envelope).hex()},
            "payloadHash": {"algorithm": "sha256", "value": Digest::sha256(payload).hex()},
        },
        "publicKey": b64(by.pem()),
    }})
}

pub(crate) fn intoto2(payload: &[u8], signature: &[u8], by: &By<'_>) -> Value {
    json!({"apiVersion": "0.0.2", "kind": "intoto", "spec": {"content": {
        "envelope": {
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"publicKey": b64(by.pem()), "sig": b64(b64(signature))}],
        },
        "hash": {"algorithm": "sha256", "value": "00"},
        "payloadHash": {"algorithm": "sha256", "value": Digest::sha256(payload).hex()},
    }}})
}
