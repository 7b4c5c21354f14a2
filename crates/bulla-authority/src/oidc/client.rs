//! Clients: the programs that ask for tokens.
//!
//! `sigstore` is there from the beginning: public (RFC 8252), for cosign,
//! sigstore-python, sigstore-js and gitsign. Others are registered; those that
//! can keep a secret get one of 256 random bits, shown once and kept as a hash.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bulla_core::Digest;
use bulla_crypto::random;
use bulla_store::{Values, state::Change};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::{
    LoginError,
    redirect::{self, OUT_OF_BAND},
    user::is_plain,
};

/// The client that every Sigstore tool is.
pub const SIGSTORE: &str = "sigstore";
const SPACE: &str = "oidc-client";
const PAGE: u32 = 256;
const ID_BYTES: usize = 64;
const AUDIENCE_BYTES: usize = 255;
/// Redirects, audiences or connectors of one client.
const ENTRIES: usize = 32;

/// A way to get a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// A login in a browser.
    AuthorizationCode,
    /// The client's own identity.
    ClientCredentials,
    /// A login on another device.
    DeviceCode,
    /// A token of another issuer.
    TokenExchange,
}

/// A client, as it is stored. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Client {
    /// Its name.
    pub id: String,
    /// Where browsers may be sent.
    pub redirects: Vec<String>,
    /// What it may do.
    pub grants: Vec<Grant>,
    /// Audiences of its own tokens beside itself.
    pub audiences: Vec<String>,
    /// Upstream issuers whose people it may be used by; `None`: all, `local` is
    /// the users here.
    pub connectors: Option<Vec<String>>,
    /// SHA-256 of its secret, hexadecimal; public clients have none.
    secret: Option<String>,
    /// When it was registered.
    pub created: Timestamp,
}

/// What a new client is to be.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct NewClient {
    /// Its name.
    pub id: String,
    /// Whether it can keep no secret.
    pub public: bool,
    /// Where browsers may be sent.
    pub redirects: Vec<String>,
    /// What it may do.
    pub grants: Vec<Grant>,
    /// Audiences of its own tokens beside itself.
    pub audiences: Vec<String>,
    /// As in [`Client`].
    pub connectors: Option<Vec<String>>,
}

impl Client {
    /// The client of Sigstore's tools, with the redirects that they use.
    pub fn sigstore() -> Self {
        let loopback = ["localhost", "127.0.0.1", "[::1]"].map(|host| {
            // cosign, gitsign, sigstore-python; then sigstore-js.
            ["/auth/callback", "/"].map(|path| format!("http://{host}{path}"))
        });
        let mut redirects = loopback.concat();
        redirects.push(OUT_OF_BAND.into());
        Self {
            id: SIGSTORE.into(),
            redirects,
            grants: vec![
                Grant::AuthorizationCode,
                Grant::DeviceCode,
                Grant::TokenExchange,
            ],
            audiences: Vec::new(),
            connectors: None,
            secret: None,
            created: Timestamp::UNIX_EPOCH,
        }
    }

    /// Whether it can keep no secret.
    pub fn is_public(&self) -> bool {
        self.secret.is_none()
    }

    /// Whether `secret` proves that it is this client: a public one has none.
    pub fn accepts(&self, secret: Option<&str>) -> bool {
        match (&self.secret, secret.unwrap_or_default()) {
            (None, "") => true,
            (None, _) | (Some(_), "") => false,
            (Some(kept), secret) => {
                let hash = Digest::sha256(secret.as_bytes());
                kept.as_bytes().ct_eq(hash.hex().as_bytes()).into()
            }
        }
    }

    /// Whether it may use `grant`.
    pub fn may(&self, grant: Grant) -> bool {
        self.grants.contains(&grant)
    }

    /// Whether people (or tokens) of `connector` may use it.
    pub fn admits(&self, connector: &str) -> bool {
        let list = self.connectors.as_ref();
        list.is_none_or(|list| list.iter().any(|one| one == connector))
    }

    /// Whether a browser may be sent to `url` with its codes.
    pub fn redirects_to(&self, url: &str) -> bool {
        self.redirects.iter().any(|one| redirect::allows(one, url))
    }
}

