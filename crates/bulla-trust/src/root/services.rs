//! Which of the services that a signing config offers are used.
//!
//! Of each operator the newest service that is valid now, and of the highest API
//! version that any operator offers and we speak; then as many as the selector
//! says. Where any will do, the newest is taken: a choice at random would make
//! two runs differ for no gain. A kind that the config does not name at all is
//! not used; one that it names in vain is an error, not a weaker signature.

use jiff::Timestamp;
use std::collections::BTreeSet;

use super::{
    RootError,
    signing_config::{Selection, Selector, Service},
};

/// The API that a log speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogApi {
    /// Rekor version 1: entries with a promise and a time of the log's own.
    V1,
    /// Rekor version 2 (rekor-tiles): entries without time.
    V2,
}

impl LogApi {
    /// The `majorApiVersion` of signing configs.
    pub fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }
}

/// Which logs to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogChoice {
    /// Those of the highest API version on offer.
    #[default]
    Newest,
    /// Those of version 1 only.
    V1,
    /// Those of version 2 only.
    V2,
    /// None, whatever is on offer.
    None,
}

impl LogChoice {
    /// The versions that may be used, highest first.
    fn versions(self) -> &'static [LogApi] {
        match self {
            Self::Newest => &[LogApi::V2, LogApi::V1],
            Self::V1 => &[LogApi::V1],
            Self::V2 => &[LogApi::V2],
            Self::None => &[],
        }
    }
}

/// A log to sign with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogService {
    /// Its base URL, without a trailing slash.
    pub url: String,
    /// The API it speaks.
    pub api: LogApi,
}

/// The services of one act of signing. URLs have no trailing slash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SigningServices {
    /// Base URL of the certificate authority, if there is one.
    pub ca: Option<String>,
    /// The OIDC issuer where a person gets a token, if there is one.
    pub oidc: Option<String>,
    /// The logs that are to hold an entry: all of them.
    pub logs: Vec<LogService>,
    /// The timestamp authorities that are to stamp, all of them: whole endpoints.
    pub tsas: Vec<String>,
}

impl SigningServices {
    /// The certificate authority, for whoever cannot sign without.
    ///
    /// # Errors
    /// [`RootError::NoService`] if there is none.
    pub fn ca(&self) -> Result<&str, RootError> {
        self.ca.as_deref().ok_or(RootError::NoService {
            what: "certificate authority",
        })
    }
}

/// What a config offers.
pub(super) struct Offer<'a> {
    pub(super) authorities: &'a [Service],
    pub(super) issuers: &'a [Service],
    pub(super) logs: &'a [Service],
    pub(super) log_selection: Selection,
    pub(super) stampers: &'a [Service],
    pub(super) stamper_selection: Selection,
}

pub(super) fn choose(
    offer: &Offer<'_>,
    now: Timestamp,
    logs: LogChoice,
) -> Result<SigningServices, RootError> {
    let one = |services, what| first(&eligible(services, 1, now), services, what);
    let stampers = eligible(offer.stampers, 1, now);
    Ok(SigningServices {
        ca: one(offer.authorities, "certificate authority")?,
        oidc: one(offer.issuers, "token issuer")?,
        logs: choose_logs(offer, now, logs)?,
        tsas: select(
            &stampers,
            offer.stampers,
            offer.stamper_selection,
            "timestamp authority",
        )?,
    })
}

fn choose_logs(
    offer: &Offer<'_>,
    now: Timestamp,
    choice: LogChoice,
) -> Result<Vec<LogService>, RootError> {
    if choice == LogChoice::None {
        return Ok(Vec::new());
    }
    let what = match choice {
        LogChoice::V1 => "log of API version 1",
        LogChoice::V2 => "log of API version 2",
        LogChoice::Newest | LogChoice::None => "log",
    };
    let found = choice
        .versions()
        .iter()
        .map(|api| (*api, eligible(offer.logs, api.number(), now)))
        .find(|(_, found)| !found.is_empty());
    let (api, found) = found.unwrap_or((LogApi::V2, Vec::new()));
    let urls = select(&found, offer.logs, offer.log_selection, what)?;
    Ok(urls
        .into_iter()
        .map(|url| LogService { url, api })
        .collect())
}

/// The newest valid service of that version of each operator, newest first.
fn eligible(services: &[Service], version: u32, now: Timestamp) -> Vec<&Service> {
    let mut found: Vec<&Service> = services
        .iter()
        .filter(|service| service.major_api_version == version && service.valid_for.contains(now))
        .collect();
    // Stable: of two that started together the config's order decides.
    found.sort_by_key(|service| std::cmp::Reverse(service.valid_for.start));
    let mut operators = BTreeSet::new();
    found.retain(|service| operators.insert(service.operator.as_str()));
    found
}

fn first(
    found: &[&Service],
    named: &[Service],
    what: &'static str,
) -> Result<Option<String>, RootError> {
    match found.first() {
        Some(service) => Ok(Some(address(service))),
        None if named.is_empty() => Ok(None),
        None => Err(RootError::NoService { what }),
    }
}

fn select(
    found: &[&Service],
    named: &[Service],
    selection: Selection,
    what: &'static str,
) -> Result<Vec<String>, RootError> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    if found.is_empty() {
        return Err(RootError::NoService { what });
    }
    let count = match selection.selector {
        Selector::Any => 1,
        Selector::All => found.len(),
        Selector::Exact => {
            let wanted = selection.count.unwrap_or(0) as usize;
            if wanted == 0 || wanted > found.len() {
                return Err(RootError::TooFewServices {
                    what,
                    wanted,
                    found: found.len(),
                });
            }
            wanted
        }
    };
    Ok(found.iter().take(count).map(|s| address(s)).collect())
}

fn address(service: &Service) -> String {
    service.url.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests;
