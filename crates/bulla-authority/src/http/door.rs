//! What every request passes before its service: counted, from somebody who was given
//! our address, with its body whole.
//!
//! One middleware for all of it: each costs every request that waits a kilobyte.

use axum::{
    extract::{DefaultBodyLimit, Request, State},
    middleware::Next,
    response::Response,
};

use super::{AllowedHosts, intake::Intake};
use crate::metrics::Metrics;

/// The way in. Cheap to clone.
#[derive(Clone)]
pub struct Door {
    allowed: AllowedHosts,
    intake: Intake,
    metrics: Metrics,
}

impl Door {
    /// For requests to these hosts, counted here.
    pub fn new(allowed: AllowedHosts, metrics: Metrics) -> Self {
        Self {
            allowed,
            intake: Intake::default(),
            metrics,
        }
    }

    async fn pass(&self, request: Request, next: Next) -> Response {
        if let Some(refusal) = self.allowed.refusal(&request) {
            return refusal;
        }
        match self.intake.take_in(request).await {
            Ok((mut request, held)) => {
                // It is whole, and no longer than any service takes.
                DefaultBodyLimit::disable().apply(&mut request);
                let response = next.run(request).await;
                drop(held);
                response
            }
            Err(refusal) => refusal,
        }
    }
}

/// Middleware: through the door.
pub async fn enter(State(door): State<Door>, request: Request, next: Next) -> Response {
    let watch = door.metrics.watch(&request);
    let response = door.pass(request, next).await;
    watch.end(response.status());
    response
}
