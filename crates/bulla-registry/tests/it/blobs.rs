//! Blobs and their uploads.

use crate::fixture::Registry;
use axum::body::Body;
use bulla_core::Digest;
use bulla_registry::Deletion;
use bytes::Bytes;
use futures_util::stream;
use http::{Request, StatusCode};
use std::time::Duration;

#[tokio::test]
async fn ping_tells_the_scheme_and_pushing_needs_the_credential() {
    let registry = Registry::new().await;
    let request = |method: &str, path: &str| {
        let builder = Request::builder().method(method).uri(path);
        builder
            .header("host", "localhost:1")
            .body(Body::empty())
            .unwrap()
    };
    let answer = registry.send(request("GET", "/v2/")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("www-authenticate"), "Basic realm=\"bulla\"");
    for (method, path) in [
        ("POST", "/v2/app/blobs/uploads/"),
        ("PUT", "/v2/app/manifests/v1"),
        ("DELETE", "/v2/app/manifests/v1"),
        ("PATCH", "/v2/app/blobs/uploads/0a"),
        ("POST", "/anything"),
    ] {
        let answer = registry.send(request(method, path)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"bulla\"");
        assert_eq!(answer.error().0, "UNAUTHORIZED");
    }
}

#[tokio::test]
async fn a_blob_comes_in_pieces_and_goes_in_ranges() {
    let registry = Registry::new().await;
    let begun = registry
        .call("POST", "/v2/app/blobs/uploads/", &[], "")
        .await;
    assert_eq!(begun.status, StatusCode::ACCEPTED);
    let place = begun.header("location").to_owned();
    let chunk = |range: &'static str| [("content-range", range)];
    let answer = registry.call("PATCH", &place, &chunk("0-4"), "hello").await;
    assert_eq!(
        (answer.status, answer.header("range")),
        (StatusCode::ACCEPTED, "0-4")
    );
    let answer = registry.call("PATCH", &place, &chunk("7-8"), "xx").await;
    assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(
        (answer.header("range"), answer.header("location")),
        ("0-4", place.as_str())
    );
    let answer = registry.get(&place).await;
    assert_eq!(
        (answer.status, answer.header("range")),
        (StatusCode::NO_CONTENT, "0-4")
    );
    let digest = Digest::sha256(b"hello world");
    let last = format!("{place}?digest={digest}");
    let answer = registry.call("PUT", &last, &chunk("9-14"), " world").await;
    assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE);
    let answer = registry.call("PUT", &last, &chunk("5-10"), " world").await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(registry.get(&place).await.status, StatusCode::NOT_FOUND);

    let path = answer.header("location").to_owned();
    let whole = registry.get(&path).await;
    assert_eq!(whole.body, b"hello world");
    assert_eq!(whole.header("docker-content-digest"), digest.to_string());
    let head = registry.call("HEAD", &path, &[], "").await;
    assert_eq!(
        (head.status, head.header("content-length")),
        (StatusCode::OK, "11")
    );
    assert!(head.body.is_empty());
    let part = registry
        .call("GET", &path, &[("range", "bytes=6-8")], "")
        .await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.header("content-range"), "bytes 6-8/11");
    assert_eq!(part.body, b"wor");
    let past = registry
        .call("GET", &path, &[("range", "bytes=11-")], "")
        .await;
    assert_eq!(past.status, StatusCode::RANGE_NOT_SATISFIABLE);
}

#[tokio::test]
async fn sha512_works_by_both_ways() {
    let registry = Registry::new().await;
    let digest = Digest::sha512(b"content");
    let path = format!("/v2/app/blobs/uploads/?digest={digest}");
    let answer = registry.call("POST", &path, &[], "content").await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let begun = registry
        .call("POST", "/v2/two/blobs/uploads/", &[], "")
        .await;
    let path = format!("{}?digest={digest}", begun.header("location"));
    assert_eq!(
        registry.call("PUT", &path, &[], "content").await.status,
        StatusCode::CREATED
    );
    let answer = registry.get(&format!("/v2/two/blobs/{digest}")).await;
    assert_eq!(answer.body, b"content");
}

#[tokio::test]
async fn content_under_a_wrong_digest_is_not_kept() {
    let registry = Registry::new().await;
    let digest = Digest::sha256(b"right");
    let begun = registry
        .call("POST", "/v2/app/blobs/uploads/", &[], "")
        .await;
    for path in [
        format!("/v2/app/blobs/uploads/?digest={digest}"),
        format!("{}?digest={digest}", begun.header("location")),
    ] {
        let method = if path.contains("/?") { "POST" } else { "PUT" };
        let answer = registry.call(method, &path, &[], "wrong").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.error().0, "DIGEST_INVALID");
    }
    let answer = registry.get(&format!("/v2/app/blobs/{digest}")).await;
    assert_eq!(answer.error().0, "BLOB_UNKNOWN");
    assert_eq!(uploads(&registry), 0);
}

