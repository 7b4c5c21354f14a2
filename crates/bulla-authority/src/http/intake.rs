//! Request bodies on their way in: how much of them is held at once, how long one
//! may take.
//!
//! A limit for each request leaves their sum open: thousands of connections, each
//! with the largest body. So whatever came in counts against one budget until its
//! request is answered, and who sends too slowly is let go.

use axum::{
    body::{Body, Bytes, HttpBody as _},
    extract::Request,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use http_body_util::BodyExt as _;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{BODY_BYTES, RpcError};

/// Bytes of bodies that are held at once: sixteen of the largest, or twenty
/// thousand as a signature's entry is.
const HELD_BYTES: usize = 64 << 20;
/// From the headers to the last byte of a body.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is counted, in bytes.
const UNIT: usize = 1 << 10;

/// The budget. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Intake {
    budget: Arc<Semaphore>,
    patience: Duration,
}

impl Default for Intake {
    fn default() -> Self {
        Self::new(HELD_BYTES, PATIENCE)
    }
}

impl Intake {
    fn new(bytes: usize, patience: Duration) -> Self {
        Self {
            budget: Arc::new(Semaphore::new(bytes / UNIT)),
            patience,
        }
    }

    /// The request with its whole body, and what that takes of the budget.
    ///
    /// # Errors
    /// The answer, if it is too large, too slow, or too many are here already.
    pub(super) async fn take_in(&self, request: Request) -> Result<(Request, Held), Response> {
        if request.body().is_end_stream() {
            return Ok((request, Held::default()));
        }
        let (parts, body) = request.into_parts();
        let refused = match timeout(self.patience, self.read(body)).await {
            Ok(Ok((bytes, held))) => {
                return Ok((Request::from_parts(parts, Body::from(bytes)), held));
            }
            Ok(Err(error)) => error,
            Err(_) => RpcError::too_slow(),
        };
        let (path, reason) = (parts.uri.path(), refused.message());
        tracing::info!(target: "audit", event = "http.body.refused", path, reason);
        let mut response = refused.into_response();
        // What is left of the body would be read as the next request.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
        Err(response)
    }

    /// Reads a body, and takes of the budget what it holds.
    async fn read(&self, mut body: Body) -> Result<(Bytes, Held), RpcError> {
        let (mut held, mut whole, mut length) = (Held::default(), Vec::new(), 0_usize);
        if body.size_hint().lower() > BODY_BYTES as u64 {
            return Err(RpcError::too_large());
        }
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| RpcError::invalid("the request ends too early"))?;
            let Ok(chunk) = frame.into_data() else {
                continue;
            };
            length = length.saturating_add(chunk.len());
            if length > BODY_BYTES {
                return Err(RpcError::too_large());
            }
            held.grow(&self.budget, length)?;
            // A copy: the chunk is a part of the connection's buffer, which would be
            // held by it, and a second one made beside it.
            whole.extend_from_slice(&chunk);
        }
        Ok((whole.into(), held))
    }
}

/// What one request took of the budget, until it is dropped.
#[derive(Default)]
pub(super) struct Held {
    permit: Option<OwnedSemaphorePermit>,
    units: usize,
}

impl Held {
    /// Takes as much as a body of `length` bytes needs; nobody waits for it.
    fn grow(&mut self, budget: &Arc<Semaphore>, length: usize) -> Result<(), RpcError> {
        let more = length.div_ceil(UNIT) - self.units;
        let more = u32::try_from(more).map_err(|_| RpcError::too_large())?;
        let taken = budget.clone().try_acquire_many_owned(more);
        let taken = taken.map_err(|_| RpcError::busy())?;
        self.units = length.div_ceil(UNIT);
        match &mut self.permit {
            Some(permit) => permit.merge(taken),
            None => self.permit = Some(taken),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
