//! What the logins have in common: the issuer's addresses, the exchange at its
//! token endpoint, and what an ID token that came that way must say.
//!
//! OpenID Connect Core 1.0 and Discovery 1.0. The token came straight from the
//! issuer's own endpoint, so its signature proves nothing more to us (§3.1.3.7,
//! 6); issuer, audience, expiry and nonce are checked all the same.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bulla_core::{Digest, limits};
use bulla_trust::jwt::UnverifiedToken;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use std::time::Duration;
use url::{Url, form_urlencoded};

use super::{OidcError, Token};
use crate::{
    Body,
    http::{HttpClient, Request, is_loopback},
};

pub(super) const FROM: &str = "the issuer";
const DOCUMENT_BYTES: u64 = 256 << 10;
/// How long a person may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// A secret text of a client. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps it; white space at its ends is not part of it.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().trim().to_owned())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How to log in at an issuer.
#[derive(Clone, Debug)]
pub struct Login {
    /// The issuer, as its tokens name it.
    pub issuer: String,
    /// Who we are there; `sigstore` where nothing else is agreed.
    pub client_id: String,
    /// What proves it, if the issuer wants proof.
    pub client_secret: Option<Secret>,
    /// Where the browser is sent back to, if not to any free port.
    pub redirect: Option<Url>,
    /// Whether to start a browser, or only to say where to go.
    pub open_browser: bool,
    /// How long the person may take.
    pub patience: Duration,
}

impl Login {
    /// The usual login.
    pub fn at(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            client_id: "sigstore".into(),
            client_secret: None,
            redirect: None,
            open_browser: true,
            patience: PATIENCE,
        }
    }

    /// The form of a request to the token endpoint, our name added.
    pub(super) fn form(&self, fields: &[(&str, &str)]) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        form.append_pair("client_id", &self.client_id);
        if let Some(secret) = &self.client_secret {
            form.append_pair("client_secret", secret.reveal());
        }
        form.finish()
    }

    /// Whether an ID token is one for this login.
    pub(super) fn accept(
        &self,
        token: Token,
        nonce: Option<&str>,
        now: Timestamp,
    ) -> Result<Token, OidcError> {
        let token = token.useful(Some(&self.client_id), now)?;
        let text = token.reveal().as_bytes();
        let issuer = &UnverifiedToken::parse(text)?.claims().issuer.clone();
        if *issuer != self.issuer {
            return Err(OidcError::Answer {
                from: FROM,
                detail: format!("a token of {issuer}"),
            });
        }
        if nonce.is_some() && nonce_of(token.reveal()).as_deref() != nonce {
            return Err(OidcError::Nonce);
        }
        Ok(token)
    }
}

/// What a person is to be told during a login.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// Go there and log in.
    Visit {
        /// The address.
        url: &'a str,
        /// Whether a browser was started with it.
        opened: bool,
    },
    /// Go there and enter the code.
    Enter {
        /// The address.
        url: &'a str,
        /// The code.
        code: &'a str,
        /// An address that has the code in it already.
        complete: Option<&'a str>,
    },
}

/// Tells a person.
pub type Notify<'a> = dyn Fn(Notice<'_>) + Send + Sync + 'a;

/// An issuer's addresses.
#[derive(Debug, Deserialize)]
pub(super) struct Discovery {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    device_authorization_endpoint: Option<String>,
}

impl Discovery {
    pub(super) async fn fetch(http: &HttpClient, login: &Login) -> Result<Self, OidcError> {
        let base = login.issuer.trim_end_matches('/');
        let url = Url::parse(&format!("{base}/.well-known/openid-configuration"));
        let url = url.map_err(|_| OidcError::Answer {
            from: FROM,
            detail: format!("{:?} is not the URL of an issuer", login.issuer),
        })?;
        let answer = http
            .send(Request::get(url).accept("application/json"))
            .await?;
        let answer = answer.require(&[StatusCode::OK]).await?;
        let found: Self = read(&answer.bytes(DOCUMENT_BYTES, "an issuer's document").await?)?;
        // Discovery 1.0, §4.3: exactly.
        if found.issuer != login.issuer {
            return Err(OidcError::Answer {
                from: FROM,
                detail: format!("its document names the issuer {}", found.issuer),
            });
        }
        Ok(found)
    }

