//! Upstream issuers: whom we let vouch for people and workloads, and how far.
//!
//! Each has an allow-list of mail domains, since whoever may vouch for any address
//! may be anybody. Its keys come by the rules of `ca::issuer`: pinned in a file or
//! fetched from the issuer's own host. An issuer of this instance cannot be one:
//! what was merely asserted would come out as if somebody had logged in.

use bulla_core::limits;
use bulla_net::HttpClient;
use bulla_trust::jwt::{Algorithm, Claims};
use jiff::Timestamp;
use serde::Deserialize;
use std::{fs, path::PathBuf};
use url::Url;
use zeroize::Zeroizing;

use super::{
    LoginError,
    identity::{Identity, LOCAL},
    settings::OidcSettings,
    token::is_email,
    user::is_plain,
};
use crate::{
    ca::issuer::{IssuerKeys, IssuerOptions, IssuerTrust, KeySource},
    error::AuthorityError,
};

const ID_BYTES: usize = 32;
const SECRET_BYTES: u64 = 4096;
/// Groups that are taken over, and bytes of each.
const GROUPS: usize = 64;
const GROUP_BYTES: usize = 64;

/// An upstream issuer, as it is configured: `[[oidc.upstream]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Upstream {
    /// Our name for it: in tokens, subjects and lists of clients.
    pub id: String,
    /// What the button says.
    pub name: String,
    /// Its URL, exactly as its tokens name it.
    pub issuer: String,
    /// Who we are there. Without it nobody logs in there; its tokens may still be
    /// exchanged.
    pub client_id: Option<String>,
    /// Where our secret there lies, if we have one.
    pub client_secret_file: Option<PathBuf>,
    /// The audience of tokens that are exchanged; ours otherwise.
    pub audience: Option<String>,
    /// The mail domains that it may vouch for, exactly; none otherwise.
    pub email_domains: Vec<String>,
    /// The claim that lists groups, if they are to be taken over.
    pub groups_claim: Option<String>,
    /// Where people log in, if that is not to be asked of the issuer.
    pub authorization_endpoint: Option<String>,
    /// Where codes become tokens, likewise.
    pub token_endpoint: Option<String>,
    /// Where its keys are from.
    pub keys: IssuerOptions,
}

/// Whose tokens become ours: `[[oidc.exchange]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExchangeRule {
    /// The upstream issuer, by our name for it.
    pub connector: String,
    /// The subjects, whole; `*` stands for any characters. None match otherwise.
    pub subjects: Vec<String>,
    /// The audiences that can be had.
    pub audiences: Vec<String>,
    /// The scopes that can be had.
    pub scopes: Vec<String>,
    /// The clients that may ask.
    pub clients: Vec<String>,
}

impl ExchangeRule {
    /// Whether it is about this subject and client.
    pub fn covers(&self, connector: &str, subject: &str, client: &str) -> bool {
        self.connector == connector
            && self.clients.iter().any(|one| one == client)
            && self.subjects.iter().any(|one| matches(one, subject))
    }
}

/// Whether all of `text` fits `pattern`, in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part).and_then(|at| rest.get(at + part.len()..)) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// An upstream issuer that can be asked.
pub struct Connector {
    settings: Upstream,
    secret: Option<Zeroizing<String>>,
    /// What is demanded of tokens that come out of a login there.
    pub for_login: Option<IssuerTrust>,
    /// What is demanded of tokens that are exchanged.
    pub for_exchange: IssuerTrust,
    endpoints: KeySource,
}

/// The upstream issuers and the rules of exchange.
#[derive(Default)]
pub struct Connectors {
    all: Vec<Connector>,
    rules: Vec<ExchangeRule>,
}

impl Connectors {
    /// Reads what is configured for the login issuer at `own_url`.
    ///
    /// # Errors
    /// [`LoginError::Connector`], or if a file of keys cannot be read.
    pub fn load(
        settings: &OidcSettings,
        base_url: &str,
        own_url: &str,
    ) -> Result<Self, AuthorityError> {
        let mut all: Vec<Connector> = Vec::new();
        for upstream in &settings.upstream {
            let refused = |why| LoginError::Connector {
                id: upstream.id.chars().take(ID_BYTES).collect(),
                why,
            };
            let taken = [LOCAL, "client"].contains(&upstream.id.as_str())
                || all.iter().any(|one| one.settings.id == upstream.id);
            if !is_plain(&upstream.id, ID_BYTES) || upstream.id.contains('/') || taken {
                return Err(refused("its id must be a plain name of its own").into());
            }
            let own =
                upstream.issuer == base_url || upstream.issuer.starts_with(&format!("{base_url}/"));
            if own {
                return Err(refused("an issuer of this instance cannot vouch here").into());
            }
            all.push(Connector::load(upstream, own_url)?);
        }
        for rule in &settings.exchange {
            let known = all.iter().any(|one| one.settings.id == rule.connector);
            if !known || rule.audiences.is_empty() || rule.subjects.is_empty() {
                return Err(LoginError::Connector {
                    id: rule.connector.chars().take(ID_BYTES).collect(),
                    why: "an exchange needs a configured upstream, subjects and audiences",
                }
                .into());
            }
        }
        Ok(Self {
            all,
            rules: settings.exchange.clone(),
        })
    }

    /// The issuer that we call `id`.
    pub fn get(&self, id: &str) -> Option<&Connector> {
        self.all.iter().find(|one| one.settings.id == id)
    }

