//! Which issuers are believed, about whom, and where their keys are from.
//!
//! Fulcio's own issuer file ([`mod@file`]) together with what it cannot say
//! ([`settings`]) and the instance's own issuers ([`embedded`]). A token's
//! issuer is looked up by its exact URL, then among the patterns; nothing is
//! ever fetched from an issuer that is not found.

mod builtin;
mod check;
pub mod embedded;
pub mod file;
pub mod keys;
mod kind;
pub mod path;
pub mod pattern;
pub mod principal;
pub mod settings;
pub mod template;

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use bulla_core::{Code, Diagnose, limits};
use bulla_trust::jwt::Algorithm;
use url::Url;

pub use embedded::{AUDIENCE, Embedded, EmbeddedKind};
pub use file::{IssuerFile, IssuerFileError};
pub use keys::{
    Discovery, IssuerError, IssuerKeys, IssuerTrust, KeySource, LocalKeys, PendingKeys, PinnedKeys,
    RemoteKeys,
};
pub use kind::Kind;
pub use principal::{Naming, Principal, PrincipalError};
pub use settings::{CaSettings, IssuerOptions};

use file::{Entry, Provider};
use pattern::MetaPattern;

/// Longest issuer file, in bytes.
const FILE_BYTES: u64 = 1 << 20;
/// The issuer of the cluster that the process runs in, as Kubernetes names it.
const IN_CLUSTER: [&str; 2] = [
    "https://kubernetes.default.svc",
    "https://kubernetes.default.svc.cluster.local",
];
/// Where Kubernetes mounts what a process needs to ask its cluster.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// One issuer, or all that match one pattern.
#[derive(Clone, Debug)]
pub struct ConfiguredIssuer {
    /// What is demanded of its tokens.
    pub trust: IssuerTrust,
    /// How they become names.
    pub naming: Naming,
    /// Whether each of its tokens buys one certificate only.
    pub single_use: bool,
    /// Its type, as Fulcio names it.
    pub type_name: &'static str,
    /// The claim that clients sign.
    pub challenge_claim: String,
    /// The same, where the configuration names another than usual.
    pub challenge: Option<String>,
    /// The domain of its subjects.
    pub subject_domain: String,
    /// The trust domain of its SPIFFE ids.
    pub trust_domain: String,
    /// Whether unverified addresses count.
    pub skips_email_verification: bool,
}

/// Every issuer that is believed.
#[derive(Clone, Debug, Default)]
pub struct Issuers {
    exact: BTreeMap<String, ConfiguredIssuer>,
    meta: Vec<(MetaPattern, ConfiguredIssuer)>,
}

impl Issuers {
    /// Reads the configuration: the issuer file, key files, and certificates
    /// that it names. The instance's own issuers come first and cannot be
    /// redefined.
    ///
    /// # Errors
    /// [`IssuersError`] that names what cannot be used.
    pub fn load(
        settings: &CaSettings,
        embedded: impl IntoIterator<Item = Embedded>,
    ) -> Result<Self, IssuersError> {
        let file = match &settings.issuers {
            Some(path) => IssuerFile::parse(&read(path)?)?,
            None => IssuerFile::default(),
        };
        let mut issuers = Self::default();
        let mut unused: Vec<&String> = settings.issuer.keys().collect();
        let mut options = |name: &str| {
            unused.retain(|unused| *unused != name);
            settings.issuer.get(name).cloned().unwrap_or_default()
        };
        for own in embedded {
            let mut own = ConfiguredIssuer::from(own);
            let IssuerOptions { single_use, .. } = options(&own.trust.url);
            own.single_use |= single_use;
            let only = IssuerOptions {
                single_use,
                ..IssuerOptions::default()
            };
            if options(&own.trust.url) != only {
                return Err(IssuersError::Own(own.trust.url));
            }
            issuers.exact.insert(own.trust.url.clone(), own);
        }
        for (url, entry) in &file.issuers {
            let issuer = configured(url, entry, &file.providers, &options(url), false)?;
            if issuers.exact.insert(url.clone(), issuer).is_some() {
                return Err(IssuersError::Own(url.clone()));
            }
        }
        for (pattern, entry) in file.meta {
            let name = pattern.as_str();
            let issuer = configured(name, &entry, &file.providers, &options(name), true)?;
            issuers.meta.push((pattern, issuer));
        }
        match unused.first() {
            None => Ok(issuers),
            Some(unused) => Err(IssuersError::Unknown((*unused).clone())),
        }
    }

