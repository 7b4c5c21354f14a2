//! Rekor v2 (rekor-tiles `CLIENTS.md`): one write call, tiles to read.
//!
//! Two requests are taken: hashedrekord, and the dsse form that older clients
//! send. Signatures are verified before anything is logged; whether the signer
//! is trusted is no question of a log. A duplicate answers with the entry that
//! is there, since real clients fail on 409.

mod answer;
mod entry;
mod error;
mod request;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::{Hash, Scheme, Signer, SigningKey, merkle::leaf_hash, note};
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Leaf, Log, Sequenced, tile_routes};
use crate::{error::AuthorityError, http::RpcError};
use answer::TransparencyLogEntry;

pub use entry::Entry;
pub use error::RequestError;
pub use request::parse_create_entry;

/// How the log behaves: section `[rekor-v2]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RekorV2Settings {
    /// Also takes dsse 0.0.2, which sigstore-js and cosign 2 send.
    pub dsse: bool,
    /// Takes no entries any more; everything can still be read.
    pub read_only: bool,
    /// Requests that may wait for their entry at once; more are sent away with 503.
    pub outstanding: u32,
}

impl Default for RekorV2Settings {
    fn default() -> Self {
        Self {
            dsse: true,
            read_only: false,
            outstanding: 16_384,
        }
    }
}

/// The log with the id that clients look it up by.
#[derive(Clone)]
pub struct RekorV2 {
    log: Log,
    origin: Arc<str>,
    key_id: Arc<str>,
    settings: Arc<RekorV2Settings>,
    places: Arc<Semaphore>,
}

impl RekorV2 {
    /// Serves `log`; a new log gets its genesis entry first, if this process leads it.
    ///
    /// # Errors
    /// If the genesis entry cannot be added.
    pub async fn start(log: Log, origin: &str, key: &dyn Signer) -> Result<Self, AuthorityError> {
        let settings = RekorV2Settings::default();
        let rekor = Self {
            log,
            origin: origin.into(),
            key_id: STANDARD.encode(note::key_id(origin, key.public())).into(),
            places: places(&settings),
            settings: Arc::new(settings),
        };
        if rekor.log.is_leading() {
            rekor.begin().await?;
        }
        Ok(rekor)
    }

    /// The leader's first act: an empty log gets its genesis entry, so that no
    /// client ever gets index 0, which some of them cannot write down.
    ///
    /// # Errors
    /// If it cannot be added.
    pub async fn begin(&self) -> Result<(), AuthorityError> {
        if self.log.size() > 0 {
            return Ok(());
        }
        let origin = &self.origin;
        let text = format!("genesis entry of the transparency log {origin}\n");
        let throwaway = SigningKey::generate(Scheme::EcdsaP256)?;
        let entry = Entry::hashedrekord(
            Hash::Sha256,
            &Hash::Sha256.digest(text.as_bytes()),
            entry::Signature::new(
                &throwaway.sign(text.as_bytes())?,
                entry::Verifier::PublicKey(throwaway.public().spki_der()),
                throwaway.scheme(),
            ),
        )?;
        add(&self.log, entry).await.map(drop)
    }

    /// With these settings.
    #[must_use]
    pub fn with(self, settings: RekorV2Settings) -> Self {
        Self {
            places: places(&settings),
            settings: Arc::new(settings),
            ..self
        }
    }

    /// Base64 of the full key id: what trusted roots call the log's id.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Logs a request in JSON and gives the entry that goes into a bundle.
    ///
    /// # Errors
    /// [`RpcError`] as it goes to the client.
    pub async fn create_entry(&self, request: &[u8]) -> Result<serde_json::Value, RpcError> {
        let accepted = self.accept(request)?;
        serde_json::from_slice(&self.enter(accepted).await?).map_err(not_shown)
    }

    /// Everything about a request but its place in the log.
    fn accept(&self, request: &[u8]) -> Result<Accepted, RpcError> {
        let refused = |error: RpcError| {
            let reason = error.message();
            tracing::info!(target: "audit", event = "rekor-v2.request.refused", reason);
            error
        };
        if self.settings.read_only {
            return Err(refused(RpcError::frozen()));
        }
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return Err(refused(RpcError::busy()));
        };
        let entry =
            parse_create_entry(request).map_err(|e| refused(RpcError::invalid(e.to_string())))?;
        if entry.kind() == "dsse" && !self.settings.dsse {
            return Err(refused(RpcError::invalid(
                "invalid type, must be hashedrekord",
            )));
        }
        Ok(Accepted {
            entry,
            _place: place,
        })
    }

    /// Logs it; gives the entry that goes into a bundle, as JSON.
    async fn enter(&self, accepted: Accepted) -> Result<Vec<u8>, RpcError> {
        let kind = accepted.entry.kind();
        let sequenced = add(&self.log, accepted.entry).await;
        let sequenced =
            sequenced.map_err(|error| RpcError::of(&error, "failed to integrate entry"))?;
        let entry = TransparencyLogEntry::new(kind, &self.key_id, &sequenced);
        entry.to_json().map_err(not_shown)
    }

    /// `/api/v2/log/entries`, `/api/v2/checkpoint`, `/api/v2/tile/…`
    pub fn router(self) -> Router {
        let tiles = tile_routes::router(self.log.clone(), "entries");
        Router::new()
            .route("/api/v2/log/entries", post(create))
            .with_state(self)
            .nest("/api/v2", tiles)
    }
}

fn not_shown(error: serde_json::Error) -> RpcError {
    RpcError::internal("failed to show the entry", &error)
}

fn places(settings: &RekorV2Settings) -> Arc<Semaphore> {
    let places = usize::try_from(settings.outstanding).unwrap_or(usize::MAX);
    Arc::new(Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS)))
}

/// A request that is to be logged, and its place among those that wait.
struct Accepted {
    entry: Entry,
    _place: OwnedSemaphorePermit,
}

async fn add(log: &Log, entry: Entry) -> Result<Sequenced, AuthorityError> {
    let body = entry.into_body();
    log.add(leaf_hash(&body), move |_, _| {
        Ok(Leaf {
            merkle: body.clone(),
            stored: body,
        })
    })
    .await
}

async fn create(State(rekor): State<RekorV2>, body: Bytes) -> Result<Response, RpcError> {
    let accepted = rekor.accept(&body)?;
    // Thousands may wait: without what they sent, which holds the connection's buffer.
    drop(body);
    let entry = rekor.enter(accepted).await?;
    let json = [(header::CONTENT_TYPE, "application/json")];
    Ok((StatusCode::CREATED, json, entry).into_response())
}
