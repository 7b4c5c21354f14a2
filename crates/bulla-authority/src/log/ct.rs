//! The certificate transparency log: SCTs for certificates, static-ct-api reads.
//!
//! Only what our own intermediates signed is taken, the next one's included. The
//! reads of RFC 6962 (`get-sth`, `get-entries`) are not here: no client of ours
//! knows them, and tiles say the same. A process that does not lead the log asks
//! whoever does ([`Leader`]).

mod leader;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::header,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::limits;
use bulla_crypto::{
    Hash, PublicKey, Signer,
    merkle::leaf_hash,
    sct::{self, CtEntry, PrecertEntry, Sct},
    x509::{Certificate, Precertificate, parse_certificate},
};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::{Leaf, Log, tile_routes};
use crate::{
    error::AuthorityError,
    http::{RpcError, base64},
};

pub use leader::Leader;

/// The log with its key.
#[derive(Clone)]
pub struct CtLog {
    log: Log,
    key: Arc<dyn Signer>,
    /// Whose certificates are taken: issuer, then root.
    chains: Arc<RwLock<Vec<Arc<[Certificate]>>>>,
    /// Whom to ask where another process leads.
    leader: Arc<OnceLock<Arc<dyn Leader>>>,
}

#[derive(Deserialize)]
struct AddChain {
    chain: Vec<String>,
}

#[derive(Serialize)]
struct AddChainAnswer {
    sct_version: u8,
    id: String,
    timestamp: u64,
    extensions: String,
    signature: String,
}

impl CtLog {
    /// Serves `log` for certificates of the first certificate of `chain`.
    pub fn new(log: Log, key: Arc<dyn Signer>, chain: Arc<[Certificate]>) -> Self {
        Self {
            log,
            key,
            chains: Arc::new(RwLock::new(vec![chain])),
            leader: Arc::default(),
        }
    }

