//! Tokens from a running instance, over its Unix socket, the management of who may
//! log in there and of its TUF keys, and what its monitor found.
//!
//! One JSON line out, one in. The instance checks who asks (peer user id); a
//! service's token is asked for by `ship` alone, and there is deliberately no
//! command that does it.

use bulla_core::{
    Code, Diagnose,
    limits::{self, LimitError},
};
use serde::{Deserialize, Serialize};
use std::{io, path::Path, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::timeout,
};
use zeroize::Zeroizing;

use super::Token;

/// How long the instance may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Room for the JSON around a token.
const ANSWER_BYTES: u64 = limits::TOKEN_BYTES + 1024;
/// An answer to whoever manages: ten thousand users fit.
const MANAGED_BYTES: u64 = limits::TRUST_DOCUMENT_BYTES;

/// A service of the instance with an identity of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Signs provenance.
    Builder,
    /// Signs what it received.
    Registry,
    /// Signs revocations.
    Revoker,
    /// Signs inventories and scans.
    Scanner,
}

/// A token that asserts `email`.
///
/// # Errors
/// [`TokenError`] if no instance answers, or it refuses.
pub async fn person(socket: &Path, email: &str, audience: &str) -> Result<Token, TokenError> {
    ask(socket, &Question::Token { email, audience }).await
}

/// A token of one of the instance's own services.
///
/// # Errors
/// [`TokenError`] if no instance answers, or it refuses.
pub async fn service(socket: &Path, service: Service) -> Result<Token, TokenError> {
    ask(socket, &Question::ServiceToken { service }).await
}

/// Has the instance's login issuer manage its users and clients; gives its answer,
/// which may hold secrets that are shown once.
///
/// # Errors
/// [`TokenError`] if no instance answers, or it declines.
pub async fn manage(
    socket: &Path,
    order: &impl Serialize,
) -> Result<serde_json::Value, TokenError> {
    let op = "manage";
    done(socket, &Managing { op, order }).await
}

/// Has the instance replace the online keys of its TUF repository; gives its answer.
///
/// # Errors
/// [`TokenError`] if no instance answers, or it declines.
pub async fn rotate_tuf(socket: &Path) -> Result<serde_json::Value, TokenError> {
    done(socket, &Question::RotateTuf {}).await
}

/// What the instance's monitor found and nobody acknowledged.
///
/// # Errors
/// [`TokenError`] if no instance answers, or it watches no log.
pub async fn findings(socket: &Path) -> Result<serde_json::Value, TokenError> {
    done(socket, &Question::Findings {}).await
}

/// Acknowledges what [`findings`] showed, by the `through` of its answer.
///
/// # Errors
/// [`TokenError`] if no instance answers, or it watches no log.
pub async fn acknowledge(socket: &Path, through: &str) -> Result<serde_json::Value, TokenError> {
    done(socket, &Question::Acknowledge { through }).await
}

/// Has the monitor forget what it verified of a log, and take for the truth what the
/// log shows now; gives what was forgotten.
///
/// # Errors
/// [`TokenError`] if no instance answers, or it watches no such log.
pub async fn accept_position(socket: &Path, log: &str) -> Result<serde_json::Value, TokenError> {
    done(socket, &Question::AcceptPosition { log }).await
}

async fn done(socket: &Path, question: &impl Serialize) -> Result<serde_json::Value, TokenError> {
    let answer = exchange(socket, question).await?;
    match limits::parse_json(&answer, MANAGED_BYTES, "answer")? {
        Answer::Done(done) => Ok(done),
        Answer::Error {
            code,
            message,
            hint,
        } => Err(TokenError::Declined {
            code,
            message,
            hint,
        }),
        Answer::Token(_) => Err(TokenError::Unasked),
    }
}

async fn ask(socket: &Path, question: &Question<'_>) -> Result<Token, TokenError> {
    parse_answer(&exchange(socket, question).await?)
}

async fn exchange(socket: &Path, question: &impl Serialize) -> Result<Vec<u8>, TokenError> {
    let path = || socket.display().to_string();
    let exchange = async {
        let mut stream = UnixStream::connect(socket).await?;
        // There may be a password in it.
        let mut line = Zeroizing::new(serde_json::to_vec(question)?);
        line.push(b'\n');
        stream.write_all(&line).await?;
        let mut answer = Vec::new();
        stream
            .take(MANAGED_BYTES + 1)
            .read_to_end(&mut answer)
            .await?;
        Ok::<_, io::Error>(answer)
    };
    timeout(PATIENCE, exchange)
        .await
        .map_err(|_| TokenError::Timeout { path: path() })?
        .map_err(|source| TokenError::Socket {
            path: path(),
            source,
        })
}

/// Reads the instance's answer.
///
/// # Errors
/// [`TokenError::Answer`] if it is none, [`TokenError::Refused`] if it says no.
pub fn parse_answer(line: &[u8]) -> Result<Token, TokenError> {
    let answer: Answer = limits::parse_json(line, ANSWER_BYTES, "token answer")?;
    match answer {
        Answer::Token(token) => Ok(Token::new(token)),
        Answer::Error { code, message, .. } => Err(TokenError::Refused { code, message }),
        Answer::Done(_) => Err(TokenError::Unasked),
    }
}

#[derive(Serialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
enum Question<'a> {
    AcceptPosition { log: &'a str },
    Acknowledge { through: &'a str },
    Findings {},
    RotateTuf {},
    ServiceToken { service: Service },
    Token { email: &'a str, audience: &'a str },
}

#[derive(Serialize)]
struct Managing<'a, T> {
    op: &'static str,
    order: &'a T,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Answer {
    Done(serde_json::Value),
    Error {
        code: String,
        message: String,
        #[serde(default)]
        hint: Option<String>,
    },
    Token(String),
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not the agreed answer.
    #[error("the instance answered something else than a token: {0}")]
    Answer(#[from] LimitError),
    /// The instance does not do what it was asked.
    #[error("{message} [{code}]")]
    Declined {
        /// The instance's own code.
        code: String,
        /// Its reason.
        message: String,
        /// What it advises.
        hint: Option<String>,
    },
    /// The instance says no.
    #[error("the instance gives no token: {message} [{code}]")]
    Refused {
        /// The instance's own code.
        code: String,
        /// Its reason.
        message: String,
    },
    /// No instance there.
    #[error("no instance answers at {path}: {source}")]
    Socket {
        /// The socket.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// An answer to another question.
    #[error("the instance answered what it was not asked")]
    Unasked,
    /// No answer in time.
    #[error("the instance at {path} does not answer")]
    Timeout {
        /// The socket.
        path: String,
    },
}

impl Diagnose for TokenError {
    fn code(&self) -> Code {
        match self {
            Self::Answer(_) => Code("NET-0301"),
            Self::Refused { .. } => Code("NET-0302"),
            Self::Socket { .. } => Code("NET-0303"),
            Self::Timeout { .. } => Code("NET-0304"),
            Self::Declined { .. } => Code("NET-0305"),
            Self::Unasked => Code("NET-0306"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Socket { .. } | Self::Timeout { .. } => {
                Some("start the instance with `bulla up`, or name its `--data` directory".into())
            }
            Self::Declined { hint, .. } => hint.clone(),
            _ => None,
        }
    }
}
