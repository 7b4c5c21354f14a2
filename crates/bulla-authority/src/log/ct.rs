//! The certificate transparency log: SCTs for precertificates, static-ct-api
//! reads. Only our own intermediate's precertificates are taken.

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
    sct::{self, PrecertEntry, Sct},
    x509::{Certificate, Precertificate, parse_certificate},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::{Leaf, Log, tile_routes};
use crate::{
    error::AuthorityError,
    http::{RpcError, base64},
};

/// The log with its key.
#[derive(Clone)]
pub struct CtLog {
    log: Log,
    key: Arc<dyn Signer>,
    chain: Arc<[Certificate]>,
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
    /// Serves `log` for precertificates of the first certificate of `chain`.
    pub fn new(log: Log, key: Arc<dyn Signer>, chain: Arc<[Certificate]>) -> Self {
        Self { log, key, chain }
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Logs a precertificate of our own intermediate; the answer comes when it
    /// is in the tree. The same precertificate gets the same promise again.
    ///
    /// # Errors
    /// If the log cannot take it.
    pub async fn promise(&self, precert: &Precertificate) -> Result<Sct, AuthorityError> {
        let identity = leaf_hash(precert.tbs_der());
        let issuer_key_hash = precert.issuer_key_hash();
        let tbs = precert.tbs_der().to_vec();
        let poisoned = precert.certificate().der().to_vec();
        let fingerprints: Vec<[u8; 32]> = self.chain.iter().map(fingerprint).collect();
        let entry = self
            .log
            .add(identity, move |index, now_ms| {
                let entry = PrecertEntry {
                    issuer_key_hash,
                    tbs: &tbs,
                };
                Ok(Leaf {
                    merkle: sct::merkle_leaf(&entry, now_ms, index)?,
                    stored: sct::tile_leaf(&entry, now_ms, index, &poisoned, &fingerprints)?,
                })
            })
            .await?;
        let damaged = || AuthorityError::Damaged {
            what: "ct log".into(),
        };
        let timestamp = entry.stored.first_chunk().ok_or_else(damaged)?;
        let signed = PrecertEntry {
            issuer_key_hash,
            tbs: precert.tbs_der(),
        };
        Ok(Sct::sign(
            &self.key,
            &signed,
            u64::from_be_bytes(*timestamp),
            entry.index,
        )?)
    }

    async fn add_pre_chain(&self, request: &[u8]) -> Result<AddChainAnswer, RpcError> {
        let invalid = || RpcError::invalid("the chain is not a precertificate of this authority");
        let request: AddChain =
            limits::parse_json(request, limits::REQUEST_BYTES, "chain").map_err(|_| invalid())?;
        let first = request
            .chain
            .first()
            .and_then(|text| base64(text))
            .ok_or_else(invalid)?;
        let precert = parse_certificate(&first).map_err(|_| invalid())?;
        let issuer = self.chain.first().ok_or_else(invalid)?;
        check_issued(&precert, issuer).ok_or_else(invalid)?;
        let precert = Precertificate::from_submission(precert, issuer).map_err(|_| invalid())?;
        let failed = |error: &dyn std::error::Error| RpcError::internal("not logged", error);
        let sct = self
            .promise(&precert)
            .await
            .map_err(|error| failed(&error))?;
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

    /// `/ct/v1/…` and `/ct/static/…`
    pub fn router(self) -> Router {
        let tiles = tile_routes::router(self.log.clone(), "data");
        Router::new()
            .route("/ct/v1/add-pre-chain", post(add_pre_chain))
            .route("/ct/v1/get-roots", get(roots))
            .route("/ct/static/issuer/{fingerprint}", get(issuer))
            .with_state(self)
            .nest("/ct/static", tiles)
    }
}

/// Whether `certificate` carries the signature of `issuer`.
fn check_issued(certificate: &Certificate, issuer: &Certificate) -> Option<()> {
    let key = PublicKey::from_spki_der(&issuer.spki_der().ok()?).ok()?;
    let parsed = certificate.parsed();
    let tbs = der::Encode::to_der(&parsed.tbs_certificate).ok()?;
    key.verify(&tbs, parsed.signature.as_bytes()?).ok()
}

fn fingerprint(certificate: &Certificate) -> [u8; 32] {
    Hash::Sha256
        .digest(certificate.der())
        .try_into()
        .unwrap_or_default()
}

async fn add_pre_chain(State(ct): State<CtLog>, body: Bytes) -> Result<Response, RpcError> {
    Ok(Json(ct.add_pre_chain(&body).await?).into_response())
}

async fn roots(State(ct): State<CtLog>) -> Response {
    let root = ct.chain.last().map(|root| STANDARD.encode(root.der()));
    Json(serde_json::json!({"certificates": root.as_slice()})).into_response()
}

async fn issuer(State(ct): State<CtLog>, Path(wanted): Path<String>) -> Result<Response, RpcError> {
    let mut chain = ct.chain.iter();
    let found = chain.find(|certificate| hex::encode(fingerprint(certificate)) == wanted);
    let certificate = found.ok_or_else(RpcError::not_found)?;
    let headers = [(header::CONTENT_TYPE, "application/pkix-cert")];
    Ok((headers, certificate.der().to_vec()).into_response())
}
