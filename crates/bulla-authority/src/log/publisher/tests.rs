use axum::{body::Body, http::Request};
use bulla_core::SystemClock;
use tower::ServiceExt as _;

use super::*;
use crate::log::{
    LogConfig,
    fixture::{add, config, published, watched},
    tile_routes,
};

/// A witness that one cannot do without, and that says no.
struct Refuses;

impl Cosigner for Refuses {
    fn cosign<'a>(
        &'a self,
        _: &'a Log,
        _: &'a str,
        _: u64,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<String>, AuthorityError>> + Send + 'a>> {
        Box::pin(async {
            Err(AuthorityError::LogUnavailable {
                log: "test".into(),
                why: "no witness".into(),
            })
        })
    }

    fn limit(&self) -> Duration {
        Duration::ZERO
    }

    fn required(&self) -> bool {
        true
    }
}

/// What `/checkpoint` answers.
async fn status(log: &Log) -> u16 {
    let router = tile_routes::router(log.clone(), "entries");
    let request = Request::get("/checkpoint").body(Body::empty()).unwrap();
    router.oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn readers_find_a_checkpoint_or_are_told_to_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = watched(dir.path()).await;
    let refused = LogConfig {
        cosigner: Some(Arc::new(Refuses)),
        ..config(&store)
    };
    let clock = Arc::new(SystemClock);
    let log = Log::open(refused, store.clone(), clock).await.unwrap();
    add(&log, "one").await.unwrap();
    assert!(!log.first_checkpoint().await, "its quorum was not met");
    assert_eq!(status(&log).await, 503);
    drop(log);

    let log = Log::open(config(&store), store, Arc::new(SystemClock));
    let log = log.await.unwrap();
    assert!(log.first_checkpoint().await);
    assert_eq!(status(&log).await, 200);
    published(&log, 1).await;
}