    /// Also takes certificates of the first certificate of `chain`: of the next
    /// intermediate, before its first certificate is issued.
    pub fn accept(&self, chain: Arc<[Certificate]>) {
        let mut chains = self.chains.write().unwrap_or_else(PoisonError::into_inner);
        if !chains.contains(&chain) {
            chains.push(chain);
        }
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    fn chains(&self) -> Vec<Arc<[Certificate]>> {
        let chains = self.chains.read().unwrap_or_else(PoisonError::into_inner);
        chains.clone()
    }

    /// Logs a precertificate of our own intermediate in this process, which leads;
    /// the answer comes when it is in the tree. The same precertificate gets the
    /// same promise again.
    ///
    /// # Errors
    /// If the log cannot take it.
    pub async fn promise_here(&self, precert: &Precertificate) -> Result<Sct, AuthorityError> {
        let hash = precert.issuer_key_hash();
        let issued_by = |chain: &Arc<[Certificate]>| {
            let issuer = chain.first().and_then(|issuer| issuer.spki_der().ok());
            issuer.is_some_and(|spki| sha256(&spki) == hash)
        };
        let chain = self.chains().into_iter().find(issued_by);
        let submission = Submission {
            entry: Submitted::Precertificate {
                issuer_key_hash: hash,
                tbs: precert.tbs_der().to_vec(),
                poisoned: precert.certificate().der().to_vec(),
            },
            chain: chain.unwrap_or_else(|| Arc::new([])),
        };
        self.add(leaf_hash(precert.tbs_der()), submission).await
    }

    async fn add(&self, identity: [u8; 32], submitted: Submission) -> Result<Sct, AuthorityError> {
        let submitted = Arc::new(submitted);
        let logged = submitted.clone();
        let entry = self.log.add(identity, move |index, now_ms| {
            let fingerprints: Vec<[u8; 32]> = logged.chain.iter().map(fingerprint).collect();
            let (entry, poisoned) = (logged.entry.entry(), logged.entry.poisoned());
            Ok(Leaf {
                merkle: sct::merkle_leaf(entry, now_ms, index)?,
                stored: sct::tile_leaf(entry, now_ms, index, poisoned, &fingerprints)?,
            })
        });
        let entry = entry.await?;
        let timestamp = entry.stored.first_chunk();
        let timestamp = timestamp.ok_or_else(|| AuthorityError::Damaged {
            what: "ct log".into(),
        })?;
        let (promised, time) = (submitted.entry.entry(), u64::from_be_bytes(*timestamp));
        Ok(Sct::sign(&self.key, promised, time, entry.index)?)
    }

    /// Logs what somebody submitted: a certificate of ours, with poison or without.
    async fn add_chain(&self, request: &[u8], poison: bool) -> Result<AddChainAnswer, RpcError> {
        let certificate = parse_chain(request)?;
        let mut chains = self.chains().into_iter();
        let issued_by = |chain: &Arc<[Certificate]>| {
            let issuer = chain.first();
            issuer.is_some_and(|issuer| check_issued(&certificate, issuer).is_some())
        };
        let chain = chains.find(issued_by).ok_or_else(not_ours)?;
        let issuer = chain.first().ok_or_else(not_ours)?;
        let precert = Precertificate::from_submission(certificate.clone(), issuer);
        let logged = match (poison, precert) {
            (true, Ok(precert)) => self.submit_precert(&precert, chain).await,
            (false, Err(_)) => {
                let der = certificate.der().to_vec();
                let identity = leaf_hash(&[b"certificate\0", der.as_slice()].concat());
                let entry = Submitted::Certificate(der);
                self.add(identity, Submission { entry, chain }).await
            }
            _ => return Err(not_ours()),
        };
        let sct = logged.map_err(|error| RpcError::of(&error, "not logged"))?;
        let failed = |error: &dyn std::error::Error| RpcError::internal("not logged", error);
        let encoded = sct.encode().map_err(|error| failed(&error))?;
        // DigitallySigned: the two bytes of the algorithm, the length, the signature.
        let signed = encoded.len().saturating_sub(sct.signature.len() + 4);
        Ok(AddChainAnswer {
            sct_version: 0,
            id: STANDARD.encode(sct.log_id),
            timestamp: sct.timestamp_ms,
            extensions: STANDARD.encode(&sct.extensions),
            signature: STANDARD.encode(encoded.get(signed..).unwrap_or_default()),
        })
    }

    /// A precertificate that another process of this authority issued.
    ///
    /// # Errors
    /// [`RpcError`] if it is none, or none that we know the issuer of.
    pub fn issued_elsewhere(&self, der: &[u8]) -> Result<Precertificate, RpcError> {
        let certificate = parse_certificate(der).map_err(|_| not_ours())?;
        let chains = self.chains();
        let mut issuers = chains.iter().filter_map(|chain| chain.first());
        let issuer = issuers
            .find(|issuer| check_issued(&certificate, issuer).is_some())
            .ok_or_else(not_ours)?;
        Precertificate::from_submission(certificate, issuer).map_err(|_| not_ours())
    }

    /// What our authority logged itself gets its promise again. What comes from
    /// outside is logged under another identity: that is how the monitor knows
    /// certificates that this authority did not issue.
    async fn submit_precert(
        &self,
        precert: &Precertificate,
        chain: Arc<[Certificate]>,
    ) -> Result<Sct, AuthorityError> {
        let own = leaf_hash(precert.tbs_der());
        if self.log.find(own).await?.is_some() {
            return self.promise_here(precert).await;
        }
        let poisoned = precert.certificate().der().to_vec();
        let identity = leaf_hash(&[b"submitted\0", poisoned.as_slice()].concat());
        let entry = Submitted::Precertificate {
            issuer_key_hash: precert.issuer_key_hash(),
            tbs: precert.tbs_der().to_vec(),
            poisoned,
        };
        self.add(identity, Submission { entry, chain }).await
    }

    /// `/ct/v1/…` and `/ct/static/…`
    pub fn router(self) -> Router {
        let tiles = tile_routes::router(self.log.clone(), "data");
        Router::new()
            .route("/ct/v1/add-chain", post(add_chain))
            .route("/ct/v1/add-pre-chain", post(add_pre_chain))
            .route("/ct/v1/get-roots", get(roots))
            .route("/ct/static/issuer/{fingerprint}", get(issuer))
            .with_state(self)
            .nest("/ct/static", tiles)
    }
}

/// What is to be logged, and who issued it.
struct Submission {
    entry: Submitted,
    chain: Arc<[Certificate]>,
}

enum Submitted {
    Certificate(Vec<u8>),
    Precertificate {
        issuer_key_hash: [u8; 32],
        tbs: Vec<u8>,
        poisoned: Vec<u8>,
    },
}

impl Submitted {
    fn entry(&self) -> CtEntry<'_> {
        match self {
            Self::Certificate(der) => CtEntry::Certificate(der),
            Self::Precertificate {
                issuer_key_hash,
                tbs,
                ..
            } => CtEntry::Precertificate(PrecertEntry {
                issuer_key_hash: *issuer_key_hash,
                tbs,
            }),
        }
    }

