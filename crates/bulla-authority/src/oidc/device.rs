//! Logins on another device (RFC 8628): codes for the program and for the person.
//!
//! The program's code is a [`Ticket`]; the person's has eight letters of an
//! alphabet without vowels and look-alikes (§6.1), 34 bits that live ten minutes
//! and can be tried only by somebody who has logged in, a few times. Both records
//! are written in one step.

use bulla_crypto::random;
use bulla_store::{Values, state::Change};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    LoginError,
    expiring::{Expiring, Stored, Ticket},
    identity::{Identity, Scope},
    oauth_error::{OAuthError, Refusal},
};

/// How long a code holds, in seconds.
pub const LIFE: i64 = 600;
/// How long a program waits between two questions at first, in seconds.
pub const INTERVAL: i64 = 5;
const SPACE: &str = "oidc-device";
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const CODE: usize = 8;
/// How often a code that is taken is drawn again.
const DRAWS: usize = 8;

/// What a program asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Waiting {
    /// The client.
    pub client: String,
    /// What it wants to be told.
    pub scope: Scope,
    /// Its PKCE challenge, if it sent one.
    pub challenge: Option<String>,
    /// The person's code.
    pub user_code: String,
    state: State,
    interval: i64,
    asked: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum State {
    Open,
    Denied,
    Allowed(Identity),
    Spent,
}

/// Device logins that are under way. Cheap to clone.
#[derive(Clone)]
pub struct Devices {
    values: Values,
    waiting: Expiring,
}

impl Devices {
    /// Over the state of the instance.
    pub fn new(values: Values) -> Self {
        Self {
            waiting: Expiring::new(values.clone(), SPACE),
            values,
        }
    }

    /// Begins a login; gives both codes.
    ///
    /// # Errors
    /// [`LoginError`] of the database, or without randomness.
    pub async fn begin(
        &self,
        client: String,
        scope: Scope,
        challenge: Option<String>,
        expires: Timestamp,
    ) -> Result<(String, String), LoginError> {
        let ticket = Ticket::new(expires)?;
        let mut waiting = Waiting {
            client,
            scope,
            challenge,
            user_code: String::new(),
            state: State::Open,
            interval: INTERVAL,
            asked: 0,
        };
        for _ in 0..DRAWS {
            waiting.user_code = draw()?;
            let (key, name) = (ticket.key(), by_code(&waiting.user_code));
            let value = serde_json::to_vec(&waiting)?;
            let absent = |key, value| Change::Swap {
                key,
                expected: None,
                value,
            };
            let both = [absent(&name, key.as_bytes()), absent(&key, &value)];
            if self.values.apply(SPACE, &both).await? {
                return Ok((ticket.text(), waiting.user_code));
            }
        }
        Err(LoginError::Busy)
    }

    /// What waits for the person's code, as it was typed.
    ///
    /// # Errors
    /// [`LoginError`] of the database.
    pub async fn find(
        &self,
        typed: &str,
        now: Timestamp,
    ) -> Result<Option<Stored<Waiting>>, LoginError> {
        let Some(code) = normal(typed) else {
            return Ok(None);
        };
        let Some(key) = self.values.get(SPACE, &by_code(&code)).await? else {
            return Ok(None);
        };
        let key = String::from_utf8_lossy(&key).into_owned();
        let found = self.waiting.get::<Waiting>(key, now).await?;
        let open = |found: &Stored<Waiting>| {
            found.value.user_code == code && matches!(found.value.state, State::Open)
        };
        Ok(found.filter(open))
    }

    /// The person's answer: who they are, or no. `false` if it came too late.
    ///
    /// # Errors
    /// [`LoginError`] of the database.
    pub async fn answer(
        &self,
        stored: &Stored<Waiting>,
        identity: Option<Identity>,
    ) -> Result<bool, LoginError> {
        let answered = Waiting {
            state: identity.map_or(State::Denied, State::Allowed),
            ..stored.value.clone()
        };
        self.waiting.replace(stored, &answered).await
    }

