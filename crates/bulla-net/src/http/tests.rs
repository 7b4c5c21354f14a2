use super::*;
use ::http::StatusCode;
use axum::{
    Router,
    body::Body as AxumBody,
    http::HeaderMap,
    response::{IntoResponse, Redirect},
    routing::{get, post},
};
use bytes::Bytes;
use futures_util::stream;
use std::{convert::Infallible, io};

/// A server with a few manners of misbehaving, on a port of its own.
async fn server() -> Url {
    let endless = || async {
        let block = Bytes::from_static(&[b'x'; 4096]);
        AxumBody::from_stream(stream::repeat(Ok::<_, Infallible>(block)))
    };
    let stuck = || async {
        let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"a"))]);
        use futures_util::StreamExt as _;
        AxumBody::from_stream(first.chain(stream::pending()))
    };
    let seen = |headers: HeaderMap| async move {
        headers
            .get("authorization")
            .map(|value| value.to_str().unwrap_or_default().to_owned())
            .unwrap_or_default()
    };
    let echo = |headers: HeaderMap, body: Bytes| async move {
        let length = headers.get("content-length").cloned();
        format!("{length:?} {}", body.len()).into_response()
    };
    let app = Router::new()
        .route("/ok", get(|| async { "fine" }))
        .route("/away", get(|| async { Redirect::temporary("/ok") }))
        .route("/endless", get(endless))
        .route("/stuck", get(stuck))
        .route("/silent", get(std::future::pending::<String>))
        .route("/seen", get(seen))
        .route("/echo", post(echo))
        .route(
            "/refuse",
            get(|| async { (axum::http::StatusCode::FORBIDDEN, "not\nfor you") }),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    Url::parse(&format!("http://{address}")).unwrap()
}

fn impatient() -> HttpClient {
    HttpClient::new(HttpOptions {
        pause: Duration::from_millis(200),
        ..HttpOptions::new(Egress::LoopbackOnly)
    })
}

async fn read(client: &HttpClient, base: &Url, path: &str) -> Result<Vec<u8>, HttpError> {
    client
        .send(Request::get(base.join(path).unwrap()))
        .await?
        .require(&[StatusCode::OK])
        .await?
        .bytes(1000, "test data")
        .await
}

#[tokio::test]
async fn reads_what_is_within_bounds() {
    let base = server().await;
    let client = HttpClient::loopback();
    assert_eq!(read(&client, &base, "/ok").await.unwrap(), b"fine");
    let mut named = base.clone();
    named.set_host(Some("localhost")).unwrap();
    assert_eq!(read(&client, &named, "/ok").await.unwrap(), b"fine");
}

#[tokio::test]
async fn cve_2026_49478_redirects_are_not_followed() {
    let base = server().await;
    let client = HttpClient::loopback();
    assert!(matches!(
        read(&client, &base, "/away").await,
        Err(HttpError::Redirect { .. })
    ));
    let answer = client
        .send(Request::get(base.join("/away").unwrap()))
        .await
        .unwrap();
    assert_eq!(answer.header(http::header::LOCATION), Some("/ok"));
}

#[tokio::test]
async fn cve_2023_46737_an_endless_body_is_cut_off() {
    let base = server().await;
    assert!(matches!(
        read(&HttpClient::loopback(), &base, "/endless").await,
        Err(HttpError::Oversize { limit: 1000, .. })
    ));
}

#[tokio::test]
async fn silence_and_stuck_bodies_time_out() {
    let base = server().await;
    for path in ["/silent", "/stuck"] {
        assert!(
            matches!(
                read(&impatient(), &base, path).await,
                Err(HttpError::Timeout { .. })
            ),
            "{path}"
        );
    }
    let request = Request::get(base.join("/silent").unwrap()).deadline(Duration::from_millis(50));
    assert!(matches!(
        HttpClient::loopback().send(request).await,
        Err(HttpError::Timeout { .. })
    ));
}

#[tokio::test]
async fn a_refusal_is_quoted_as_one_line() {
    let base = server().await;
    let error = read(&HttpClient::loopback(), &base, "/refuse")
        .await
        .unwrap_err();
    assert!(
        error.to_string().ends_with("403 Forbidden: not for you"),
        "{error}"
    );
}

#[tokio::test]
async fn credentials_go_where_they_were_given_only() {
    let base = server().await;
    let client = HttpClient::loopback();
    let request = Request::get(base.join("/seen").unwrap())
        .authorization("Bearer secret")
        .unwrap();
    let seen = client.send(request).await.unwrap();
    assert_eq!(seen.bytes(100, "x").await.unwrap(), b"Bearer secret");
    assert_eq!(read(&client, &base, "/seen").await.unwrap(), b"");
}

#[tokio::test]
async fn streams_have_their_announced_length() {
    let base = server().await;
    let pieces = stream::iter((0..10).map(|_| Ok::<_, io::Error>(Bytes::from_static(b"0123"))));
    let request = Request::post(base.join("/echo").unwrap(), Body::stream(pieces, 40));
    let answer = HttpClient::loopback().send(request).await.unwrap();
    let text = String::from_utf8(answer.bytes(100, "x").await.unwrap()).unwrap();
    assert_eq!(text, "Some(\"40\") 40");
}

#[tokio::test]
async fn nobody_there_is_said() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    assert!(matches!(
        HttpClient::loopback().send(Request::get(url)).await,
        Err(HttpError::Connect { .. })
    ));
}

#[test]
fn egress_rules_name_hosts_and_schemes() {
    let check = |rule: &Egress, url: &str| rule.check(&Url::parse(url).unwrap());
    let hosts = Egress::Hosts(BTreeSet::from([
        "ca.example".into(),
        "log.example:8443".into(),
    ]));
    for (rule, url, allowed) in [
        (&Egress::Any, "https://anywhere.example/", true),
        (&Egress::Any, "http://127.0.0.1:3000/", true),
        (&Egress::LoopbackOnly, "http://[::1]:3000/", true),
        (&Egress::LoopbackOnly, "https://anywhere.example/", false),
        (&Egress::LoopbackOnly, "http://localhost.example/", false),
        (&Egress::LoopbackOnly, "https://127.0.0.1.example/", false),
        (&hosts, "https://ca.example/x", true),
        (&hosts, "https://ca.example.evil/x", false),
        (&hosts, "https://log.example:8443/", true),
        (&hosts, "https://log.example/", false),
        (&Egress::Offline, "http://127.0.0.1/", false),
    ] {
        assert_eq!(check(rule, url).is_ok(), allowed, "{rule:?} {url}");
    }
    for never in [
        "http://anywhere.example/",
        "https://user:password@anywhere.example/",
        "ftp://127.0.0.1/",
    ] {
        let error = check(&Egress::Any, never).unwrap_err();
        assert!(matches!(error, HttpError::Url { .. }), "{never}");
        assert!(!error.to_string().contains("password@"), "{error}");
    }
}

#[test]
fn a_file_of_roots_must_be_readable_throughout() {
    for pem in [
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let roots = TlsRoots::Pem(pem.as_bytes().to_vec());
        assert!(matches!(
            roots.client_config(None),
            Err(HttpError::Roots(_))
        ));
    }
}