    fn poisoned(&self) -> &[u8] {
        match self {
            Self::Certificate(_) => &[],
            Self::Precertificate { poisoned, .. } => poisoned,
        }
    }
}

fn not_ours() -> RpcError {
    let reason = "the chain is not a certificate of this authority";
    tracing::info!(target: "audit", event = "ct.chain.refused", reason);
    RpcError::invalid(reason)
}

/// The first certificate of an `add-chain` or `add-pre-chain` request.
///
/// # Errors
/// [`RpcError`] if there is none.
pub fn parse_chain(request: &[u8]) -> Result<Certificate, RpcError> {
    let request = limits::parse_json::<AddChain>(request, limits::REQUEST_BYTES, "chain");
    let request = request.map_err(|_| not_ours())?;
    let first = request.chain.first().and_then(|text| base64(text));
    parse_certificate(&first.ok_or_else(not_ours)?).map_err(|_| not_ours())
}

/// Whether `certificate` carries the signature of `issuer`.
fn check_issued(certificate: &Certificate, issuer: &Certificate) -> Option<()> {
    let key = PublicKey::from_spki_der(&issuer.spki_der().ok()?).ok()?;
    let parsed = certificate.parsed();
    let tbs = der::Encode::to_der(&parsed.tbs_certificate).ok()?;
    key.verify(&tbs, parsed.signature.as_bytes()?).ok()
}

fn fingerprint(certificate: &Certificate) -> [u8; 32] {
    sha256(certificate.der())
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Hash::Sha256.digest(bytes).try_into().unwrap_or_default()
}

async fn add_chain(State(ct): State<CtLog>, body: Bytes) -> Result<Response, RpcError> {
    Ok(Json(ct.add_chain(&body, false).await?).into_response())
}

async fn add_pre_chain(State(ct): State<CtLog>, body: Bytes) -> Result<Response, RpcError> {
    Ok(Json(ct.add_chain(&body, true).await?).into_response())
}

async fn roots(State(ct): State<CtLog>) -> Response {
    let chains = ct.chains();
    let roots = chains.iter().filter_map(|chain| chain.last());
    let mut roots: Vec<String> = roots.map(|root| STANDARD.encode(root.der())).collect();
    roots.sort_unstable();
    roots.dedup();
    Json(serde_json::json!({"certificates": roots})).into_response()
}

async fn issuer(State(ct): State<CtLog>, Path(wanted): Path<String>) -> Result<Response, RpcError> {
    let chains = ct.chains();
    let mut certificates = chains.iter().flat_map(|chain| chain.iter());
    let found = certificates.find(|certificate| hex::encode(fingerprint(certificate)) == wanted);
    let certificate = found.ok_or_else(RpcError::not_found)?;
    let headers = [(header::CONTENT_TYPE, "application/pkix-cert")];
    Ok((headers, certificate.der().to_vec()).into_response())
}