    /// The issuer of that URL. For one that matches a pattern, the trust names
    /// the URL itself.
    pub fn find(&self, url: &str) -> Option<ConfiguredIssuer> {
        if let Some(issuer) = self.exact.get(url) {
            return Some(issuer.clone());
        }
        check::parse_issuer(url)?;
        let (_, issuer) = self.meta.iter().find(|(pattern, _)| pattern.matches(url))?;
        let mut issuer = issuer.clone();
        url.clone_into(&mut issuer.trust.url);
        Some(issuer)
    }

    /// Every issuer with its URL, and every pattern.
    pub fn iter(&self) -> impl Iterator<Item = (Listed<'_>, &ConfiguredIssuer)> {
        let exact = self
            .exact
            .iter()
            .map(|(url, issuer)| (Listed::Url(url), issuer));
        let meta = self
            .meta
            .iter()
            .map(|(meta, issuer)| (Listed::Pattern(meta.as_str()), issuer));
        exact.chain(meta)
    }
}

/// How an issuer is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed<'a> {
    /// By its URL.
    Url(&'a str),
    /// By a pattern.
    Pattern(&'a str),
}

fn configured(
    name: &str,
    entry: &Entry,
    providers: &BTreeMap<String, Provider>,
    options: &IssuerOptions,
    meta: bool,
) -> Result<ConfiguredIssuer, IssuersError> {
    let refused = |why| IssuersError::File(file::refused(name, why));
    let kind = Kind::from_name(&entry.kind).ok_or_else(|| refused("its type is unknown"))?;
    let naming = match kind {
        Kind::CiProvider => {
            let provider = providers.get(&entry.ci_provider);
            let provider = provider.ok_or_else(|| refused("its ci-provider is unknown"))?;
            Naming::Provider(Box::new(provider.clone()))
        }
        Kind::Buildkite | Kind::Codefresh | Kind::Github | Kind::Gitlab => {
            let provider = builtin::provider(kind).ok().flatten();
            let provider = provider.ok_or_else(|| refused("its type has no templates"))?;
            Naming::Provider(Box::new(provider))
        }
        Kind::Email => Naming::Email {
            issuer: path::ClaimPath::parse(&entry.issuer_claim),
            verified: !entry.skip_email_verification,
        },
        Kind::Uri => Naming::Uri {
            domain: Url::parse(&entry.subject_domain)
                .map_err(|_| refused("its subject-domain is not a URL"))?,
        },
        Kind::Username => Naming::Username {
            domain: entry.subject_domain.clone(),
        },
        Kind::Spiffe => Naming::Spiffe {
            domain: kind::spiffe_domain(&entry.spiffe_trust_domain)
                .ok_or_else(|| refused("its spiffe-trust-domain is not one"))?
                .to_owned(),
        },
        Kind::Kubernetes => Naming::Kubernetes,
        Kind::Chainguard => Naming::Chainguard,
    };
    let own_claim = Some(entry.challenge_claim.clone()).filter(|claim| !claim.is_empty());
    let algorithms = match options.algorithms.as_slice() {
        [] => Algorithm::ALL.to_vec(),
        some => some.to_vec(),
    };
    Ok(ConfiguredIssuer {
        trust: IssuerTrust {
            url: name.to_owned(),
            audience: entry.client_id.clone(),
            algorithms,
            keys: options.source(name, &entry.ca_cert, meta)?,
        },
        naming,
        single_use: options.single_use,
        type_name: kind.name(),
        challenge_claim: own_claim
            .clone()
            .unwrap_or_else(|| kind.challenge_claim().to_owned()),
        challenge: own_claim,
        subject_domain: entry.subject_domain.clone(),
        trust_domain: entry.spiffe_trust_domain.clone(),
        skips_email_verification: entry.skip_email_verification,
    })
}

impl IssuerOptions {
    /// Where the keys of `issuer` (or of all that match this pattern) are from.
    /// `ca_cert` is what the issuer file says about its server.
    ///
    /// # Errors
    /// [`IssuersError`] if a file cannot be read, or what is set cannot be meant.
    pub fn source(
        &self,
        issuer: &str,
        ca_cert: &str,
        pattern: bool,
    ) -> Result<KeySource, IssuersError> {
        let refused = |why| IssuersError::File(file::refused(issuer, why));
        if let Some(path) = &self.jwks_file {
            if self.jwks_url.is_some() || self.bearer_token_file.is_some() {
                return Err(refused(
                    "with jwks_file nothing is fetched, so leave out the rest",
                ));
            }
            return Ok(KeySource::Pinned(Arc::new(PinnedKeys::file(path)?)));
        }
        let jwks_url = match &self.jwks_url {
            None => None,
            Some(_) if pattern => {
                return Err(refused("a pattern has no jwks_url: its issuers differ"));
            }
            Some(url) => Some(
                check::parse_issuer(url)
                    .ok_or_else(|| refused("its jwks_url is not an https URL"))?,
            ),
        };
        if pattern && (self.private_network || self.bearer_token_file.is_some()) {
            return Err(refused(
                "a pattern lets tokens choose the host: no private_network, no credential",
            ));
        }
        let mut keys = RemoteKeys {
            jwks_url,
            private_network: self.private_network,
            ca_pem: Some(ca_cert.to_owned()).filter(|pem| !pem.is_empty()),
            bearer_token_file: self.bearer_token_file.clone(),
            ..RemoteKeys::default()
        };
        if let Some(path) = &self.ca_cert_file {
            let pem = String::from_utf8(read(path)?);
            keys.ca_pem = Some(pem.map_err(|_| refused("its ca_cert_file is not PEM"))?);
        }
        if IN_CLUSTER.contains(&issuer) {
            let mounted = Path::new(SERVICE_ACCOUNT);
            keys.private_network = true;
            if keys.ca_pem.is_none() {
                keys.ca_pem = fs::read_to_string(mounted.join("ca.crt")).ok();
            }
            // Discovery would name the cluster's inner address.
            let own = || Url::parse(&format!("{issuer}/openid/v1/jwks")).ok();
            keys.jwks_url = keys.jwks_url.or_else(own);
            let token = Some(mounted.join("token")).filter(|path| path.is_file());
            keys.bearer_token_file = keys.bearer_token_file.or(token);
        }
        Ok(KeySource::Remote(Arc::new(keys)))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, IssuersError> {
    let unreadable = |why: String| IssuersError::Unreadable {
        path: path.display().to_string(),
        why,
    };
    let file = fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
    limits::read_bounded(file, FILE_BYTES, "file").map_err(|error| unreadable(error.to_string()))
}

/// Why the issuers of a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuersError {
    /// The issuer file.
    #[error(transparent)]
    File(#[from] IssuerFileError),
    /// Pinned keys.
    #[error(transparent)]
    Keys(#[from] IssuerError),
    /// A life that certificates do not have.
    #[error("lifetime_minutes is {0}, and certificates hold from 5 to 60 minutes")]
    Lifetime(u32),
    /// The configuration claims an issuer of the instance.
    #[error("{0} is an issuer of this instance: only its single_use can be set")]
    Own(String),
    /// Settings for an issuer that is not there.
    #[error("there are settings for the issuer {0:?}, which the issuer file does not have")]
    Unknown(String),
    /// A file.
    #[error("{path} cannot be read: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why not.
        why: String,
    },
}

impl Diagnose for IssuersError {
    fn code(&self) -> Code {
        match self {
            Self::File(error) => error.code(),
            Self::Keys(error) => error.code(),
            Self::Lifetime(_) => Code("AUTH-0424"),
            Self::Own(_) => Code("AUTH-0418"),
            Self::Unknown(_) => Code("AUTH-0419"),
            Self::Unreadable { .. } => Code("AUTH-0420"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Keys(error) => error.hint(),
            _ => Some("correct the section [ca] of the configuration, or the file it names".into()),
        }
    }
}

#[cfg(test)]
mod tests;
