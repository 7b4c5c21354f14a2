//! A whole Sigstore instance in memory, for bundles that no real one would give.
//!
//! Authority, CT log, version 2 transparency log and timestamp authority with
//! fresh keys. Every part of what it makes can be set wrong by the caller. Also
//! used by the fuzz targets, which keep what it made to start from.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Digest, Envelope, RootId, envelope::EnvelopeSignature};
use bulla_crypto::{
    Hash, Scheme, SigningKey,
    checkpoint::Checkpoint,
    merkle::{leaf_hash, node_hash},
    note,
    sct::{PrecertEntry, Sct},
    timestamp::{TimestampQuery, TimestampSigner},
    x509::{
        CaProfile, Certificate, CodeSigningProfile, FulcioExtensions, Issuer, SubjectName, Validity,
    },
};
use bulla_trust::{IdentityExpectation, TrustRoot};
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

pub const ORIGIN: &str = "log.world.example";
pub const ISSUER: &str = "https://issuer.world.example";
pub const PERSON: &str = "dana@world.example";

/// The instance.
pub struct World {
    /// When it began; everything is valid for ten years from then.
    pub start: Timestamp,
    pub ca: Issuer,
    pub intermediate: Issuer,
    pub ct: SigningKey,
    pub log: SigningKey,
    pub tsa: TimestampSigner,
}

/// How a bundle is made; `at` is when the leaf starts, and what is stamped.
pub struct Order {
    pub at: Timestamp,
    pub leaf_seconds: i64,
    pub stamped: Timestamp,
    pub who: SubjectName,
    /// Whether the log takes what is signed, or something else.
    pub logged: Option<Vec<u8>>,
}

/// What a signer holds.
pub struct Holder {
    pub key: SigningKey,
    pub certificate: Certificate,
}

fn key(scheme: Scheme) -> SigningKey {
    SigningKey::generate(scheme).unwrap()
}

fn ten_years(start: Timestamp) -> Validity {
    Validity::seconds(start, 10 * 365 * 86_400).unwrap()
}

impl World {
    pub fn new() -> Self {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        Self::starting(start)
    }

    pub fn starting(start: Timestamp) -> Self {
        let life = ten_years(start);
        let ca = Issuer::create_root(key(Scheme::EcdsaP256), "world", "root", life).unwrap();
        let intermediate = ca
            .create_intermediate(
                key(Scheme::EcdsaP256),
                CaProfile::CodeSigning,
                "signing",
                life,
            )
            .unwrap();
        let stamping = key(Scheme::EcdsaP256);
        let leaf = ca
            .issue_timestamping(stamping.public(), "stamps", life)
            .unwrap();
        let tsa = TimestampSigner::new(stamping, vec![leaf, ca.certificate().clone()]).unwrap();
        Self {
            start,
            ca,
            intermediate,
            ct: key(Scheme::EcdsaP256),
            log: key(Scheme::Ed25519),
            tsa,
        }
    }

    pub fn order(&self) -> Order {
        let at = self.start.checked_add(24.hours()).unwrap();
        Order {
            at,
            leaf_seconds: 600,
            stamped: at.checked_add(5.seconds()).unwrap(),
            who: SubjectName::Email(PERSON.into()),
            logged: None,
        }
    }

    /// A year after the start: every leaf has expired.
    pub fn now(&self) -> Timestamp {
        self.start.checked_add((365 * 24).hours()).unwrap()
    }

    pub fn expected(&self) -> IdentityExpectation {
        IdentityExpectation::exact(ISSUER, PERSON)
    }

