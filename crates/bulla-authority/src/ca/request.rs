//! What clients post to `signingCert`: three forms of the same request.
//!
//! cosign sends a key with a signature over the challenge, sigstore-python a
//! PKCS #10 request, sigstore-js the token inside the body. Unknown fields are
//! dropped, as Fulcio's gateway drops them: none can widen what is issued. Keys
//! are ECDSA P-256, P-384 or P-521, Ed25519, or RSA of 2048, 3072 or 4096 bits
//! without known weakness.

use bulla_core::{Code, Diagnose, limits};
use bulla_crypto::{
    KeyError, PublicKey,
    x509::{CertificateRequest, X509Error, parse_csr_pem},
};
use jiff::Timestamp;
use serde::Deserialize;

use crate::http::base64;

/// A request whose token and proof have not been checked.
#[derive(Debug)]
pub struct SigningRequest {
    /// The ID token.
    pub token: String,
    /// Who holds which key.
    pub proof: Proof,
}

/// The proof of possession, in one of two forms.
#[derive(Debug)]
pub enum Proof {
    /// A signature over the challenge claim of the token.
    Challenge {
        /// The key.
        key: PublicKey,
        /// The signature.
        signature: Vec<u8>,
    },
    /// A PKCS #10 request, signed by its key.
    Request(CertificateRequest),
}

