//! Sealing a list in the instance's own process: the revoker's token, a
//! certificate for a key that lives for this list only, timestamp, log entry.
//!
//! The same steps that any client takes, by the same doors, without HTTP: an
//! instance behind a proxy need not reach its own address.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Statement, limits};
use bulla_crypto::{Scheme, SigningKey, timestamp::parse_timestamp_query};
use bulla_trust::{dsse, sigstore::make};
use jiff::Timestamp;
use serde_json::json;
use std::sync::Arc;

use crate::{
    ca::{
        CertificateAuthority,
        request::{Proof, SigningRequest},
    },
    http::RpcError,
    log::rekor_v2::RekorV2,
    oidc::Service,
    tsa::Tsa,
};

/// What seals.
pub struct Seals {
    /// Issues the certificate.
    pub ca: Arc<CertificateAuthority>,
    /// Logs the signature.
    pub log: RekorV2,
    /// Says when.
    pub tsa: Arc<Tsa>,
}

impl Seals {
    /// A bundle of `statement` by the instance's revoker.
    ///
    /// # Errors
    /// [`RpcError`] if one of the services refuses.
    pub(super) async fn seal(
        &self,
        statement: &Statement,
        now: Timestamp,
    ) -> Result<Vec<u8>, RpcError> {
        let failed = |error: &dyn std::error::Error| {
            RpcError::internal("the list of revocations was not sealed", error)
        };
        let issuer = &self.ca.service;
        let token = issuer.mint_service(Service::Revoker, now);
        let token = token.map_err(|error| failed(&error))?;
        let key = SigningKey::generate(Scheme::EcdsaP256).map_err(|error| failed(&error))?;
        let subject = issuer.service_subject(Service::Revoker);
        let signature = key
            .sign(subject.as_bytes())
            .map_err(|error| failed(&error))?;
        let request = SigningRequest {
            token,
            proof: Proof::Challenge {
                key: key.public().clone(),
                signature,
            },
        };
        let chain = self
            .ca
            .issue(request)
            .await
            .map_err(|error| failed(&error))?;
        let leaf = chain.first().ok_or_else(RpcError::not_found)?.der();

        let envelope = dsse::sign_statement(statement, &key).map_err(|error| failed(&error))?;
        let signature = dsse::signature(&envelope).map_err(|error| failed(&error))?;
        let query = parse_timestamp_query(&bulla_net::tsa::query(&signature.sig));
        let timestamp = self.tsa.stamp(query).map_err(|error| failed(&error))?;
        let signed = envelope.pre_authentication_encoding();
        let digest = key.scheme().hash().digest(&signed);
        let entry = json!({"hashedRekordRequestV002": {
            "digest": STANDARD.encode(digest),
            "signature": {
                "content": STANDARD.encode(&signature.sig),
                "verifier": {
                    "x509Certificate": {"rawBytes": STANDARD.encode(leaf)},
                    "keyDetails": key.scheme().sigstore_name(),
                },
            },
        }});
        let entry = self.log.create_entry(entry.to_string().as_bytes()).await?;
        let entry = entry.to_string();
        debug_assert!(entry.len() as u64 <= limits::SERVICE_ANSWER_BYTES);
        let material = make::Material {
            signer: make::Signer::Certificate(leaf),
            log_entries: vec![entry.as_bytes()],
            timestamps: vec![&timestamp],
        };
        make::envelope_bundle(&envelope, &material).map_err(|error| failed(&error))
    }
}
