//! A real authority on loopback, alive as long as the test.

use bulla_authority::{Authority, AuthorityConfig};
use bulla_core::{Clock, Digest, Statement, Subject, SystemClock, statement::predicate_type};
use bulla_net::{HttpClient, SealError, Sealed, Token, seal_blob, seal_statement, token};
use bulla_trust::{
    IdentityExpectation, Rejection, TrustRoot,
    root::{LogChoice, SigningConfig, SigningServices},
    sigstore::verify_attestation,
};
use serde_json::{Value, json};
use std::{path::PathBuf, sync::Arc};
use tempfile::TempDir;

pub(crate) const EMAIL: &str = "dana@example.com";

/// An authority with its socket, alive as long as the test.
pub(crate) struct Local {
    dir: TempDir,
    pub(crate) authority: Authority,
    pub(crate) root: Arc<TrustRoot>,
    pub(crate) services: SigningServices,
    pub(crate) http: HttpClient,
}

impl Local {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = AuthorityConfig::loopback(listener.local_addr().unwrap().port());
        let store = bulla_store::Store::open(dir.path()).await.unwrap();
        let authority = Authority::open(&store, config, Arc::new(SystemClock))
            .await
            .unwrap();
        let router = authority.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let socket = dir.path().join("token.sock");
        tokio::spawn(authority.token_socket(&socket).unwrap());
        let root = authority.trusted_root().to_string();
        let root = TrustRoot::parse(root.as_bytes(), authority.root_id()).unwrap();
        let root = Arc::new(root);
        let config = authority.signing_config().to_string();
        let services = SigningConfig::parse(config.as_bytes())
            .unwrap()
            .services(SystemClock.now(), LogChoice::Newest)
            .unwrap();
        Self {
            dir,
            authority,
            root,
            services,
            http: HttpClient::loopback(),
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("token.sock")
    }

    pub(crate) async fn person(&self) -> Token {
        token::person(&self.socket(), EMAIL, "sigstore")
            .await
            .unwrap()
    }

    pub(crate) async fn attest(&self, token: &Token, artifact: &[u8]) -> Result<Sealed, SealError> {
        let statement = statement(artifact);
        seal_statement(
            &self.http,
            &self.services,
            token,
            &statement,
            &self.root,
            &clock(),
        )
        .await
    }

    pub(crate) async fn sign(&self, artifact: &[u8]) -> Sealed {
        let token = self.person().await;
        seal_blob(
            &self.http,
            &self.services,
            &token,
            artifact,
            &self.root,
            &clock(),
        )
        .await
        .unwrap()
    }

    pub(crate) fn verify(&self, bundle: &[u8], artifact: &[u8]) -> Result<(), Rejection> {
        let now = SystemClock.now();
        verify_attestation(&self.root, bundle, &Digest::sha256(artifact), now).map(drop)
    }

    pub(crate) fn dana(&self) -> IdentityExpectation {
        IdentityExpectation::exact(
            format!("{}/oidc/asserted", self.authority.base_url()),
            EMAIL,
        )
    }
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

pub(crate) fn statement(artifact: &[u8]) -> Statement {
    Statement::new(
        vec![Subject::new("artifact", &Digest::sha256(artifact))],
        predicate_type::COSIGN_SIGN_V1,
        json!({}),
    )
}

pub(crate) fn edited(bundle: &[u8], edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut bundle: Value = serde_json::from_slice(bundle).unwrap();
    edit(&mut bundle);
    serde_json::to_vec(&bundle).unwrap()
}
