//! SPIFFE: a JWT-SVID from the Workload API over its Unix socket.
//!
//! *SPIFFE Workload API*, §4.2: gRPC call `FetchJWTSVID`. One unary call with a
//! request of one field and an answer of which one field is read does not need a
//! gRPC framework: HTTP/2, five bytes of framing, and protobuf by hand. The
//! header `workload.spiffe.io: true` is demanded by the specification, against
//! requests that a server was tricked into.

use bulla_core::limits;
use bytes::{BufMut as _, Bytes};
use http::{HeaderMap, Request, Version};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{net::UnixStream, time::timeout};

use super::{OidcError, Token};
use crate::environment::Environment;

const FROM: &str = "the SPIFFE Workload API";
const VARIABLE: &str = "SPIFFE_ENDPOINT_SOCKET";
/// Where SPIRE's agent listens by default, and cosign looks.
const DEFAULT: &str = "/tmp/spire-agent/public/api.sock";
const METHOD: &str = "http://localhost/SpiffeWorkloadAPI/FetchJWTSVID";
const PATIENCE: Duration = Duration::from_secs(30);
/// Several identities may be answered, with their names.
const ANSWER_BYTES: usize = 4 * limits::TOKEN_BYTES as usize;

fn socket(environment: &Environment) -> PathBuf {
    let address = environment.text(VARIABLE).unwrap_or(DEFAULT);
    // `unix:///path` by specification, a bare path by habit.
    let path = address.strip_prefix("unix:").unwrap_or(address);
    match path.strip_prefix("//") {
        Some(absolute) => absolute.into(),
        None => path.into(),
    }
}

pub(super) fn is_there(environment: &Environment) -> bool {
    socket(environment).exists()
}

pub(super) async fn token(
    environment: &Environment,
    audience: &str,
    patience: Option<Duration>,
) -> Result<Token, OidcError> {
    let path = socket(environment);
    timeout(patience.unwrap_or(PATIENCE), fetch(&path, audience))
        .await
        .map_err(|_| OidcError::Timeout { who: FROM })?
}

fn bad(detail: impl std::fmt::Display) -> OidcError {
    OidcError::Answer {
        from: FROM,
        detail: detail.to_string(),
    }
}

async fn fetch(path: &Path, audience: &str) -> Result<Token, OidcError> {
    let stream = UnixStream::connect(path)
        .await
        .map_err(|source| OidcError::Io {
            path: path.to_owned(),
            source,
        })?;
    let (client, connection) = h2::client::handshake(stream).await.map_err(bad)?;
    // Ends with the connection; dropped with the answer.
    let connection = tokio::spawn(connection);
    let answer = call(client, audience).await;
    connection.abort();
    let message = answer?;
    let svid = first_svid(&message).ok_or_else(|| bad("no identity in its answer"))?;
    Ok(Token::new(svid))
}

async fn call(
    client: h2::client::SendRequest<Bytes>,
    audience: &str,
) -> Result<Vec<u8>, OidcError> {
    let mut client = client.ready().await.map_err(bad)?;
    let request = Request::post(METHOD)
        .version(Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("workload.spiffe.io", "true")
        .body(())
        .map_err(bad)?;
    let (response, mut body) = client.send_request(request, false).map_err(bad)?;
    body.send_data(framed(&request_message(audience)), true)
        .map_err(bad)?;
    let (head, mut answer) = response.await.map_err(bad)?.into_parts();
    // An answer without body carries its status in the head.
    check_status(&head.headers)?;
    if !head.status.is_success() {
        return Err(bad(format!("status {}", head.status)));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.data().await {
        let chunk = chunk.map_err(bad)?;
        if bytes.len() + chunk.len() > ANSWER_BYTES {
            return Err(bad("more bytes than any identity has"));
        }
        let _ = answer.flow_control().release_capacity(chunk.len());
        bytes.extend_from_slice(&chunk);
    }
    if let Some(trailers) = answer.trailers().await.map_err(bad)? {
        check_status(&trailers)?;
    }
    unframed(&bytes).ok_or_else(|| bad("no whole message"))
}

fn check_status(headers: &HeaderMap) -> Result<(), OidcError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match text("grpc-status") {
        None | Some("0") => Ok(()),
        Some(status) => {
            let message: String = text("grpc-message").unwrap_or_default().into();
            let message: String = message.chars().take(200).collect();
            Err(bad(format!("gRPC status {status} {message}")))
        }
    }
}

/// `JWTSVIDRequest`: field 1 is the audience.
fn request_message(audience: &str) -> Vec<u8> {
    let mut message = vec![0x0a];
    let mut length = audience.len();
    while length >= 0x80 {
        message.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    message.push(length as u8);
    message.extend_from_slice(audience.as_bytes());
    message
}

/// A message in gRPC's framing: not compressed, its length, itself.
fn framed(message: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(5 + message.len());
    bytes.put_u8(0);
    bytes.put_u32(message.len() as u32);
    bytes.extend_from_slice(message);
    bytes.into()
}

fn unframed(bytes: &[u8]) -> Option<Vec<u8>> {
    let (compressed, rest) = bytes.split_first()?;
    let (length, message) = rest.split_first_chunk::<4>()?;
    let whole = u32::from_be_bytes(*length) as usize == message.len();
    (*compressed == 0 && whole).then(|| message.to_vec())
}

/// `JWTSVIDResponse.svids[0].svid`: field 1 of the message, field 2 of that.
pub(super) fn first_svid(message: &[u8]) -> Option<String> {
    let first = field(message, 1)?;
    String::from_utf8(field(first, 2)?.to_vec()).ok()
}

/// The first length-delimited field of that number.
fn field(mut message: &[u8], wanted: u64) -> Option<&[u8]> {
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let (number, kind) = (key >> 3, key & 7);
        match kind {
            0 => {
                varint(&mut message)?;
            }
            1 => message = message.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                let (value, rest) = message.split_at_checked(length)?;
                if number == wanted {
                    return Some(value);
                }
                message = rest;
            }
            5 => message = message.get(4..)?,
            _ => return None,
        }
    }
    None
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests;
