//! Logging in with a code that is entered on another device (RFC 8628).

use bulla_core::Clock;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{Instant, sleep};

use super::{
    Login, Notice, Notify, OidcError, Token,
    issuer::{Discovery, FROM, Granted, Pkce, grant, post, printable},
};
use crate::http::HttpClient;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Between two questions, if the issuer does not say (RFC 8628 §3.2).
const INTERVAL: u64 = 5;
/// And if it says something odd.
const INTERVALS: std::ops::RangeInclusive<u64> = 1..=60;
/// What `slow_down` adds (§3.5).
const SLOWER: u64 = 5;

#[derive(Deserialize)]
struct Authorization {
    #[serde(default)]
    device_code: String,
    #[serde(default)]
    user_code: String,
    #[serde(default)]
    verification_uri: String,
    verification_uri_complete: Option<String>,
    #[serde(default)]
    expires_in: u64,
    interval: Option<u64>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Logs a person in who enters a code elsewhere. `notify` says where.
///
/// # Errors
/// [`OidcError`] if the person or the issuer refuses, or nobody comes in time.
pub async fn device(
    http: &HttpClient,
    login: &Login,
    notify: &Notify<'_>,
    clock: &dyn Clock,
) -> Result<Token, OidcError> {
    let issuer = Discovery::fetch(http, login).await?;
    let pkce = Pkce::new()?;
    let form = login.form(&[
        ("scope", "openid email"),
        ("code_challenge", &pkce.challenge),
        ("code_challenge_method", "S256"),
    ]);
    let begun: Authorization = post(http, issuer.device()?, form).await?;
    if let Some(error) = begun.error {
        return Err(OidcError::Denied {
            error: printable(&error),
            description: begun.error_description.as_deref().map(printable),
        });
    }
    if begun.device_code.is_empty() || begun.verification_uri.is_empty() {
        return Err(OidcError::Answer {
            from: FROM,
            detail: "no code to enter".into(),
        });
    }
    notify(Notice::Enter {
        url: &printable(&begun.verification_uri),
        code: &printable(&begun.user_code),
        complete: begun
            .verification_uri_complete
            .as_deref()
            .map(printable)
            .as_deref(),
    });
    let form = login.form(&[
        ("grant_type", GRANT),
        ("device_code", &begun.device_code),
        ("code_verifier", &pkce.verifier),
    ]);
    let life = Duration::from_secs(begun.expires_in).min(login.patience);
    let end = Instant::now() + life;
    let mut interval = begun
        .interval
        .unwrap_or(INTERVAL)
        .clamp(*INTERVALS.start(), *INTERVALS.end());
    loop {
        let next = Instant::now() + Duration::from_secs(interval);
        if next > end {
            return Err(OidcError::Timeout { who: "the person" });
        }
        sleep(Duration::from_secs(interval)).await;
        match grant(http, issuer.token()?, form.clone()).await? {
            Granted::Token(token) => return login.accept(token, None, clock.now()),
            Granted::Denied { error, .. } if error == "authorization_pending" => {}
            Granted::Denied { error, .. } if error == "slow_down" => {
                interval = (interval + SLOWER).min(*INTERVALS.end());
            }
            denied => return denied.or_denied(),
        }
    }
}
