//! Keys that are fetched from their issuer: discovery, then the key set.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use bulla_core::limits;
use bulla_net::{Addresses, Egress, HttpClient, HttpOptions, Request, http::is_loopback};
use bulla_trust::jwt::KeySet;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use url::Url;

use super::IssuerError;
use crate::ca::issuer::check::parse_issuer;

/// Longest document, in bytes.
const DOCUMENT_BYTES: u64 = 256 << 10;
/// Longest credential, in bytes.
const BEARER_BYTES: u64 = 64 << 10;
/// How long one request may take; there are at most two.
const PATIENCE: Duration = Duration::from_secs(5);
/// After how long keys are fetched anew.
const FRESH: SignedDuration = SignedDuration::from_mins(10);
/// How long keys serve on while their issuer does not answer: a key that it
/// withdrew must not live much longer.
const STALE: SignedDuration = SignedDuration::from_hours(1);
/// How long an issuer is left alone after it was asked.
const PAUSE: SignedDuration = SignedDuration::from_secs(30);
/// Issuers whose keys are kept.
const ISSUERS: usize = 1024;
/// Issuers that are asked at once.
const FETCHES: usize = 16;
/// Issuers that are known to keep their keys on another host, and where.
const ELSEWHERE: &[(&str, &str)] = &[("https://accounts.google.com", "www.googleapis.com")];

/// How a remote issuer is reached.
#[derive(Debug, Default)]
pub struct RemoteKeys {
    /// The address of its key set, if discovery shall not say.
    pub jwks_url: Option<Url>,
    /// Whether it may have a private address.
    pub private_network: bool,
    /// The authority of its server's certificate, in PEM, in place of the system's.
    pub ca_pem: Option<String>,
    /// A credential for the issuer's own host, read for each request.
    pub bearer_token_file: Option<PathBuf>,
    pub(in crate::ca::issuer) client: Mutex<Option<HttpClient>>,
}

/// What an issuer says about itself (Discovery 1.0 §3), as far as it is used.
#[derive(Clone, Debug, Deserialize)]
pub struct Discovery {
    /// The issuer.
    pub issuer: String,
    /// Where its keys are.
    #[serde(default, deserialize_with = "address")]
    pub jwks_uri: Option<Url>,
    /// Where people log in.
    #[serde(default, deserialize_with = "address")]
    pub authorization_endpoint: Option<Url>,
    /// Where codes become tokens.
    #[serde(default, deserialize_with = "address")]
    pub token_endpoint: Option<Url>,
}

fn address<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let url = text.map(|text| Url::parse(&text)).transpose();
    url.map_err(serde::de::Error::custom)
}

impl RemoteKeys {
    /// A client that reaches what is allowed for this issuer.
    pub fn client(&self, issuer: &str) -> HttpClient {
        let mut kept = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get_or_insert_with(|| {
            // Whoever configures an address of this machine means it.
            let local = Url::parse(issuer).is_ok_and(|url| is_loopback(&url));
            let mut options = HttpOptions::new(Egress::Any);
            if !self.private_network && !local {
                options.addresses = Addresses::Public;
            }
            options.connect = PATIENCE;
            options.pause = PATIENCE;
            HttpClient::new(match &self.ca_pem {
                Some(pem) => options.believing(pem.clone()),
                None => options,
            })
        })
        .clone()
    }

    /// Fetches and checks the discovery document.
    pub(super) async fn discover(&self, issuer: &str) -> Result<Discovery, IssuerError> {
        let base = parse_issuer(issuer).ok_or_else(|| refused(issuer, "it is not an https URL"))?;
        let address = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let url = Url::parse(&address).map_err(|_| refused(issuer, "it is not a URL"))?;
        let document = self.fetch(issuer, &base, url).await?;
        let found: Discovery = limits::parse_json(&document, DOCUMENT_BYTES, "discovery document")
            .map_err(|_| refused(issuer, "its discovery document cannot be read"))?;
        if found.issuer != issuer {
            return Err(refused(
                issuer,
                "its discovery document is of another issuer",
            ));
        }
        Ok(found)
    }

    async fn key_set(&self, issuer: &str) -> Result<KeySet, IssuerError> {
        let base = parse_issuer(issuer).ok_or_else(|| refused(issuer, "it is not an https URL"))?;
        let url = match &self.jwks_url {
            Some(url) => url.clone(),
            None => {
                let found = self.discover(issuer).await?;
                let url = found
                    .jwks_uri
                    .ok_or_else(|| refused(issuer, "its discovery document names no keys"))?;
                same_host(issuer, &base, &url)?;
                url
            }
        };
        let document = self.fetch(issuer, &base, url).await?;
        let keys =
            KeySet::parse(&document).map_err(|_| refused(issuer, "its key set cannot be read"))?;
        if keys.is_empty() {
            return Err(refused(issuer, "its key set has no key that is supported"));
        }
        Ok(keys)
    }

