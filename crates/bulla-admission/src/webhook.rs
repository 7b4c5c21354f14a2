//! The webhook: a review in, an answer out, and the routes for both.
//!
//! All images of a workload must pass. `POST /validate` and `POST /mutate` give
//! the same answer; register the one that may patch, or tags stay what they are
//! and only their present meaning was judged. The binary serves the routes over
//! HTTPS alone.

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bulla_core::{Decision, Diagnose, Outcome};
use bulla_policy::{DenyText, Stage, deny_text};
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    judge::{Admission, Judged, Verifier, reason},
    mutate::Operation,
    report::{self, DecisionRecord},
    resolve::ImageSource,
    review::{Answer, REVIEW_BYTES, Request, ReviewError, parse_review},
    workload::{Image, workload},
};

/// Warnings of one answer.
const WARNINGS: usize = 10;
/// Kept back from the API server's timeout, for the way there and back.
const RESERVE: Duration = Duration::from_secs(1);

/// The routes. Serve them over HTTPS.
pub fn router<S: ImageSource, V: Verifier>(admission: Arc<Admission<S, V>>) -> Router {
    Router::new()
        .route("/validate", post(answer::<S, V>))
        .route("/mutate", post(answer::<S, V>))
        .route("/healthz", get(async || "ok"))
        .layer(DefaultBodyLimit::max(
            usize::try_from(REVIEW_BYTES).unwrap_or(usize::MAX),
        ))
        .with_state(admission)
}

/// What the API server adds to the URL: `?timeout=10s`.
#[derive(Debug, Default, Deserialize)]
struct Parameters {
    timeout: Option<String>,
}