impl Proof {
    /// Checks it and hands out the key.
    ///
    /// # Errors
    /// [`CaRefusal::Insecure`] or [`CaRefusal::Possession`].
    pub fn verify(self, challenge: &str) -> Result<PublicKey, CaRefusal> {
        let key = match &self {
            Self::Request(request) => request.key(),
            Self::Challenge { key, .. } => key,
        };
        if key.weakness().is_some() {
            return Err(CaRefusal::Insecure);
        }
        match self {
            Self::Request(request) => request.verify().map_err(|_| CaRefusal::Possession),
            Self::Challenge { key, signature } => {
                let hash = key.scheme().hash();
                let verified = key.verify_with(hash, challenge.as_bytes(), &signature);
                verified.map_err(|_: KeyError| CaRefusal::Possession)?;
                Ok(key)
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    credentials: Option<Credentials>,
    #[serde(default, alias = "public_key_request")]
    public_key_request: Option<PublicKeyRequest>,
    #[serde(default, alias = "certificate_signing_request")]
    certificate_signing_request: Option<String>,
}

#[derive(Deserialize)]
struct Credentials {
    #[serde(default, rename = "oidcIdentityToken", alias = "oidc_identity_token")]
    token: String,
}

#[derive(Deserialize)]
struct PublicKeyRequest {
    #[serde(rename = "publicKey", alias = "public_key")]
    public_key: PublicKeyPem,
    #[serde(rename = "proofOfPossession", alias = "proof_of_possession")]
    proof: String,
}

#[derive(Deserialize)]
struct PublicKeyPem {
    content: String,
}

/// Reads a request. `bearer` is the token of the `Authorization` header, if any.
///
/// # Errors
/// [`CaRefusal`] for a malformed body, key or request, or no token at all.
pub fn parse_signing_request(
    bearer: Option<&str>,
    json: &[u8],
) -> Result<SigningRequest, CaRefusal> {
    let body: Body = limits::parse_json(json, limits::REQUEST_BYTES, "signing request")
        .map_err(|_| CaRefusal::Body)?;
    let in_body = body.credentials.map(|credentials| credentials.token);
    let token = bearer
        .map(str::to_owned)
        .or(in_body)
        .filter(|token| !token.is_empty() && token.len() as u64 <= limits::TOKEN_BYTES)
        .ok_or(CaRefusal::Token)?;
    let proof = match (body.public_key_request, body.certificate_signing_request) {
        (Some(request), None) => Proof::Challenge {
            key: public_key(&request.public_key.content)?,
            signature: base64(&request.proof).ok_or(CaRefusal::Possession)?,
        },
        (None, Some(request)) => certificate_request(&request)?,
        _ => return Err(CaRefusal::PublicKey),
    };
    Ok(SigningRequest { token, proof })
}

/// Reads a key in PEM. One of a length or curve that is not certified is
/// insecure, in Fulcio's words; anything else that is no key is not parsed.
fn public_key(pem: &str) -> Result<PublicKey, CaRefusal> {
    PublicKey::from_pem(pem).map_err(|_| match PublicKey::is_of_known_kind(pem) {
        true => CaRefusal::Insecure,
        false => CaRefusal::PublicKey,
    })
}

fn certificate_request(text: &str) -> Result<Proof, CaRefusal> {
    let pem = base64(text).ok_or(CaRefusal::Request)?;
    let request = parse_csr_pem(&pem).map_err(|error| match error {
        X509Error::Key(_) => CaRefusal::Insecure,
        _ => CaRefusal::Request,
    });
    request.map(Proof::Request)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LegacyBody {
    #[serde(default)]
    public_key: Option<PublicKeyPem>,
    #[serde(default)]
    signed_email_address: Option<String>,
    #[serde(default)]
    certificate_signing_request: Option<String>,
}

/// Reads a request of API v1, where the key is base64 of PEM and the token
/// always in the header.
///
/// # Errors
/// As [`parse_signing_request`].
pub fn parse_legacy_request(
    bearer: Option<&str>,
    json: &[u8],
) -> Result<SigningRequest, CaRefusal> {
    let body: LegacyBody = limits::parse_json(json, limits::REQUEST_BYTES, "signing request")
        .map_err(|_| CaRefusal::Body)?;
    let fits = |token: &&str| !token.is_empty() && token.len() as u64 <= limits::TOKEN_BYTES;
    let token = bearer.filter(fits).ok_or(CaRefusal::Token)?.to_owned();
    if let Some(request) = body
        .certificate_signing_request
        .filter(|text| !text.is_empty())
    {
        let proof = certificate_request(&request)?;
        return Ok(SigningRequest { token, proof });
    }
    let key = body.public_key.ok_or(CaRefusal::PublicKey)?;
    let pem = base64(&key.content).and_then(|pem| String::from_utf8(pem).ok());
    let key = public_key(&pem.ok_or(CaRefusal::PublicKey)?)?;
    let signature = body.signed_email_address.as_deref().and_then(base64);
    let signature = signature.ok_or(CaRefusal::Possession)?;
    Ok(SigningRequest {
        token,
        proof: Proof::Challenge { key, signature },
    })
}

/// Why no certificate is issued, in the words of Fulcio (`pkg/server/error.go`).
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaRefusal {
    /// Not a request at all.
    #[error("the request is not a signing request in JSON")]
    Body,
    /// The token is valid, and does not say what the certificate must.
    #[error("{0}")]
    Claims(String),
    /// A key that nobody should use.
    #[error("The public key supplied in the request is insecure")]
    Insecure,
    /// Our own fault.
    #[error("error communicating with CA backend")]
    Internal,
    /// The transparency log does not promise.
    #[error("Error entering certificate in CTL")]
    Log,
    /// The proof of possession is wrong.
    #[error("The signature supplied in the request could not be verified")]
    Possession,
    /// The key cannot be read, or is of a kind that is not certified.
    #[error("The public key supplied in the request could not be parsed")]
    PublicKey,
    /// The PKCS #10 request cannot be read.
    #[error("The certificate signing request could not be parsed")]
    Request,
    /// The instance's own list revokes the signer, or the key.
    #[error("{what} is revoked from {from} on: {reason}")]
    Revoked {
        /// Whom or what.
        what: String,
        /// From when on.
        from: Timestamp,
        /// Why.
        reason: String,
    },
    /// The token is missing, malformed, expired, or of another issuer.
    #[error("There was an error processing the identity token")]
    Token,
}

impl Diagnose for CaRefusal {
    fn code(&self) -> Code {
        match self {
            Self::Body => Code("AUTH-0020"),
            Self::Internal => Code("AUTH-0021"),
            Self::Possession => Code("AUTH-0022"),
            Self::PublicKey => Code("AUTH-0023"),
            Self::Request => Code("AUTH-0024"),
            Self::Token => Code("AUTH-0025"),
            Self::Claims(_) => Code("AUTH-0421"),
            Self::Insecure => Code("AUTH-0422"),
            Self::Log => Code("AUTH-0423"),
            Self::Revoked { .. } => Code("AUTH-0426"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Revoked { .. } => Some(
                "if that is a mistake, whoever runs the instance takes it back: bulla revoke withdraw"
                    .into(),
            ),
            Self::Token => Some("get a token with `bulla token --email EMAIL`".into()),
            Self::Insecure => Some(
                "use ECDSA P-256, P-384 or P-521, Ed25519, or RSA with 2048, 3072 or 4096 bits"
                    .into(),
            ),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