    /// The program's question. The identity is given once.
    ///
    /// # Errors
    /// In RFC 8628's words: `authorization_pending`, `slow_down`, `access_denied`,
    /// `expired_token`; `invalid_grant` for a code that never was or was used.
    pub async fn poll(
        &self,
        code: &str,
        now: Timestamp,
        check: impl FnOnce(&Waiting) -> Result<(), OAuthError>,
    ) -> Result<(Waiting, Identity), OAuthError> {
        let unknown = || OAuthError::grant("the device code is unknown or was used");
        let ticket = Ticket::parse(code).ok_or_else(unknown)?;
        let internal = |error: LoginError| OAuthError::internal(&error);
        let found = self.waiting.get::<Waiting>(ticket.key(), now).await;
        let Some(found) = found.map_err(internal)? else {
            let kind = match ticket.ended(now) {
                true => Refusal::ExpiredToken,
                false => return Err(unknown()),
            };
            return Err(OAuthError::new(kind, "the device code has expired"));
        };
        check(&found.value)?;
        let mut next = found.value.clone();
        let hasty = now.as_second() < next.asked.saturating_add(next.interval);
        next.asked = now.as_second();
        let outcome = match found.value.state.clone() {
            State::Spent => return Err(unknown()),
            State::Denied => Err(OAuthError::new(Refusal::AccessDenied, "the person refused")),
            _ if hasty => {
                // §3.5: five seconds more, for this and every later question.
                next.interval = next.interval.saturating_add(INTERVAL).min(LIFE);
                Err(OAuthError::new(
                    Refusal::SlowDown,
                    "wait longer between two questions",
                ))
            }
            State::Open => Err(OAuthError::new(
                Refusal::AuthorizationPending,
                "the person has not answered yet",
            )),
            State::Allowed(identity) => {
                next.state = State::Spent;
                Ok(identity)
            }
        };
        // Of two questions at the same moment one is answered.
        if !self
            .waiting
            .replace(&found, &next)
            .await
            .map_err(internal)?
        {
            return Err(OAuthError::new(Refusal::SlowDown, "one question at a time"));
        }
        outcome.map(|identity| (next, identity))
    }

    /// Forgets what has ended.
    ///
    /// # Errors
    /// [`LoginError`] of the database.
    pub async fn purge(&self, now: Timestamp) -> Result<(), LoginError> {
        self.waiting
            .purge_with(now, |raw| {
                let waiting: Waiting = serde_json::from_slice(raw).ok()?;
                Some(by_code(&waiting.user_code))
            })
            .await
    }
}

fn draw() -> Result<String, LoginError> {
    let mut code = String::new();
    while code.len() < CODE {
        for byte in random::bytes::<16>()? {
            // 240 is the largest multiple of 20 below 256: every letter is as likely.
            let letter = LETTERS.get(usize::from(byte) % LETTERS.len());
            if byte < 240 && code.len() < CODE {
                code.extend(letter.map(|b| char::from(*b)));
            }
        }
    }
    Ok(code)
}

/// As it is shown: `BCDF-GHJK`.
pub fn shown(code: &str) -> String {
    match code.split_at_checked(CODE / 2) {
        Some((first, second)) => format!("{first}-{second}"),
        None => code.to_owned(),
    }
}

/// A code as it was typed: case, blanks and hyphens do not matter.
pub fn normal(typed: &str) -> Option<String> {
    if typed.len() > 4 * CODE {
        return None;
    }
    let code: String = typed
        .chars()
        .filter(|c| !matches!(c, '-' | ' '))
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let valid = code.len() == CODE && code.bytes().all(|b| LETTERS.contains(&b));
    valid.then_some(code)
}

fn by_code(code: &str) -> String {
    format!("code/{code}")
}
