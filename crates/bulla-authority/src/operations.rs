//! What whoever runs the authority asks it: alive, ready, how much and how long.
//!
//! `/healthz` says that the process runs; `/readyz` that it can answer, which
//! needs its storage and nothing else: a certificate that ended must not take
//! every replica out of service at once; nor must a finding of the monitor, or a
//! witness that does not cosign. `?verbose` adds each check, everything that ends
//! some day or ought to be looked at, and the command that mends it. These are for
//! the inside: a listener of their own, or loopback.

use axum::{
    Json, Router,
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bulla_store::Storage;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use std::{sync::Arc, time::Duration};

use crate::{
    authority::Authority,
    health::{
        Alarm, Lifetime,
        concern::{Concern, Concerns},
    },
    metrics,
};

/// How long the storage may take for a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);

/// Further things that end: what the process has beside the authority.
pub type MoreLifetimes = Arc<dyn Fn() -> Vec<Lifetime> + Send + Sync>;

/// The authority's state as its operators see it. Cheap to clone.
#[derive(Clone)]
pub struct Operations {
    authority: Authority,
    storage: Storage,
    more: MoreLifetimes,
}

/// Everything about the state of an authority at one moment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// `ready`, or `unavailable`.
    pub status: &'static str,
    /// When it was looked at.
    pub at: Timestamp,
    /// Whether this process sequences the logs.
    pub leader: bool,
    /// What it needs.
    pub checks: Vec<Check>,
    /// What somebody has to do.
    pub alarms: Vec<Alarm>,
    /// What somebody ought to look at.
    pub concerns: Vec<Concern>,
    /// How many concerns are left out.
    pub more_concerns: usize,
    /// What ends some day.
    pub lifetimes: Vec<Lifetime>,
}

/// One thing that is needed.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// Whether it is there.
    pub ok: bool,
    /// What it said, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Operations {
    /// Watches `authority` and `storage`, and what `more` tells.
    pub fn new(authority: Authority, storage: Storage, more: MoreLifetimes) -> Self {
        Self {
            authority,
            storage,
            more,
        }
    }

    /// Everything that ends some day.
    pub fn lifetimes(&self) -> Vec<Lifetime> {
        let mut all = self.authority.lifetimes();
        all.extend((self.more)());
        all
    }

    /// What has to be said now, the most urgent first.
    pub fn alarms(&self) -> Vec<Alarm> {
        Alarm::all(&self.lifetimes(), self.authority.now())
    }

    /// What somebody ought to look at now.
    pub async fn concerns(&self) -> Concerns {
        self.authority.concerns().await
    }

    /// Looks at everything.
    pub async fn health(&self) -> Health {
        let ping = tokio::time::timeout(SIGN_OF_LIFE, self.storage.ping());
        let (ping, concerns) = tokio::join!(ping, self.concerns());
        let storage = match ping {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {} s", SIGN_OF_LIFE.as_secs())),
        };
        let checks = vec![Check {
            name: "storage",
            ok: storage.is_none(),
            detail: storage,
        }];
        Health {
            status: match checks.iter().all(|check| check.ok) {
                true => "ready",
                false => "unavailable",
            },
            at: self.authority.now(),
            leader: self.authority.is_leader(),
            checks,
            alarms: self.alarms(),
            more_concerns: concerns.left_out(),
            concerns: concerns.shown().to_vec(),
            lifetimes: self.lifetimes(),
        }
    }

    /// `/healthz`, `/readyz` and `/metrics`.
    pub fn router(self) -> Router {
        Router::new()
            .route("/healthz", get(alive))
            .route("/readyz", get(ready))
            .route("/metrics", get(counters))
            .with_state(self)
    }
}

async fn alive() -> Response {
    Json(json!({"status": "SERVING"})).into_response()
}

async fn ready(State(operations): State<Operations>, RawQuery(query): RawQuery) -> Response {
    let health = operations.health().await;
    let status = match health.status {
        "ready" => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let verbose =
        query.is_some_and(|query| query.split('&').any(|part| part.starts_with("verbose")));
    match verbose {
        true => (status, Json(health)).into_response(),
        false => {
            let brief = json!({
                "status": health.status,
                "alarms": health.alarms.len(),
                "concerns": health.concerns.len() + health.more_concerns,
            });
            (status, Json(brief)).into_response()
        }
    }
}

async fn counters(State(operations): State<Operations>) -> Response {
    let (authority, now) = (&operations.authority, operations.authority.now());
    let lifetimes: Vec<_> = operations
        .lifetimes()
        .into_iter()
        .map(|life| {
            let left = life.seconds_left(now);
            (life, left)
        })
        .collect();
    let (alarms, concerns) = (operations.alarms(), operations.concerns().await);
    let leader = authority.is_leader();
    let text = authority
        .metrics()
        .text(&lifetimes, &alarms, &concerns, leader);
    match text {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::MEDIA_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
