//! The login issuer: for people and machines that prove who they are.
//!
//! OpenID Connect Core 1.0 with authorization code and PKCE (RFC 7636), device
//! logins (RFC 8628), client credentials, upstream issuers and token exchange
//! (RFC 8693). Its URL differs from those of the
//! asserted and the service identities, and so do its keys. Everything that must
//! be remembered lies in the state that all replicas share. There are no refresh
//! tokens: a token lives ten minutes, and who needs another logs in again.

mod authorize;
mod credentials;
mod device;
mod discovery;
mod exchange;
mod posted;
pub mod request;
mod token;
mod upstream;
mod userinfo;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use bulla_core::Clock;
use bulla_store::Values;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use url::Url;

use super::{
    LoginError,
    attempts::Attempts,
    client::Clients,
    code::Codes,
    connector::Connectors,
    cookie::Jar,
    device::Devices,
    form::FORM_BYTES,
    identity::{Grant, Identity, LOCAL},
    key_ring::KeyRing,
    session::Sessions,
    settings::OidcSettings,
    single_use::SingleUse,
    throttle::Throttle,
    user::Users,
};
use crate::{
    ca::issuer::{IssuerKeys, LocalKeys, PendingKeys},
    error::AuthorityError,
    health::Lifetime,
    key_slot::KeySlots,
};
use upstream::Errands;

/// The path of the issuer below the instance's address.
pub const PATH: &str = "/oidc/login";

/// The login issuer of an instance.
pub struct Login {
    url: String,
    settings: OidcSettings,
    clock: Arc<dyn Clock>,
    keys: KeyRing,
    issuers: IssuerKeys,
    connectors: Connectors,
    errands: Errands,
    users: Users,
    clients: Clients,
    codes: Codes,
    devices: Devices,
    sessions: Sessions,
    attempts: Attempts,
    single_use: SingleUse,
    throttle: Throttle,
    jar: Jar,
}

impl Login {
    /// Opens the issuer of the instance at `base_url`.
    ///
    /// # Errors
    /// [`AuthorityError`] if its keys cannot be read or made.
    pub async fn open(
        base_url: &str,
        settings: OidcSettings,
        values: Values,
        slots: KeySlots,
        issuers: IssuerKeys,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AuthorityError> {
        let url = format!("{base_url}{PATH}");
        let host = Url::parse(base_url).ok();
        let host = host.as_ref().and_then(Url::host_str).unwrap_or_default();
        let keys = KeyRing::open(
            values.clone(),
            slots.clone(),
            settings.key_life(),
            clock.now(),
        );
        Ok(Self {
            jar: Jar::new(&url),
            keys: keys.await?,
            issuers,
            connectors: Connectors::load(&settings, base_url, &url)?,
            errands: Errands::new(values.clone()),
            users: Users::new(values.clone(), slots, format!("bulla {host}")),
            clients: Clients::new(values.clone()),
            codes: Codes::new(values.clone()),
            devices: Devices::new(values.clone()),
            sessions: Sessions::new(values.clone()),
            attempts: Attempts::new(values.clone()),
            single_use: SingleUse::new(values),
            throttle: Throttle::default(),
            url,
            settings,
            clock,
        })
    }

    /// Its URL, exactly as tokens carry it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The people.
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// The programs.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Remembers tokens that are good for one use.
    pub fn single_use(&self) -> &SingleUse {
        &self.single_use
    }

    /// Rotates keys when it is time, and forgets what has ended. Cheap and
    /// idempotent; safe on any replica.
    ///
    /// # Errors
    /// [`AuthorityError`] if state or slots fail.
    pub async fn renew(&self, now: Timestamp) -> Result<(), AuthorityError> {
        self.keys.renew(now).await?;
        self.codes.purge(now).await?;
        self.devices.purge(now).await?;
        self.errands.purge(now).await?;
        self.sessions.purge(now).await?;
        self.single_use.renew(now).await
    }

    /// What of it ends.
    pub fn lifetimes(&self) -> Vec<Lifetime> {
        self.keys.lifetime().into_iter().collect()
    }

    /// What it answers over HTTP, below [`PATH`].
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(discovery::document),
            )
            .route("/keys", get(discovery::keys))
            .route("/auth", get(authorize::ask).post(authorize::answer))
            .route("/callback", get(upstream::callback))
            .route("/device/code", post(device::begin))
            .route("/device", get(device::ask).post(device::answer))
            .route("/token", post(token::token))
            .route(
                "/userinfo",
                get(userinfo::userinfo).post(userinfo::userinfo),
            )
            .layer(DefaultBodyLimit::max(FORM_BYTES))
            .with_state(self.clone())
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// `seconds` from now on.
    fn after(&self, seconds: i64) -> Timestamp {
        let now = self.clock.now();
        now.saturating_add(SignedDuration::from_secs(seconds))
            .unwrap_or(Timestamp::MAX)
    }

    /// Whether a login still counts: a local user may have been disabled since,
    /// or have changed what they log in with. An address that is disabled here does
    /// not come in through another issuer either.
    async fn still_holds(&self, identity: &Identity) -> Result<bool, LoginError> {
        let Some(email) = &identity.email else {
            return Ok(true);
        };
        let user = self.users.get(email).await?;
        Ok(match (user, identity.connector.as_str()) {
            (Some(user), LOCAL) => user.enabled && user.changed.as_second() <= identity.auth_time,
            (Some(user), _) => user.enabled,
            (None, connector) => connector != LOCAL,
        })
    }

    async fn sign(&self, grant: Grant<'_>) -> Result<String, AuthorityError> {
        let now = self.clock.now();
        self.keys.sign(&grant.token(now), now).await
    }
}

impl LocalKeys for Login {
    fn key_set<'a>(&'a self, key_id: Option<&'a str>) -> PendingKeys<'a> {
        Box::pin(self.keys.key_set(key_id, self.clock.now()))
    }
}
