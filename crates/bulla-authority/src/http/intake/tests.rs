use axum::{
    Router,
    extract::State,
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    routing::post,
};
use bytes::Bytes;
use futures_util::stream;
use std::{convert::Infallible, future};
use tower::ServiceExt as _;

use super::*;

const MORE: usize = BODY_BYTES + 1;

async fn through(State(intake): State<Intake>, request: Request, next: Next) -> Response {
    match intake.take_in(request).await {
        Ok((request, _held)) => next.run(request).await,
        Err(refusal) => refusal,
    }
}

/// Answers with the length of what came; `/wait` never answers.
fn service(intake: &Intake) -> Router {
    Router::new()
        .route(
            "/",
            post(|body: Bytes| async move { body.len().to_string() }),
        )
        .route("/wait", post(|_: Bytes| future::pending::<()>()))
        .layer(from_fn_with_state(intake.clone(), through))
}

fn to(path: &str, body: Body) -> Request {
    let request = Request::builder().method("POST").uri(path);
    request.body(body).unwrap()
}

/// A body in pieces, whose length nobody knows before.
fn pieces(count: usize, length: usize) -> Body {
    let piece = Bytes::from(vec![7; length]);
    Body::from_stream(stream::iter(
        (0..count).map(move |_| Ok::<_, Infallible>(piece.clone())),
    ))
}

async fn ask(service: &Router, body: Body) -> (StatusCode, String) {
    let response = service.clone().oneshot(to("/", body)).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn a_body_comes_whole_and_gives_back_what_it_took() {
    let intake = Intake::new(64 << 10, PATIENCE);
    let service = service(&intake);
    for (body, length) in [
        (Body::empty(), 0),
        (Body::from("four"), 4),
        (pieces(3, 1000), 3000),
        (pieces(64, 1 << 10), 64 << 10),
    ] {
        let (status, text) = ask(&service, body).await;
        assert_eq!((status, text), (StatusCode::OK, length.to_string()));
        assert_eq!(intake.budget.available_permits(), 64);
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_by_its_length_or_on_the_way() {
    let service = service(&Intake::default());
    for body in [Body::from(vec![7; MORE]), pieces(5, 1 << 20)] {
        let (status, text) = ask(&service, body).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(text.contains("\"code\":3"), "{text}");
    }
}

/// The sum of all is bounded, however many ask.
#[tokio::test]
async fn more_than_the_budget_is_sent_away() {
    let intake = Intake::new(10 << 10, PATIENCE);
    let service = service(&intake);
    let waiting = service.clone().oneshot(to("/wait", pieces(8, 1 << 10)));
    let waiting = tokio::spawn(waiting);
    while intake.budget.available_permits() > 2 {
        tokio::task::yield_now().await;
    }
    let (status, _) = ask(&service, pieces(3, 1 << 10)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let (status, _) = ask(&service, pieces(2, 1 << 10)).await;
    assert_eq!(status, StatusCode::OK);
    // Who goes away gives back what was held.
    waiting.abort();
    let _ = waiting.await;
    assert_eq!(intake.budget.available_permits(), 10);
}

#[tokio::test]
async fn who_sends_too_slowly_is_let_go() {
    let intake = Intake::new(HELD_BYTES, Duration::from_millis(1));
    let service = service(&intake);
    let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"a"))]);
    let body = Body::from_stream(futures_util::StreamExt::chain(first, stream::pending()));
    let (status, text) = ask(&service, body).await;
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT, "{text}");
    assert_eq!(intake.budget.available_permits(), HELD_BYTES / UNIT);
}
