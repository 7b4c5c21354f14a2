//! Fulcio's paths: API v2, and the two of v1 that older clients use.

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bulla_crypto::x509::{Certificate, to_pem_chain};
use serde_json::{Value, json};
use std::sync::Arc;

use super::{
    CaRefusal, CertificateAuthority, SigningRequest, audit, issuer::Listed, parse_legacy_request,
    parse_signing_request,
};
use crate::http::RpcError;

type Ca = State<Arc<CertificateAuthority>>;

/// All routes of the authority.
pub fn router(ca: Arc<CertificateAuthority>) -> Router {
    Router::new()
        .route("/api/v2/signingCert", post(signing_cert))
        .route("/api/v2/trustBundle", get(trust_bundle))
        .route("/api/v2/configuration", get(configuration))
        .route("/api/v1/signingCert", post(legacy_signing_cert))
        .route("/api/v1/rootCert", get(root_cert))
        .with_state(ca)
}

async fn signing_cert(
    State(ca): Ca,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, CaRefusal> {
    let chain = issue(&ca, parse_signing_request(bearer(&headers), &body)).await?;
    let certificates: Vec<String> = chain.iter().map(Certificate::to_pem).collect();
    Ok(Json(
        json!({"signedCertificateEmbeddedSct": {"chain": {"certificates": certificates}}}),
    ))
}

async fn legacy_signing_cert(
    State(ca): Ca,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, CaRefusal> {
    let chain = issue(&ca, parse_legacy_request(bearer(&headers), &body)).await?;
    let headers = [(header::CONTENT_TYPE, "application/pem-certificate-chain")];
    Ok((StatusCode::CREATED, headers, to_pem_chain(&chain)).into_response())
}

/// Whatever cannot even be read leaves an audit line too.
async fn issue(
    ca: &CertificateAuthority,
    request: Result<SigningRequest, CaRefusal>,
) -> Result<Vec<Certificate>, CaRefusal> {
    let request = request.inspect_err(|refusal| audit::refused(None, refusal, None))?;
    ca.issue(request).await
}

async fn trust_bundle(State(ca): Ca) -> Json<Value> {
    let pem = |chain: &Arc<[Certificate]>| -> Value {
        let certificates: Vec<String> = chain.iter().map(Certificate::to_pem).collect();
        json!({"certificates": certificates})
    };
    let chains: Vec<Value> = ca.chains().iter().map(pem).collect();
    Json(json!({"chains": chains}))
}

async fn configuration(State(ca): Ca) -> Json<Value> {
    let issuers = ca.issuers.iter().map(|(listed, issuer)| {
        let (key, url) = match listed {
            Listed::Url(url) => ("issuerUrl", url),
            Listed::Pattern(pattern) => ("wildcardIssuerUrl", pattern),
        };
        json!({
            key: url,
            "audience": issuer.trust.audience,
            "challengeClaim": issuer.challenge_claim,
            "spiffeTrustDomain": issuer.trust_domain,
            "issuerType": issuer.type_name,
            "subjectDomain": issuer.subject_domain,
            "skipEmailVerification": issuer.skips_email_verification,
        })
    });
    Json(json!({"issuers": issuers.collect::<Vec<_>>()}))
}

async fn root_cert(State(ca): Ca) -> Result<Response, CaRefusal> {
    let headers = [(header::CONTENT_TYPE, "application/pem-certificate-chain")];
    let chain = ca.chain().map_err(|_| CaRefusal::Internal)?;
    Ok((headers, to_pem_chain(chain.iter())).into_response())
}

/// The token of an `Authorization: Bearer` header; the scheme's case does not matter.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl IntoResponse for CaRefusal {
    fn into_response(self) -> Response {
        if matches!(self, Self::Internal | Self::Log) {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            let body = json!({"code": 13, "message": self.to_string(), "details": []});
            return (status, Json(body)).into_response();
        }
        match self {
            Self::Revoked { .. } => RpcError::permission(self.to_string()),
            _ => RpcError::invalid(self.to_string()),
        }
        .into_response()
    }
}
