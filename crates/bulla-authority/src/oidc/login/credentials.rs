//! A person's proof in a form: address, password, one-time code; or a session.

use axum::http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

use super::Login;
use crate::oidc::{
    LoginError,
    attempts::Leave,
    client::Client,
    cookie::Kind,
    form::Form,
    identity::{Identity, LOCAL},
    password::Password,
    token::is_email,
    user::Rejected,
};

const EMAIL_BYTES: usize = 254;
const PASSWORD_BYTES: usize = 1024;
const OTP_BYTES: usize = 32;
const ATTEMPT: &str = "login";

/// Why a person is not let in.
pub(super) enum Denied {
    /// Something typed is wrong; what, is not said.
    Wrong,
    /// Too many tries.
    Wait(SignedDuration),
    /// Our own fault.
    Internal(LoginError),
}

impl From<LoginError> for Denied {
    fn from(error: LoginError) -> Self {
        Self::Internal(error)
    }
}

impl Denied {
    /// What the page says.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Wrong => "This combination of address, password and one-time code is not right.".into(),
            Self::Wait(time) => format!(
                "There were too many attempts. Try again in {} seconds.",
                time.as_secs().max(1)
            ),
            Self::Internal(LoginError::Busy) => "Too many people are logging in. Try again in a moment.".into(),
            Self::Internal(_) => "The login could not be checked. Try again; if it stays so, the operator finds the reason in the log.".into(),
        }
    }

    /// After how many seconds to come again.
    pub(super) fn retry_after(&self) -> Option<i64> {
        match self {
            Self::Wait(time) => Some(time.as_secs().max(1)),
            Self::Internal(LoginError::Busy) => Some(5),
            _ => None,
        }
    }
}

impl Login {
    /// Checks what was typed, for a login at `client`.
    pub(super) async fn log_in(&self, form: &Form, client: &Client) -> Result<Identity, Denied> {
        let text = |name, limit| form.need(name, limit).map_err(|_| Denied::Wrong);
        let (email, password) = (
            text("email", EMAIL_BYTES)?,
            text("password", PASSWORD_BYTES)?,
        );
        let code = form.short("otp", OTP_BYTES).map_err(|_| Denied::Wrong)?;
        let email = email.trim();
        let now = self.clock.now();
        let refused = |why: &'static str| {
            tracing::info!(
                target: "audit", event = "oidc.login.refused", why,
                user = if is_email(email) { email } else { "(no address)" },
                client = %client.id,
            );
        };
        if let Leave::Wait(time) = self.attempts.count(ATTEMPT, email, now).await? {
            refused("too many attempts");
            return Err(Denied::Wait(time));
        }
        let password = Password::new(password);
        let user = match self.users.authenticate(email, password, code, now).await? {
            Ok(user) => user,
            Err(rejected) => {
                refused(match rejected {
                    Rejected::Credentials => "credentials",
                    Rejected::Code => "one-time code",
                });
                return Err(Denied::Wrong);
            }
        };
        if !client.admits(LOCAL) {
            refused("the client takes no local users");
            return Err(Denied::Wrong);
        }
        self.attempts.forget(ATTEMPT, email).await?;
        tracing::info!(
            target: "audit", event = "oidc.login.accepted", user = %user.email, client = %client.id,
        );
        Ok(Identity::local(user, now))
    }

    /// Who is logged in in this browser, if it still counts.
    pub(super) async fn session(
        &self,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Option<Identity>, LoginError> {
        if !self.keeps_sessions() {
            return Ok(None);
        }
        let Some(cookie) = self.jar.get(headers, Kind::Session) else {
            return Ok(None);
        };
        match self.sessions.get(&cookie, now).await? {
            Some(identity) if self.still_holds(&identity).await? => Ok(Some(identity)),
            _ => Ok(None),
        }
    }

    /// Whether a login is remembered in the browser at all.
    pub(super) fn keeps_sessions(&self) -> bool {
        self.jar.is_secure() && self.settings.session_seconds > 0
    }
}