    async fn fetch(&self, issuer: &str, base: &Url, url: Url) -> Result<Vec<u8>, IssuerError> {
        let unreachable = |source| IssuerError::Unreachable {
            issuer: issuer.to_owned(),
            source,
        };
        let own = url.origin() == base.origin();
        let mut request = Request::get(url)
            .accept("application/json")
            .deadline(PATIENCE);
        if let Some(path) = self.bearer_token_file.as_ref().filter(|_| own) {
            let token = std::fs::File::open(path)
                .ok()
                .and_then(|file| limits::read_bounded(file, BEARER_BYTES, "credential").ok())
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| refused(issuer, "its bearer_token_file cannot be read"))?;
            request = request
                .authorization(&format!("Bearer {}", token.trim()))
                .map_err(unreachable)?;
        }
        let answer = self
            .client(issuer)
            .send(request)
            .await
            .map_err(unreachable)?;
        let answer = answer.require(&[http::StatusCode::OK]).await;
        let answer = answer.map_err(unreachable)?;
        let body = answer.bytes(DOCUMENT_BYTES, "an issuer's document");
        body.await.map_err(unreachable)
    }
}

/// Keys are taken from the issuer's own host, port and scheme.
fn same_host(issuer: &str, base: &Url, keys: &Url) -> Result<(), IssuerError> {
    let known = |(name, host): &(&str, &str)| *name == issuer && keys.host_str() == Some(host);
    let elsewhere = keys.scheme() == "https" && ELSEWHERE.iter().any(known);
    if keys.origin() == base.origin() || elsewhere {
        return Ok(());
    }
    Err(IssuerError::Elsewhere {
        issuer: issuer.to_owned(),
        host: keys.host_str().unwrap_or_default().to_owned(),
    })
}

fn refused(issuer: &str, why: &'static str) -> IssuerError {
    IssuerError::Document {
        issuer: issuer.to_owned(),
        why,
    }
}

/// What was fetched.
pub(super) struct Remotes {
    issuers: Mutex<BTreeMap<String, Arc<Remote>>>,
    fetches: Semaphore,
}

impl Default for Remotes {
    fn default() -> Self {
        Self {
            issuers: Mutex::default(),
            fetches: Semaphore::new(FETCHES),
        }
    }
}

#[derive(Default)]
struct Remote {
    kept: RwLock<Kept>,
    /// Held by whoever asks the issuer.
    asking: AsyncMutex<()>,
}

#[derive(Clone, Default)]
struct Kept {
    keys: Option<(KeySet, Timestamp)>,
    asked: Option<Timestamp>,
}

/// Whether less than `span` passed since `then`. A clock that was set back
/// makes everything old.
fn within(then: Timestamp, now: Timestamp, span: SignedDuration) -> bool {
    let passed = now.duration_since(then);
    !passed.is_negative() && passed < span
}

impl Kept {
    /// Keys that do without asking: young enough, and the wanted one among them.
    fn at_hand(&self, key_id: Option<&str>, now: Timestamp) -> Option<KeySet> {
        let (keys, fetched) = self.keys.as_ref()?;
        let known = key_id.is_none_or(|id| keys.holds(id));
        (known && within(*fetched, now, FRESH)).then(|| keys.clone())
    }

    /// Keys for when the issuer cannot be asked.
    fn in_need(&self, now: Timestamp) -> Option<KeySet> {
        let (keys, fetched) = self.keys.as_ref()?;
        within(*fetched, now, STALE).then(|| keys.clone())
    }
}

impl Remotes {
    pub(super) async fn key_set(
        &self,
        issuer: &str,
        source: &RemoteKeys,
        key_id: Option<&str>,
        now: Timestamp,
    ) -> Result<KeySet, IssuerError> {
        let remote = self.remote(issuer, now);
        let kept = || {
            remote
                .kept
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        };
        if let Some(keys) = kept().at_hand(key_id, now) {
            return Ok(keys);
        }
        let _asking = remote.asking.lock().await;
        let before = kept();
        if let Some(keys) = before.at_hand(key_id, now) {
            return Ok(keys);
        }
        let not_yet = || IssuerError::NotYet {
            issuer: issuer.to_owned(),
        };
        if before.asked.is_some_and(|asked| within(asked, now, PAUSE)) {
            return before.in_need(now).ok_or_else(not_yet);
        }
        let Ok(_permit) = self.fetches.try_acquire() else {
            return before.in_need(now).ok_or_else(not_yet);
        };
        let fetched = source.key_set(issuer).await;
        let mut kept = remote.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.asked = Some(now);
        match fetched {
            Ok(keys) => {
                kept.keys = Some((keys.clone(), now));
                Ok(keys)
            }
            Err(error) => {
                tracing::warn!(issuer, %error, "an issuer's keys were not refreshed");
                kept.in_need(now).ok_or(error)
            }
        }
    }

    /// The place of an issuer's keys; the one asked longest ago makes room.
    fn remote(&self, issuer: &str, now: Timestamp) -> Arc<Remote> {
        let mut issuers = self.issuers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(remote) = issuers.get(issuer) {
            return remote.clone();
        }
        if issuers.len() >= ISSUERS {
            let asked = |remote: &Remote| {
                let kept = remote.kept.read().unwrap_or_else(PoisonError::into_inner);
                kept.asked.unwrap_or(now)
            };
            let oldest = issuers.iter().min_by_key(|(_, remote)| asked(remote));
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                issuers.remove(&oldest);
            }
        }
        let remote = Arc::<Remote>::default();
        issuers.insert(issuer.to_owned(), remote.clone());
        remote
    }
}