    fn endpoint(&self, url: &Option<String>, what: &'static str) -> Result<Url, OidcError> {
        let safe =
            |url: &Url| url.scheme() == "https" || url.scheme() == "http" && is_loopback(url);
        let url = url.as_deref().and_then(|url| Url::parse(url).ok());
        let found = url.filter(safe);
        found.ok_or_else(|| OidcError::Unsupported {
            issuer: self.issuer.clone(),
            what,
        })
    }

    pub(super) fn authorization(&self) -> Result<Url, OidcError> {
        self.endpoint(&self.authorization_endpoint, "login with a browser")
    }

    pub(super) fn device(&self) -> Result<Url, OidcError> {
        self.endpoint(&self.device_authorization_endpoint, "login with a code")
    }

    pub(super) fn token(&self) -> Result<Url, OidcError> {
        self.endpoint(&self.token_endpoint, "tokens")
    }
}

/// What a token endpoint says.
pub(super) enum Granted {
    Token(Token),
    Denied {
        error: String,
        description: Option<String>,
    },
}

impl Granted {
    pub(super) fn or_denied(self) -> Result<Token, OidcError> {
        match self {
            Self::Token(token) => Ok(token),
            Self::Denied { error, description } => Err(OidcError::Denied { error, description }),
        }
    }
}

#[derive(Deserialize)]
struct Grant {
    id_token: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Posts a form and reads a grant, or why there is none (RFC 6749 §5).
pub(super) async fn grant(http: &HttpClient, url: Url, form: String) -> Result<Granted, OidcError> {
    let answer: Grant = post(http, url, form).await?;
    match (answer.error, answer.id_token) {
        (Some(error), _) => Ok(Granted::Denied {
            error: printable(&error),
            description: answer.error_description.as_deref().map(printable),
        }),
        (None, Some(token)) => Ok(Granted::Token(Token::new(token))),
        (None, None) => Err(OidcError::Answer {
            from: FROM,
            detail: "no ID token (is the scope openid allowed?)".into(),
        }),
    }
}

/// Posts a form and reads the JSON of a success, or of an error of RFC 6749.
pub(super) async fn post<T: serde::de::DeserializeOwned>(
    http: &HttpClient,
    url: Url,
    form: String,
) -> Result<T, OidcError> {
    let request = Request::post(url, Body::bytes(form.into_bytes()))
        .content_type("application/x-www-form-urlencoded")
        .accept("application/json");
    let answer = http.send(request).await?;
    let expected = [
        StatusCode::OK,
        StatusCode::BAD_REQUEST,
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
    ];
    let answer = answer.require(&expected).await?;
    read(&answer.bytes(DOCUMENT_BYTES, "an issuer's answer").await?)
}

fn read<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, OidcError> {
    limits::parse_json(bytes, DOCUMENT_BYTES, "issuer's answer")
        .map_err(|source| OidcError::Limit { from: FROM, source })
}

/// Text of the other side, as it may be shown.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .take(200)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// 32 random bytes as a text that needs no quoting.
pub(super) fn random() -> Result<String, OidcError> {
    Ok(URL_SAFE_NO_PAD.encode(bulla_crypto::random::bytes::<32>()?))
}

/// A secret of ours and the challenge that goes ahead of it (RFC 7636, S256).
pub(super) struct Pkce {
    pub(super) verifier: String,
    pub(super) challenge: String,
}

impl Pkce {
    pub(super) fn new() -> Result<Self, OidcError> {
        let verifier = random()?;
        let challenge = URL_SAFE_NO_PAD.encode(Digest::sha256(verifier.as_bytes()).bytes());
        Ok(Self {
            verifier,
            challenge,
        })
    }
}

fn nonce_of(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        nonce: String,
    }
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Claims = limits::parse_json(&payload, limits::TOKEN_BYTES, "token").ok()?;
    Some(claims.nonce)
}
