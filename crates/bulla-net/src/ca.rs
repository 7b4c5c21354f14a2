//! Client of a certificate authority: `POST /api/v2/signingCert` of Fulcio.
//!
//! The form that cosign 3 sends: token as bearer, public key as PEM, and as
//! proof of possession a signature over the token's challenge. A certificate
//! must carry its SCT (a detached one is refused), and must be for our key.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::limits;
use bulla_crypto::{Scheme, Signer};
use bulla_trust::jwt::UnverifiedToken;
use der::{Decode, Encode};
use http::StatusCode;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde::{Deserialize, Serialize};
use spki::SubjectPublicKeyInfoOwned;

use crate::{
    http::{HttpClient, Request},
    oidc::Token,
    service::{self, ServiceError},
};

const PATH: &str = "/api/v2/signingCert";
const SERVICE: &str = "certificate authority";
/// Certificates in one answer.
const CHAIN: usize = 10;

/// What the authority gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// The signing certificate, DER.
    pub leaf: Vec<u8>,
    /// Its issuers up to the root, DER.
    pub issuers: Vec<Vec<u8>>,
}

/// Asks `base` to certify `key` for the holder of `token`.
///
/// # Errors
/// [`ServiceError`] if the token is unreadable, the authority refuses, or its
/// answer is not a certificate with embedded SCT for this key.
pub async fn certify(
    http: &HttpClient,
    base: &str,
    token: &Token,
    key: &dyn Signer,
) -> Result<IssuedCertificate, ServiceError> {
    let url = service::address(base, PATH)?;
    let claimed = UnverifiedToken::parse(token.reveal().as_bytes())?;
    let proof = key.sign(claimed.claims().challenge().as_bytes())?;
    let body = SigningRequest {
        public_key_request: PublicKeyRequest {
            public_key: KeyText {
                algorithm: algorithm(key.scheme()),
                content: key.public().to_pem(),
            },
            proof_of_possession: STANDARD.encode(proof),
        },
    };
    let bad = |detail: String| ServiceError::Answer {
        service: SERVICE,
        url: base.to_owned(),
        detail,
    };
    let body = serde_json::to_vec(&body).map_err(|error| bad(error.to_string()))?;
    let bearer = format!("Bearer {}", token.reveal());
    let request = Request::post(url, crate::Body::empty())
        .content_type("application/json")
        .accept("application/json")
        .authorization(&bearer)?;
    let answer = service::post(http, request, body, StatusCode::OK).await?;
    let issued = parse_answer(&answer).map_err(|error| match error {
        AnswerError::Limit(source) => ServiceError::Limit {
            service: SERVICE,
            url: base.to_owned(),
            source,
        },
        AnswerError::Form(detail) => bad(detail.into()),
    })?;
    if spki_of(&issued.leaf).as_deref() != Some(key.public().spki_der()) {
        return Err(bad("the certificate is for another key".into()));
    }
    Ok(issued)
}

/// The name of a kind of key in Fulcio's protocol. RSA has but the one, however
/// its signatures are padded.
fn algorithm(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Ed25519 | Scheme::Ed25519ph => "ED25519",
        scheme if scheme.is_rsa() => "RSA_PSS",
        _ => "ECDSA",
    }
}

/// Why an answer is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Readable, but not what was agreed.
    #[error("{0}")]
    Form(&'static str),
    /// Too large, too deep, or not JSON.
    #[error(transparent)]
    Limit(#[from] limits::LimitError),
}

/// Reads the authority's JSON answer.
///
/// # Errors
/// [`AnswerError`] unless it is a chain with embedded SCT.
pub fn parse_answer(json: &[u8]) -> Result<IssuedCertificate, AnswerError> {
    let answer: Answer =
        limits::parse_json(json, limits::SERVICE_ANSWER_BYTES, "certificate answer")?;
    let Some(signed) = answer.signed_certificate_embedded_sct else {
        return Err(AnswerError::Form("no certificate with embedded SCT"));
    };
    let texts = signed.chain.certificates;
    if texts.len() > CHAIN {
        return Err(AnswerError::Form("more certificates than any chain has"));
    }
    let mut chain = Vec::with_capacity(texts.len());
    for text in &texts {
        let der = CertificateDer::from_pem_slice(text.as_bytes())
            .map_err(|_| AnswerError::Form("a certificate that is not PEM"))?;
        chain.push(der.to_vec());
    }
    if chain.is_empty() {
        return Err(AnswerError::Form("an empty chain"));
    }
    let leaf = chain.remove(0);
    Ok(IssuedCertificate {
        leaf,
        issuers: chain,
    })
}

fn spki_of(der: &[u8]) -> Option<Vec<u8>> {
    let certificate = x509_cert::Certificate::from_der(der).ok()?;
    let spki: SubjectPublicKeyInfoOwned = certificate.tbs_certificate.subject_public_key_info;
    spki.to_der().ok()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SigningRequest {
    public_key_request: PublicKeyRequest,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PublicKeyRequest {
    public_key: KeyText,
    proof_of_possession: String,
}

#[derive(Serialize)]
struct KeyText {
    algorithm: &'static str,
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    signed_certificate_embedded_sct: Option<Signed>,
}

#[derive(Deserialize)]
struct Signed {
    chain: Chain,
}

#[derive(Deserialize)]
struct Chain {
    certificates: Vec<String>,
}
