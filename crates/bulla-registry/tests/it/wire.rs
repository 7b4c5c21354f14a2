//! Bytes on a connection: what a client library would never send.

use crate::fixture::serve;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

async fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = request.replace("HOST", address);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).to_lowercase()
}

async fn get(address: &str, method: &str, path: &str, more: &str) -> String {
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n{more}\r\n");
    exchange(address, &request).await
}

#[tokio::test]
async fn head_tells_the_length_of_what_get_sends() {
    let (registry, address) = serve().await;
    let blob = registry.push_blob("app", b"content").await;
    let image = registry.image("app", "layer").await;
    registry.put("app", "v1", &image).await;
    let length = image.to_string().len();
    for (path, length) in [
        (format!("/v2/app/blobs/{}", blob.digest), 7),
        ("/v2/app/manifests/v1".to_owned(), length),
    ] {
        let head = get(&address, "HEAD", &path, "").await;
        let full = get(&address, "GET", &path, "").await;
        let line = format!("\r\ncontent-length: {length}\r\n");
        assert!(
            head.starts_with("http/1.1 200") && head.contains(&line),
            "{head}"
        );
        assert!(full.contains(&line), "{full}");
        assert!(head.ends_with("\r\n\r\n"), "no body: {head}");
        let body = full.split_once("\r\n\r\n").unwrap().1;
        assert_eq!(body.len(), length);
    }
}

#[tokio::test]
async fn paths_that_climb_name_nothing() {
    let (_registry, address) = serve().await;
    for path in [
        "/v2/../../etc/passwd",
        "/v2/app/blobs/../../../state.sqlite",
        "/v2/..%2f..%2fetc/manifests/passwd",
        "/v2/app/manifests/..",
        "/../v2/",
        "//v2/",
    ] {
        let answer = get(&address, "GET", path, "").await;
        let refused = answer.starts_with("http/1.1 404") || answer.starts_with("http/1.1 400");
        assert!(refused && answer.contains("\"errors\""), "{path}: {answer}");
    }
}

#[tokio::test]
async fn another_name_or_site_is_refused_before_anything_else() {
    let (_registry, address) = serve().await;
    let rebound = "GET /v2/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert!(
        exchange(&address, rebound)
            .await
            .starts_with("http/1.1 421")
    );
    let absolute =
        "GET http://evil.example/v2/ HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n";
    assert!(
        exchange(&address, absolute)
            .await
            .starts_with("http/1.1 421")
    );
    let nameless = "GET /v2/ HTTP/1.0\r\n\r\n";
    assert!(
        exchange(&address, nameless)
            .await
            .starts_with("http/1.0 421")
    );
    let page = get(&address, "GET", "/v2/", "Origin: http://evil.example\r\n").await;
    assert!(page.starts_with("http/1.1 403"), "{page}");
    assert!(!page.contains("access-control"), "{page}");
}

#[tokio::test]
async fn a_push_that_breaks_off_leaves_nothing() {
    let (registry, address) = serve().await;
    let digest = bulla_core::Digest::sha256(b"content");
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let request = format!(
        "POST /v2/app/blobs/uploads/?digest={digest} HTTP/1.1\r\nHost: {address}\r\n\
         Authorization: Basic YnVsbGE6czNjcmV0\r\nContent-Length: 7\r\n\r\ncont"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    drop(stream);
    let answer = registry.get(&format!("/v2/app/blobs/{digest}")).await;
    assert_eq!(answer.error().0, "BLOB_UNKNOWN");
    let uploads = registry.scratch.path().join("blobs/uploads");
    // The server notices in its own time; the test only ends when it has.
    while std::fs::read_dir(&uploads).unwrap().next().is_some() {
        tokio::task::yield_now().await;
    }
}
