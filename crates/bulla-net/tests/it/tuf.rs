//! Trust documents from a running instance's TUF repository, and what a
//! repository that is not it gets.

use axum::{Router, http::StatusCode, routing::get};
use bulla_core::{Diagnose, Digest, RootId};
use bulla_net::{
    HttpClient, HttpError,
    tuf::{self, Cache, FirstRoot, Record, TufError},
};
use bulla_trust::root::LogChoice;
use jiff::{SignedDuration, Timestamp};
use std::path::Path;
use url::Url;

use crate::local::Local;

fn repository(local: &Local) -> Url {
    Url::parse(&format!("{}/tuf", local.authority.base_url())).unwrap()
}

async fn init(local: &Local, dir: &Path) -> Result<Record, TufError> {
    let (url, root) = (repository(local), local.authority.tuf_root());
    let given = FirstRoot::Given(root);
    let fingerprint = Digest::sha256(root);
    tuf::init(
        &local.http,
        &url,
        given,
        &fingerprint,
        dir,
        Timestamp::now(),
    )
    .await
}

#[tokio::test]
async fn an_instance_is_trusted_by_its_fingerprint() {
    let local = Local::start().await;
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("not/there/yet");
    let record = init(&local, &dir).await.unwrap();
    assert_eq!(record.id, local.authority.root_id());
    let sigstore = Cache::new(&dir).sigstore().unwrap();
    assert_eq!(sigstore.root().id(), local.root.id());
    assert_eq!(sigstore.root().digest(), local.root.digest());
    let services = sigstore
        .services(Timestamp::now(), LogChoice::Newest)
        .unwrap();
    assert_eq!(services, local.services);

    let updated = tuf::update(&local.http, &dir, Timestamp::now())
        .await
        .unwrap();
    assert!(updated.updated >= record.updated);
    // The same again changes nothing; the fingerprint alone does as well.
    init(&local, &dir).await.unwrap();
    let other = tempfile::tempdir().unwrap();
    let fingerprint = Digest::sha256(local.authority.tuf_root());
    let record = tuf::init(
        &local.http,
        &repository(&local),
        FirstRoot::Published,
        &fingerprint,
        other.path(),
        Timestamp::now(),
    )
    .await
    .unwrap();
    assert_eq!(record.id, RootId(fingerprint));
}

#[tokio::test]
async fn another_instance_is_not() {
    let (ours, theirs) = (Local::start().await, Local::start().await);
    let dir = tempfile::tempdir().unwrap();
    let wrong = tuf::init(
        &ours.http,
        &repository(&theirs),
        FirstRoot::Published,
        &Digest::sha256(ours.authority.tuf_root()),
        dir.path(),
        Timestamp::now(),
    )
    .await
    .unwrap_err();
    assert_eq!(wrong.code().0, "TRUST-0252", "{wrong}");
    assert!(dir.path().read_dir().unwrap().next().is_none());

    let given = FirstRoot::Given(ours.authority.tuf_root());
    let fingerprint = Digest::sha256(ours.authority.tuf_root());
    let url = repository(&theirs);
    let now = Timestamp::now();
    let wrong = tuf::init(&ours.http, &url, given, &fingerprint, dir.path(), now).await;
    assert_eq!(wrong.unwrap_err().code().0, "TRUST-0255");
    assert!(dir.path().read_dir().unwrap().next().is_none());

    init(&ours, dir.path()).await.unwrap();
    let before = std::fs::read(dir.path().join("trusted_root.json")).unwrap();
    let error = init(&theirs, dir.path()).await.unwrap_err();
    assert_eq!(error.code().0, "NET-0225", "{error}");
    let after = std::fs::read(dir.path().join("trusted_root.json")).unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn what_expired_is_kept_and_not_renewed() {
    let local = Local::start().await;
    let dir = tempfile::tempdir().unwrap();
    let record = init(&local, dir.path()).await.unwrap();
    let later = Timestamp::now() + SignedDuration::from_hours(24 * 4000);
    let error = tuf::update(&local.http, dir.path(), later)
        .await
        .unwrap_err();
    assert_eq!(error.code().0, "TRUST-0251", "{error}");
    let cache = Cache::new(dir.path());
    assert_eq!(cache.read().unwrap(), record);
    cache.sigstore().unwrap();
}

#[tokio::test]
async fn a_damaged_or_empty_directory_is_said_to_be() {
    let http = HttpClient::loopback();
    let dir = tempfile::tempdir().unwrap();
    let error = tuf::update(&http, dir.path(), Timestamp::now())
        .await
        .unwrap_err();
    assert_eq!(error.code().0, "NET-0222");
    assert!(Cache::new(dir.path()).sigstore().is_err());
    std::fs::write(dir.path().join("instance.json"), "{}").unwrap();
    let error = Cache::new(dir.path()).read().unwrap_err();
    assert_eq!(error.code().0, "NET-0221");

    let local = Local::start().await;
    let dir = tempfile::tempdir().unwrap();
    init(&local, dir.path()).await.unwrap();
    // The root from which everything is verified again.
    let root = dir.path().join("first_root.json");
    let mut bytes = std::fs::read(&root).unwrap();
    bytes.push(b' ');
    std::fs::write(&root, bytes).unwrap();
    let error = tuf::update(&local.http, dir.path(), Timestamp::now())
        .await
        .unwrap_err();
    assert_eq!(error.code().0, "TRUST-0252", "{error}");
}

#[tokio::test]
async fn redirects_and_endless_answers_end_it() {
    let moved = || async { (StatusCode::FOUND, [("location", "http://127.0.0.1:1/")], "") };
    let endless = || async { vec![b' '; 600_000] };
    let absent = || async { StatusCode::FORBIDDEN };
    let app = Router::new()
        .route("/moved/{*path}", get(moved))
        .route("/endless/{*path}", get(endless))
        .route("/absent/{*path}", get(absent));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let http = HttpClient::loopback();
    let dir = tempfile::tempdir().unwrap();
    let fingerprint = Digest::sha256(b"root");
    let ask = async |path: &str| {
        let url = Url::parse(&format!("{base}/{path}")).unwrap();
        let now = Timestamp::now();
        tuf::init(
            &http,
            &url,
            FirstRoot::Published,
            &fingerprint,
            dir.path(),
            now,
        )
        .await
        .unwrap_err()
    };
    assert!(matches!(
        ask("moved").await,
        TufError::Http(HttpError::Redirect { .. })
    ));
    assert!(matches!(
        ask("endless").await,
        TufError::Http(HttpError::Oversize { .. })
    ));
    assert!(matches!(ask("absent").await, TufError::NoFirstRoot));
}
