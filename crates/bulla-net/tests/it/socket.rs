//! Tokens over a Unix socket.

use bulla_core::Diagnose;
use bulla_net::token::{self, Service, TokenError};
use std::path::{Path, PathBuf};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixListener,
};

/// Answers one request with `answer` and gives back what was asked.
fn instance(dir: &Path, answer: &'static str) -> (PathBuf, tokio::task::JoinHandle<String>) {
    let path = dir.join("token.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let asked = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (reader, mut writer) = stream.into_split();
        let mut line = String::new();
        BufReader::new(reader).read_line(&mut line).await.unwrap();
        writer.write_all(answer.as_bytes()).await.unwrap();
        line
    });
    (path, asked)
}

#[tokio::test]
async fn asks_in_the_agreed_words() {
    let dir = tempfile::tempdir().unwrap();
    let (path, asked) = instance(dir.path(), "{\"token\":\"a.b.c\"}\n");
    let token = token::person(&path, "a@b.example", "sigstore")
        .await
        .unwrap();
    assert_eq!(token.reveal(), "a.b.c");
    assert_eq!(format!("{token:?}"), "Token(…)");
    assert_eq!(
        asked.await.unwrap(),
        "{\"op\":\"token\",\"email\":\"a@b.example\",\"audience\":\"sigstore\"}\n"
    );
    let dir = tempfile::tempdir().unwrap();
    let (path, asked) = instance(dir.path(), "{\"token\":\"a.b.c\"}");
    token::service(&path, Service::Builder).await.unwrap();
    assert_eq!(
        asked.await.unwrap(),
        "{\"op\":\"service-token\",\"service\":\"builder\"}\n"
    );
}

#[tokio::test]
async fn says_why_there_is_no_token() {
    let dir = tempfile::tempdir().unwrap();
    let answer = "{\"error\":{\"code\":\"AUTH-0007\",\"message\":\"not an address\"}}";
    let (path, _) = instance(dir.path(), answer);
    let error = token::person(&path, "x", "sigstore").await.unwrap_err();
    assert!(matches!(&error, TokenError::Refused { code, .. } if code == "AUTH-0007"));
    assert!(error.to_string().contains("not an address"));

    let nobody = dir.path().join("nobody.sock");
    let error = token::person(&nobody, "x", "sigstore").await.unwrap_err();
    assert_eq!(error.code().0, "NET-0303");

    let dir = tempfile::tempdir().unwrap();
    let (path, _) = instance(dir.path(), "<html>");
    let error = token::person(&path, "x", "sigstore").await.unwrap_err();
    assert!(matches!(error, TokenError::Answer(_)));
}