/// The clients of an instance. Cheap to clone.
#[derive(Clone)]
pub struct Clients {
    values: Values,
}

impl Clients {
    /// Over the state of the instance.
    pub fn new(values: Values) -> Self {
        Self { values }
    }

    /// Registers a client; gives its secret, if it has one, for showing once.
    ///
    /// # Errors
    /// [`LoginError::Name`], [`LoginError::Redirect`], [`LoginError::Unfit`],
    /// [`LoginError::Exists`].
    pub async fn add(
        &self,
        new: NewClient,
        now: Timestamp,
    ) -> Result<(Client, Option<String>), LoginError> {
        check(&new)?;
        let secret = match new.public {
            true => None,
            false => Some(URL_SAFE_NO_PAD.encode(random::bytes::<32>()?)),
        };
        let hash = |secret: &String| Digest::sha256(secret.as_bytes()).hex().to_owned();
        let client = Client {
            id: new.id,
            redirects: new.redirects,
            grants: new.grants,
            audiences: new.audiences,
            connectors: new.connectors,
            secret: secret.as_ref().map(hash),
            created: now,
        };
        let value = serde_json::to_vec(&client)?;
        let change = Change::Swap {
            key: &client.id,
            expected: None,
            value: &value,
        };
        let free = client.id != SIGSTORE;
        if !free || !self.values.apply(SPACE, &[change]).await? {
            return Err(LoginError::Exists { what: "client" });
        }
        tracing::info!(target: "audit", event = "oidc.client.added", client = %client.id);
        Ok((client, secret))
    }

    /// A client.
    ///
    /// # Errors
    /// [`LoginError`] of the database.
    pub async fn get(&self, id: &str) -> Result<Option<Client>, LoginError> {
        if id == SIGSTORE {
            return Ok(Some(Client::sigstore()));
        }
        if !is_plain(id, ID_BYTES) {
            return Ok(None);
        }
        let raw = self.values.get(SPACE, id).await?;
        Ok(raw.map(|raw| serde_json::from_slice(&raw)).transpose()?)
    }

    /// All of them, `sigstore` first.
    ///
    /// # Errors
    /// [`LoginError`] of the database.
    pub async fn list(&self) -> Result<Vec<Client>, LoginError> {
        let mut clients = vec![Client::sigstore()];
        let mut after = String::new();
        loop {
            let page = self.values.scan(SPACE, &after, PAGE).await?;
            let Some((last, _)) = page.last() else {
                return Ok(clients);
            };
            after.clone_from(last);
            for (_, raw) in page {
                clients.push(serde_json::from_slice(&raw)?);
            }
        }
    }

    /// Removes a client; its codes and tokens are not renewed any more.
    ///
    /// # Errors
    /// [`LoginError::Unknown`].
    pub async fn remove(&self, id: &str) -> Result<(), LoginError> {
        if id == SIGSTORE || self.get(id).await?.is_none() {
            return Err(LoginError::Unknown { what: "client" });
        }
        self.values
            .apply(SPACE, &[Change::Delete { key: id }])
            .await?;
        tracing::info!(target: "audit", event = "oidc.client.removed", client = %id);
        Ok(())
    }
}

fn check(new: &NewClient) -> Result<(), LoginError> {
    let name = |what, limit| Err(LoginError::Name { what, limit });
    if !is_plain(&new.id, ID_BYTES) || new.id.contains(':') {
        return name("a client's name", ID_BYTES);
    }
    let lists = [&new.redirects, &new.audiences];
    if lists.iter().any(|list| list.len() > ENTRIES) {
        return Err(LoginError::Unfit("a client has at most 32 of each"));
    }
    if !new
        .audiences
        .iter()
        .all(|one| is_plain(one, AUDIENCE_BYTES))
    {
        return name("an audience", AUDIENCE_BYTES);
    }
    for url in &new.redirects {
        redirect::check(url)?;
    }
    if new.public && new.grants.contains(&Grant::ClientCredentials) {
        return Err(LoginError::Unfit(
            "a public client has no identity of its own: it cannot use client_credentials",
        ));
    }
    if new.redirects.is_empty() == new.grants.contains(&Grant::AuthorizationCode) {
        return Err(LoginError::Unfit(
            "logins in a browser need a redirect address, and only they do",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
