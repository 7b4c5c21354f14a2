//! Logging in with a browser on this machine: authorization code with PKCE, and
//! a redirect to a port that listens for this login alone (RFC 8252).
//!
//! The redirect counts only with the state of this login; anything else that
//! asks at the port is turned away and the login goes on, so that a page in the
//! same browser can neither slip in a code nor end it. The ID token must carry
//! our nonce.

use bulla_core::Clock;
use std::{process::Stdio, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use url::{Host, Url};

use super::{
    Login, Notice, Notify, OidcError, Token,
    issuer::{Discovery, Pkce, grant, printable, random},
};
use crate::http::HttpClient;

/// Where cosign's redirects go, and so what issuers allow.
const PATH: &str = "/auth/callback";
/// A request's head.
const HEAD_BYTES: usize = 16 << 10;
/// How long one caller may take to ask.
const CALLER: Duration = Duration::from_secs(10);
/// How many may ask.
const CALLERS: usize = 256;
const DONE: &str = "You are logged in. This page can be closed.";
const REFUSED: &str = "You are not logged in. See the terminal for the reason.";
const OTHER: &str = "This does not belong to a login.";

/// Logs a person in with a browser. `notify` says where to go.
///
/// # Errors
/// [`OidcError`] if the person or the issuer refuses, or nobody comes in time.
pub async fn browser(
    http: &HttpClient,
    login: &Login,
    notify: &Notify<'_>,
    clock: &dyn Clock,
) -> Result<Token, OidcError> {
    let issuer = Discovery::fetch(http, login).await?;
    let (listener, redirect) = listen(login).await?;
    let (pkce, state, nonce) = (Pkce::new()?, random()?, random()?);
    let mut address = issuer.authorization()?;
    address
        .query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &login.client_id)
        .append_pair("redirect_uri", redirect.as_str())
        .append_pair("scope", "openid email")
        .append_pair("state", &state)
        .append_pair("nonce", &nonce)
        .append_pair("code_challenge", &pkce.challenge)
        .append_pair("code_challenge_method", "S256");
    let opened = login.open_browser && open(&address);
    notify(Notice::Visit {
        url: address.as_str(),
        opened,
    });
    let code = timeout(login.patience, wait(&listener, redirect.path(), &state))
        .await
        .map_err(|_| OidcError::Timeout { who: "the person" })??;
    drop(listener);
    let form = login.form(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", redirect.as_str()),
        ("code_verifier", &pkce.verifier),
    ]);
    let token = grant(http, issuer.token()?, form).await?.or_denied()?;
    login.accept(token, Some(&nonce), clock.now())
}

/// A port of this machine, and the address that leads there.
async fn listen(login: &Login) -> Result<(TcpListener, Url), OidcError> {
    let wanted = match &login.redirect {
        Some(url) => url.clone(),
        None => Url::parse(&format!("http://localhost:0{PATH}")).map_err(|_| redirect(PATH))?,
    };
    let address = match wanted.host() {
        Some(Host::Domain("localhost")) => "127.0.0.1".to_owned(),
        Some(Host::Ipv4(ip)) if ip.is_loopback() => ip.to_string(),
        Some(Host::Ipv6(ip)) if ip.is_loopback() => format!("[{ip}]"),
        _ => return Err(redirect(wanted.as_str())),
    };
    if wanted.scheme() != "http" {
        return Err(redirect(wanted.as_str()));
    }
    let port = wanted.port().unwrap_or_default();
    let listener = TcpListener::bind(format!("{address}:{port}"))
        .await
        .map_err(OidcError::Listen)?;
    let bound = listener.local_addr().map_err(OidcError::Listen)?.port();
    let mut url = wanted;
    url.set_port(Some(bound)).map_err(|()| redirect(PATH))?;
    Ok((listener, url))
}

fn redirect(url: &str) -> OidcError {
    OidcError::Redirect {
        url: url.to_owned(),
    }
}

/// Waits for the redirect of this login, and gives its code.
async fn wait(listener: &TcpListener, path: &str, state: &str) -> Result<String, OidcError> {
    for _ in 0..CALLERS {
        let (mut stream, _) = listener.accept().await.map_err(OidcError::Listen)?;
        // One caller after the other, none for long.
        let Ok(head) = timeout(CALLER, head(&mut stream)).await else {
            continue;
        };
        let outcome = head.and_then(|head| outcome(&head, path, state));
        let (status, text) = match &outcome {
            Some(Ok(_)) => ("200 OK", DONE),
            Some(Err(_)) => ("200 OK", REFUSED),
            None => ("400 Bad Request", OTHER),
        };
        let answer = timeout(CALLER, reply(&mut stream, status, text)).await;
        if let Some(outcome) = outcome {
            // Whether the browser shows it or not, the login has its outcome.
            drop(answer);
            return outcome;
        }
    }
    Err(OidcError::Timeout { who: "the person" })
}

/// The head of a request, if it is one.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut chunk = [0; 2048];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let length = stream.read(&mut chunk).await.ok()?;
        let read = chunk.get(..length).filter(|read| !read.is_empty())?;
        head.extend_from_slice(read);
        if head.len() > HEAD_BYTES {
            return None;
        }
    }
    String::from_utf8(head).ok()
}

/// What a request says about this login; `None` if it is not about it.
pub(super) fn outcome(head: &str, path: &str, state: &str) -> Option<Result<String, OidcError>> {
    let target = head.lines().next()?.strip_prefix("GET ")?;
    let target = target.strip_suffix(" HTTP/1.1")?;
    // Appended, not joined: a target may not name another host.
    let url = Url::parse(&format!("http://localhost{target}")).ok()?;
    if !target.starts_with('/') || url.path() != path {
        return None;
    }
    let value = |name: &str| {
        let mut found = url.query_pairs().filter(|(key, _)| key == name);
        let first = found.next().map(|(_, value)| value.into_owned());
        // Given twice, it is not clear what is meant.
        first.filter(|_| found.next().is_none())
    };
    // 256 random bits that live for one login: nothing is learnt from timing.
    if value("state")? != state {
        return None;
    }
    if let Some(error) = value("error") {
        return Some(Err(OidcError::Denied {
            error: printable(&error),
            description: value("error_description").as_deref().map(printable),
        }));
    }
    Some(Ok(value("code")?))
}

async fn reply(stream: &mut TcpStream, status: &str, text: &str) -> std::io::Result<()> {
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// Starts a browser, if this machine shows one.
fn open(url: &Url) -> bool {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let environment = crate::environment::Environment::process();
    let shown = cfg!(target_os = "macos")
        || environment.get("DISPLAY").is_some()
        || environment.get("WAYLAND_DISPLAY").is_some();
    let Some(program) = environment.program(program).filter(|_| shown) else {
        return false;
    };
    let mut command = std::process::Command::new(program);
    command
        .arg(url.as_str())
        .env_clear()
        .envs(environment.for_programs())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Nobody waits for it: it may live as long as the browser.
    command.spawn().is_ok()
}

#[cfg(test)]
mod tests;