async fn answer<S: ImageSource, V: Verifier>(
    State(admission): State<Arc<Admission<S, V>>>,
    Query(parameters): Query<Parameters>,
    body: Bytes,
) -> Response {
    let limit = parameters.timeout.as_deref().and_then(time_left);
    let (status, body) = match admission.review_within(&body, limit).await {
        Ok(answer) => (StatusCode::OK, answer.to_json()),
        Err(error) => {
            tracing::warn!(code = %error.code(), %error, "a review could not be answered");
            let body = json!({
                "title": error.to_string(),
                "status": 400,
                "code": error.code(),
                "detail": error.hint(),
            });
            (StatusCode::BAD_REQUEST, body)
        }
    };
    let kind = match status {
        StatusCode::OK => "application/json",
        _ => "application/problem+json",
    };
    (status, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
}

/// What is left of a timeout such as `10s`; `None` if it does not say so.
fn time_left(text: &str) -> Option<Duration> {
    let seconds: u64 = text.strip_suffix('s')?.parse().ok()?;
    let timeout = Duration::from_secs(seconds);
    Some(timeout.saturating_sub(RESERVE).max(timeout / 2))
}

impl<S: ImageSource, V: Verifier> Admission<S, V> {
    /// Answers a review, whoever brought it.
    ///
    /// # Errors
    /// [`ReviewError`] if it cannot be answered: not a review, too large, no uid.
    pub async fn review(&self, bytes: &[u8]) -> Result<Answer, ReviewError> {
        self.review_within(bytes, None).await
    }

    async fn review_within(
        &self,
        bytes: &[u8],
        limit: Option<Duration>,
    ) -> Result<Answer, ReviewError> {
        let request = parse_review(bytes)?.request;
        let answer = match workload(&request) {
            Ok(workload) => {
                let texts: BTreeSet<_> = workload.images.iter().map(|i| i.text.clone()).collect();
                let limit = limit.unwrap_or(self.settings.deadline);
                let judged = self.judge_all(texts, limit).await;
                self.answer(&request, &workload.images, &judged, workload.note)
            }
            Err(error) => {
                let decision = self.decision("workload", Outcome::Deny, reason(&error));
                let judged = Judged {
                    text: String::new(),
                    resolved: None,
                    decision,
                    cached: false,
                };
                self.answer(&request, &[], &[judged], None)
            }
        };
        if request.dry_run != Some(true) {
            for record in &answer.records {
                self.sink.record(record);
            }
        }
        Ok(answer)
    }

    fn answer(
        &self,
        request: &Request,
        images: &[Image],
        judged: &[Judged],
        note: Option<String>,
    ) -> Answer {
        let outcome = judged
            .iter()
            .map(|judged| judged.decision.outcome)
            .max()
            .unwrap_or(Outcome::Allow);
        let allowed = outcome.is_allowed();
        let warnings = judged
            .iter()
            .flat_map(|judged| deny_text::warnings(&judged.decision))
            .chain(note)
            .collect::<BTreeSet<_>>();
        Answer {
            outcome,
            uid: request.uid.clone(),
            message: (!allowed).then(|| message(judged)),
            warnings: warnings.into_iter().take(WARNINGS).collect(),
            patch: if allowed {
                pins(images, judged)
            } else {
                Vec::new()
            },
            annotations: annotations(judged, outcome),
            records: judged
                .iter()
                .map(|judged| self.record(request, judged))
                .collect(),
        }
    }

    fn record(&self, request: &Request, judged: &Judged) -> DecisionRecord {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        DecisionRecord {
            version: report::VERSION,
            time: self.clock.now(),
            stage: Stage::Admission,
            uid: request.uid.clone(),
            operation: request.operation.clone(),
            workload: format!(
                "{}/{}/{}",
                part(&request.namespace),
                request.kind.kind,
                part(&request.name)
            ),
            requested: judged.text.clone(),
            digest: judged.resolved.as_ref().map(|(_, digest)| digest.clone()),
            roots: self.roots.clone(),
            cached: judged.cached,
            decision: judged.decision.clone(),
        }
    }
}

/// A patch for each image that does not name its digest alone.
fn pins(images: &[Image], judged: &[Judged]) -> Vec<Operation> {
    images
        .iter()
        .filter_map(|image| {
            let found = judged.iter().find(|judged| judged.text == image.text)?;
            let (reference, digest) = found.resolved.as_ref()?;
            Operation::pin(&image.pointer, &image.text, reference, digest)
        })
        .collect()
}

/// The worst denial in words, the others by name.
fn message(judged: &[Judged]) -> String {
    let mut denied: Vec<_> = judged
        .iter()
        .filter(|judged| !judged.decision.outcome.is_allowed())
        .collect();
    denied.sort_by_key(|judged| std::cmp::Reverse(judged.decision.outcome));
    let Some((worst, others)) = denied.split_first() else {
        return String::new();
    };
    let Some(text) = DenyText::new(&worst.decision, &pinned_text(worst), Stage::Admission) else {
        return String::new();
    };
    let others: Vec<_> = others
        .iter()
        .map(|judged| bulla_policy::text::clean(&judged.text))
        .collect();
    let text = match worst.text.as_str() {
        "" => text,
        image => text.about(image, &others),
    };
    text.for_kubernetes()
}

/// The image by the digest that was judged, where one was.
fn pinned_text(judged: &Judged) -> String {
    match &judged.resolved {
        Some((image, digest)) => image.by_digest(digest.clone()).to_string(),
        None => judged.text.clone(),
    }
}

fn annotations(judged: &[Judged], outcome: Outcome) -> BTreeMap<String, String> {
    let Some(first) = judged.first() else {
        return BTreeMap::new();
    };
    let name = |decision: &Decision| format!("{}@{}", decision.policy, decision.policy_digest);
    let images: Vec<_> = judged.iter().take(WARNINGS).map(pinned_text).collect();
    let outcome = match outcome {
        Outcome::Allow => "allow",
        Outcome::Deny => "deny",
        Outcome::NoEvidence => "no-evidence",
        Outcome::Undecided => "undecided",
        Outcome::Warn => "warn",
    };
    BTreeMap::from([
        ("decision".to_owned(), outcome.to_owned()),
        (
            "images".to_owned(),
            bulla_policy::text::one_line(&images.join(" ")),
        ),
        ("policy".to_owned(), name(&first.decision)),
    ])
}

#[cfg(test)]
mod tests;