    /// The issuer of that URL.
    pub fn of_issuer(&self, url: &str) -> Option<&Connector> {
        self.all.iter().find(|one| one.settings.issuer == url)
    }

    /// Those that people can log in at.
    pub fn for_login(&self) -> impl Iterator<Item = &Connector> {
        self.all.iter().filter(|one| one.for_login.is_some())
    }

    /// The first rule about this subject and client.
    pub fn rule(&self, connector: &str, subject: &str, client: &str) -> Option<&ExchangeRule> {
        let mut rules = self.rules.iter();
        rules.find(|rule| rule.covers(connector, subject, client))
    }
}

impl Connector {
    fn load(upstream: &Upstream, own_url: &str) -> Result<Self, AuthorityError> {
        let options = &upstream.keys;
        let keys = options.source(&upstream.issuer, "", false)?;
        // Endpoints are asked for even where keys are pinned.
        let unpinned = IssuerOptions {
            jwks_file: None,
            ..options.clone()
        };
        let trust = |audience: &str| IssuerTrust {
            url: upstream.issuer.clone(),
            audience: audience.to_owned(),
            algorithms: match options.algorithms.as_slice() {
                [] => Algorithm::ALL.to_vec(),
                some => some.to_vec(),
            },
            keys: keys.clone(),
        };
        let secret = upstream.client_secret_file.as_ref().map(|path| {
            let file = fs::File::open(path).ok();
            let bytes = file
                .and_then(|file| limits::read_bounded(file, SECRET_BYTES, "client secret").ok());
            let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            let text = text.map(Zeroizing::new);
            text.map(|text| Zeroizing::new(text.trim().to_owned()))
                .ok_or(LoginError::Connector {
                    id: upstream.id.clone(),
                    why: "its client_secret_file cannot be read",
                })
        });
        Ok(Self {
            secret: secret.transpose()?,
            for_login: upstream.client_id.as_deref().map(trust),
            for_exchange: trust(upstream.audience.as_deref().unwrap_or(own_url)),
            endpoints: unpinned.source(&upstream.issuer, "", false)?,
            settings: upstream.clone(),
        })
    }

    /// What is configured.
    pub fn settings(&self) -> &Upstream {
        &self.settings
    }

    /// Our secret there.
    pub fn secret(&self) -> Option<&str> {
        self.secret.as_deref().map(String::as_str)
    }

    /// Where people log in and where codes become tokens there, and a client that
    /// may go there.
    ///
    /// # Errors
    /// [`AuthorityError`] if the issuer does not say, or says something odd.
    pub async fn endpoints(&self, keys: &IssuerKeys) -> Result<(Url, Url, HttpClient), LoginError> {
        let upstream = &self.settings;
        let unusable = |error: crate::ca::issuer::IssuerError| LoginError::Upstream {
            id: upstream.id.clone(),
            why: error.to_string(),
        };
        let http = keys.client(&upstream.issuer, &self.endpoints);
        let http = http.map_err(unusable)?;
        let parsed = |url: &Option<String>| {
            let url = url.as_deref().map(Url::parse).transpose();
            url.map_err(|_| LoginError::Upstream {
                id: upstream.id.clone(),
                why: "its configured address is not a URL".into(),
            })
        };
        let mut login = parsed(&upstream.authorization_endpoint)?;
        let mut token = parsed(&upstream.token_endpoint)?;
        if login.is_none() || token.is_none() {
            let found = keys.discovery(&upstream.issuer, &self.endpoints).await;
            let found = found.map_err(unusable)?;
            login = login.or(found.authorization_endpoint);
            token = token.or(found.token_endpoint);
        }
        match (login, token) {
            (Some(login), Some(token)) => Ok((login, token, http)),
            _ => Err(LoginError::Upstream {
                id: upstream.id.clone(),
                why: "it names no address for logins".into(),
            }),
        }
    }

    /// A person of the allowed domains whose address the issuer verified.
    pub fn person(&self, claims: &Claims, now: Timestamp) -> Option<Identity> {
        let email = claims.email.as_deref()?.to_ascii_lowercase();
        let (_, domain) = email.rsplit_once('@')?;
        let domains = &self.settings.email_domains;
        let allowed = domains.iter().any(|one| one.eq_ignore_ascii_case(domain));
        if !claims.email_verified || !allowed || !is_email(&email) {
            return None;
        }
        Some(Identity {
            subject: email.clone(),
            email: Some(email),
            ..self.somebody(claims, now)
        })
    }

    /// Somebody without an address: a URI below our own.
    pub fn workload(&self, own_url: &str, claims: &Claims, now: Timestamp) -> Identity {
        let subject = url::form_urlencoded::byte_serialize(claims.subject.as_bytes());
        let subject: String = subject.collect();
        Identity {
            subject: format!("{own_url}/via/{}/{subject}", self.settings.id),
            ..self.somebody(claims, now)
        }
    }

    fn somebody(&self, claims: &Claims, now: Timestamp) -> Identity {
        let groups = self.settings.groups_claim.as_deref();
        let groups = groups.and_then(|name| claims.all.json(name));
        let groups: Vec<String> = groups
            .and_then(|groups| serde_json::from_value(groups).ok())
            .unwrap_or_default();
        let plain = groups.into_iter().filter(|one| is_plain(one, GROUP_BYTES));
        Identity {
            subject: String::new(),
            email: None,
            name: None,
            groups: plain.take(GROUPS).collect(),
            connector: self.settings.id.clone(),
            user_id: claims.subject.clone(),
            auth_time: now.as_second(),
        }
    }
}

#[cfg(test)]
mod tests;