    pub fn trusted_root(&self) -> Value {
        let window = json!({"start": self.start.to_string()});
        let log = |key: &SigningKey, id: String| {
            json!({
                "baseUrl": format!("https://{ORIGIN}"),
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": STANDARD.encode(key.public().spki_der()),
                    "keyDetails": key.scheme().sigstore_name(),
                    "validFor": window,
                },
                "logId": {"keyId": id},
            })
        };
        let authority = |chain: &[&Certificate]| {
            let chain: Vec<Value> = chain
                .iter()
                .map(|certificate| json!({"rawBytes": STANDARD.encode(certificate.der())}))
                .collect();
            json!({
                "subject": {"organization": "world", "commonName": "root"},
                "uri": "https://world.example",
                "certChain": {"certificates": chain},
                "validFor": window,
            })
        };
        let tsa: Vec<&Certificate> = self.tsa.chain().iter().collect();
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(&self.log, self.log_id())],
            "certificateAuthorities": [
                authority(&[self.intermediate.certificate(), self.ca.certificate()])
            ],
            "ctlogs": [log(&self.ct, STANDARD.encode(self.ct.public().id().bytes()))],
            "timestampAuthorities": [authority(&tsa)],
        })
    }

    pub fn root(&self) -> TrustRoot {
        root_of(&self.trusted_root())
    }

    /// A certificate for a fresh key.
    pub fn holder(&self, order: &Order) -> Holder {
        let key = key(Scheme::EcdsaP256);
        let precert = self
            .intermediate
            .precertificate(&CodeSigningProfile {
                subject: &order.who,
                extensions: &FulcioExtensions::issued_by(ISSUER),
                key: key.public(),
                validity: Validity::seconds(order.at, order.leaf_seconds).unwrap(),
            })
            .unwrap();
        let entry = PrecertEntry {
            issuer_key_hash: precert.issuer_key_hash(),
            tbs: precert.tbs_der(),
        };
        let promised = u64::try_from(order.at.as_millisecond()).unwrap();
        let sct = Sct::sign(&self.ct, &entry, promised, 7).unwrap();
        Holder {
            key,
            certificate: self.intermediate.finish(precert, &[sct]).unwrap(),
        }
    }

    /// A bundle of a signature over `artifact`.
    pub fn blob(&self, artifact: &[u8], order: &Order) -> Value {
        let holder = self.holder(order);
        let signature = holder.key.sign(artifact).unwrap();
        let material = self.material(&holder, artifact, &signature, order);
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": material,
            "messageSignature": {
                "messageDigest": {
                    "algorithm": "SHA2_256",
                    "digest": STANDARD.encode(Digest::sha256(artifact).bytes()),
                },
                "signature": STANDARD.encode(&signature),
            },
        })
    }

    /// A bundle of an envelope with `payload`.
    pub fn envelope(&self, payload: &[u8], payload_type: &str, order: &Order) -> Value {
        let holder = self.holder(order);
        let mut envelope = Envelope {
            payload: payload.to_vec(),
            payload_type: payload_type.into(),
            signatures: Vec::new(),
        };
        let signed = envelope.pre_authentication_encoding();
        let sig = holder.key.sign(&signed).unwrap();
        let material = self.material(&holder, &signed, &sig, order);
        envelope.signatures.push(EnvelopeSignature {
            sig,
            keyid: String::new(),
        });
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": material,
            "dsseEnvelope": envelope,
        })
    }

    /// A bundle of a statement about `artifact`.
    pub fn attestation(&self, artifact: &[u8], predicate_type: &str, order: &Order) -> Value {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "a", "digest": {"sha256": Digest::sha256(artifact).hex()}}],
            "predicateType": predicate_type,
            "predicate": {"n": 1},
        });
        let payload = statement.to_string();
        self.envelope(payload.as_bytes(), "application/vnd.in-toto+json", order)
    }

    fn material(&self, holder: &Holder, signed: &[u8], signature: &[u8], order: &Order) -> Value {
        let logged = order.logged.as_deref().unwrap_or(signed);
        let der = STANDARD.encode(holder.certificate.der());
        let verifier = json!({"x509Certificate": {"rawBytes": der}});
        let entry = self.entry(logged, signature, verifier);
        let stamp = self.stamp(signature, order.stamped);
        json!({
            "certificate": {"rawBytes": der},
            "tlogEntries": [entry],
            "timestampVerificationData": {
                "rfc3161Timestamps": [{"signedTimestamp": STANDARD.encode(stamp)}],
            },
        })
    }

    /// An entry of the log, the second one after a genesis entry.
    pub fn entry(&self, signed: &[u8], signature: &[u8], mut verifier: Value) -> Value {
        verifier["keyDetails"] = json!("PKIX_ECDSA_P256_SHA_256");
        let body = json!({
            "apiVersion": "0.0.2",
            "kind": "hashedrekord",
            "spec": {"hashedRekordV002": {
                "data": {
                    "algorithm": "SHA2_256",
                    "digest": STANDARD.encode(Digest::sha256(signed).bytes()),
                },
                "signature": {"content": STANDARD.encode(signature), "verifier": verifier},
            }},
        });
        self.entry_of(body.to_string().as_bytes())
    }

    /// An entry with any body.
    pub fn entry_of(&self, body: &[u8]) -> Value {
        let genesis = leaf_hash(b"genesis");
        let root = node_hash(&genesis, &leaf_hash(body));
        let checkpoint = Checkpoint {
            origin: ORIGIN.into(),
            size: 2,
            root,
        };
        let note = checkpoint.sign(&self.log).unwrap();
        json!({
            "logIndex": "1",
            "logId": {"keyId": self.log_id()},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
            "inclusionProof": {
                "logIndex": "1",
                "rootHash": STANDARD.encode(root),
                "treeSize": "2",
                "hashes": [STANDARD.encode(genesis)],
                "checkpoint": {"envelope": note.to_string()},
            },
            "canonicalizedBody": STANDARD.encode(body),
        })
    }

    /// A timestamp over a signature.
    pub fn stamp(&self, signature: &[u8], at: Timestamp) -> Vec<u8> {
        let mut query = TimestampQuery::over(Hash::Sha256, signature);
        query.certificates = true;
        self.tsa.reply(&query, at).unwrap()
    }

    fn log_id(&self) -> String {
        STANDARD.encode(note::key_id(ORIGIN, self.log.public()))
    }
}

/// A root under a name of its own.
pub fn root_of(document: &Value) -> TrustRoot {
    let bytes = serde_json::to_vec(document).unwrap();
    TrustRoot::parse(&bytes, RootId(Digest::sha256(&bytes))).unwrap()
}