#[tokio::test]
async fn a_blob_shows_only_where_it_was_pushed_or_mounted() {
    let registry = Registry::new().await;
    let blob = registry.push_blob("one", b"content").await;
    let elsewhere = format!("/v2/two/blobs/{}", blob.digest);
    assert_eq!(registry.get(&elsewhere).await.status, StatusCode::NOT_FOUND);
    let mount = |from: &str| format!("/v2/two/blobs/uploads/?mount={}&from={from}", blob.digest);
    let answer = registry.call("POST", &mount("three"), &[], "").await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let answer = registry.call("POST", &mount("one"), &[], "").await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(registry.get(&elsewhere).await.body, b"content");
}

#[tokio::test]
async fn a_missing_or_cut_file_is_absent_to_head_and_get_and_mended_by_a_push() {
    let registry = Registry::new().await;
    let blob = registry.push_blob("app", b"content").await;
    let hex = blob.digest.hex();
    let file = registry
        .scratch
        .path()
        .join(format!("blobs/sha256/{}/{hex}", &hex[..2]));
    let path = format!("/v2/app/blobs/{}", blob.digest);
    std::fs::write(&file, "conte").unwrap();
    for method in ["HEAD", "GET"] {
        let answer = registry.call(method, &path, &[], "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method}");
    }
    registry.push_blob("app", b"content").await;
    assert_eq!(registry.get(&path).await.body, b"content");
}

#[tokio::test]
async fn bodies_are_bounded_in_length_and_stillness() {
    let registry = Registry::with(|config| {
        config.limits.blob_bytes = 10;
        config.limits.idle = Duration::from_millis(50);
        config.limits.uploads = 2;
    })
    .await;
    let path = format!("/v2/app/blobs/uploads/?digest={}", Digest::sha256(b"x"));
    let answer = registry
        .call("POST", &path, &[("content-length", "11")], "")
        .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(b"xxx")));
    let answer = registry
        .call("POST", &path, &[], Body::from_stream(endless))
        .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let still = stream::pending::<Result<Bytes, std::io::Error>>();
    let answer = registry
        .call("POST", &path, &[], Body::from_stream(still))
        .await;
    assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(uploads(&registry), 0);
    for expected in [
        StatusCode::ACCEPTED,
        StatusCode::ACCEPTED,
        StatusCode::TOO_MANY_REQUESTS,
    ] {
        let answer = registry
            .call("POST", "/v2/app/blobs/uploads/", &[], "")
            .await;
        assert_eq!(answer.status, expected);
    }
    assert_eq!(uploads(&registry), 2);
}

#[tokio::test]
async fn an_upload_survives_a_restart_and_ends_when_cancelled() {
    let registry = Registry::new().await;
    let begun = registry
        .call("POST", "/v2/app/blobs/uploads/", &[], "")
        .await;
    let place = begun.header("location").to_owned();
    registry.call("PATCH", &place, &[], "hello").await;
    let other = place.replace("/app/", "/other/");
    assert_eq!(registry.get(&other).await.status, StatusCode::NOT_FOUND);
    let Registry {
        scratch,
        store,
        router,
    } = registry;
    drop(router);
    store.close().await;
    let store = bulla_store::Store::open(scratch.path()).await.unwrap();
    let credential = bulla_registry::Credential::new("bulla", "s3cret").unwrap();
    let config = bulla_registry::RegistryConfig::loopback(credential);
    let router = bulla_registry::router(&store, config);
    let registry = Registry {
        scratch,
        store,
        router,
    };
    assert_eq!(registry.get(&place).await.header("range"), "0-4");
    let answer = registry.call("DELETE", &place, &[], "").await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(registry.get(&place).await.error().0, "BLOB_UPLOAD_UNKNOWN");
    assert_eq!(uploads(&registry), 0);
}

#[tokio::test]
async fn deletion_is_off_unless_allowed() {
    let registry = Registry::new().await;
    let blob = registry.push_blob("app", b"content").await;
    let path = format!("/v2/app/blobs/{}", blob.digest);
    let answer = registry.call("DELETE", &path, &[], "").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.error().0, "UNSUPPORTED");
    let registry = Registry::with(|config| config.deletion = Deletion::Allowed).await;
    registry.push_blob("app", b"content").await;
    let answer = registry.call("DELETE", &path, &[], "").await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(registry.get(&path).await.status, StatusCode::NOT_FOUND);
}

fn uploads(registry: &Registry) -> usize {
    let directory = registry.scratch.path().join("blobs/uploads");
    std::fs::read_dir(directory).unwrap().count()
}
