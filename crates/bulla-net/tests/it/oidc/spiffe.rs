//! A Workload API over a Unix socket: HTTP/2 and gRPC as the specification says.

use bulla_core::Diagnose;
use bulla_net::{
    Environment, HttpClient,
    oidc::{Ambient, Found, OidcError, Provider, detect},
};
use bytes::Bytes;
use http::{HeaderMap, Response};
use std::{path::Path, time::Duration};
use tokio::net::UnixListener;

use super::{claims, now, token};

/// What the agent answers.
#[derive(Clone, Debug)]
enum Answer {
    Svid(String),
    Denied,
    Bytes(Vec<u8>),
    Nothing,
}

fn length_delimited(field: u8, content: &[u8]) -> Vec<u8> {
    let mut message = vec![field << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        message.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    message.push(length as u8);
    message.extend_from_slice(content);
    message
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u32).to_be_bytes();
    [&[0], &length[..], message].concat()
}

async fn agent(path: &Path, answer: Answer) {
    let listener = UnixListener::bind(path).unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(talk(stream, answer.clone()));
        }
    });
}

async fn talk(stream: tokio::net::UnixStream, answer: Answer) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let (head, mut body) = request.into_parts();
        let answer = answer.clone();
        tokio::spawn(async move {
            assert_eq!(head.uri.path(), "/SpiffeWorkloadAPI/FetchJWTSVID");
            assert_eq!(head.headers["workload.spiffe.io"], "true");
            assert_eq!(head.headers["content-type"], "application/grpc");
            let mut asked = Vec::new();
            while let Some(chunk) = body.data().await {
                asked.extend_from_slice(&chunk.unwrap());
            }
            assert_eq!(asked, framed(&length_delimited(1, b"sigstore")));
            let response = Response::builder().header("content-type", "application/grpc");
            let mut trailers = HeaderMap::new();
            let bytes = match answer {
                Answer::Nothing => {
                    tokio::time::sleep(Duration::from_secs(600)).await;
                    return;
                }
                Answer::Denied => {
                    // Without a body the status stands in the head.
                    let response = response
                        .header("grpc-status", "7")
                        .header("grpc-message", "no identity issued");
                    respond
                        .send_response(response.body(()).unwrap(), true)
                        .unwrap();
                    return;
                }
                Answer::Svid(svid) => {
                    let id = length_delimited(1, b"spiffe://example.org/job");
                    let inner = [id, length_delimited(2, svid.as_bytes())].concat();
                    framed(&length_delimited(1, &inner))
                }
                Answer::Bytes(bytes) => bytes,
            };
            trailers.insert("grpc-status", "0".parse().unwrap());
            let mut stream = respond
                .send_response(response.body(()).unwrap(), false)
                .unwrap();
            let _ = stream.send_data(Bytes::from(bytes), false);
            let _ = stream.send_trailers(trailers);
        });
    }
}

async fn ask(answer: Answer, patience: u64) -> Result<Option<Found>, OidcError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.sock");
    agent(&path, answer).await;
    let address = format!("unix://{}", path.display());
    let mut ambient = Ambient::of(Environment::of([("SPIFFE_ENDPOINT_SOCKET", address)]));
    ambient.file = "/nowhere".into();
    ambient.patience = Some(Duration::from_millis(patience));
    detect(&HttpClient::loopback(), &ambient, now()).await
}

#[tokio::test]
async fn a_workload_gets_its_identity() {
    let mut claims = claims("https://spire.example", "sigstore");
    claims["sub"] = "spiffe://example.org/job".into();
    let svid = token(&claims);
    let found = ask(Answer::Svid(svid.clone()), 20_000)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.token.reveal(), found.provider),
        (&*svid, Provider::Spiffe)
    );
}

#[tokio::test]
async fn other_answers_are_no_identity() {
    let elsewhere = token(&claims("https://spire.example", "elsewhere"));
    for (answer, code) in [
        (Answer::Denied, "NET-0241"),
        (Answer::Svid(elsewhere), "NET-0242"),
        (Answer::Bytes(Vec::new()), "NET-0241"),
        (Answer::Bytes(vec![1, 0, 0, 0, 0]), "NET-0241"),
        (
            Answer::Bytes(framed(b"\x0a\xff\xff\xff\xff\x7f")),
            "NET-0241",
        ),
        (Answer::Bytes(vec![0; 400_000]), "NET-0241"),
    ] {
        let error = ask(answer, 20_000).await.unwrap_err();
        assert_eq!(error.code().0, code, "{error}");
    }
    let denied = ask(Answer::Denied, 20_000).await.unwrap_err();
    assert!(
        denied.to_string().contains("no identity issued"),
        "{denied}"
    );
    let slow = ask(Answer::Nothing, 300).await.unwrap_err();
    assert_eq!(slow.code().0, "NET-0252");
}
