//! Tokens that are there without anybody logging in, and which one is taken.
//!
//! cosign asks its providers in no fixed order. Here the most deliberate comes
//! first: a variable, a file, then what the platform offers. A source counts as
//! there by its signs alone (a variable, a file, a socket); one that is there
//! and fails ends the search, so that nobody signs under another name than the
//! platform's because of a passing failure.

use jiff::Timestamp;
use std::{
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use super::{OidcError, Token, buildkite, file, github};
use crate::{environment::Environment, http::HttpClient};

/// The variable that holds a token.
const VARIABLE: &str = "SIGSTORE_ID_TOKEN";
/// The file where cosign looks for a token.
const FILE: &str = "/var/run/sigstore/cosign/oidc-token";
/// The variable that names a projected service account token.
const KUBERNETES: &str = "BULLA_KUBERNETES_TOKEN_FILE";

/// A source of ambient tokens, by cosign's name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// `envvar`: the variable `SIGSTORE_ID_TOKEN`.
    Variable,
    /// `filesystem`: `/var/run/sigstore/cosign/oidc-token`.
    File,
    /// `github-actions`.
    Github,
    /// `gitlab`: the variable that the job's `id_tokens` fills.
    Gitlab,
    /// `buildkite-agent`.
    Buildkite,
    /// `kubernetes`: the projected token in the file that
    /// `BULLA_KUBERNETES_TOKEN_FILE` names.
    Kubernetes,
    /// `spiffe`: the Workload API at `SPIFFE_ENDPOINT_SOCKET`.
    Spiffe,
}

impl Provider {
    /// All of them, in the order in which they are looked for.
    pub const ALL: [Self; 7] = [
        Self::Variable,
        Self::File,
        Self::Github,
        Self::Gitlab,
        Self::Buildkite,
        Self::Kubernetes,
        Self::Spiffe,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Variable => "envvar",
            Self::File => "filesystem",
            Self::Github => "github-actions",
            Self::Gitlab => "gitlab",
            Self::Buildkite => "buildkite-agent",
            Self::Kubernetes => "kubernetes",
            Self::Spiffe => "spiffe",
        }
    }
}

impl std::fmt::Display for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Provider {
    type Err = OidcError;

    fn from_str(name: &str) -> Result<Self, OidcError> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.name() == name)
            .ok_or_else(|| OidcError::UnknownProvider {
                name: name.chars().take(40).collect(),
            })
    }
}

/// Where to look for tokens.
#[derive(Clone, Debug)]
pub struct Ambient {
    /// For whom the token is to be; `sigstore` where nothing else is agreed.
    pub audience: String,
    /// This source alone.
    pub provider: Option<Provider>,
    /// The variables that say what there is.
    pub environment: Environment,
    /// Where cosign's token file is looked for.
    pub file: PathBuf,
    /// How long programs and sockets may take, if not as long as they usually may.
    pub patience: Option<Duration>,
}

impl Ambient {
    /// Everything that this process can see.
    pub fn process() -> Self {
        Self::of(Environment::process())
    }

    /// Everything that these variables show.
    pub fn of(environment: Environment) -> Self {
        Self {
            audience: "sigstore".into(),
            provider: None,
            environment,
            file: FILE.into(),
            patience: None,
        }
    }

    fn is_there(&self, provider: Provider) -> bool {
        let environment = &self.environment;
        let in_gitlab = environment.get("GITLAB_CI").is_some();
        match provider {
            // The same variable; in a GitLab job it is GitLab's.
            Provider::Variable => !in_gitlab && environment.get(VARIABLE).is_some(),
            Provider::Gitlab => in_gitlab && environment.get(VARIABLE).is_some(),
            Provider::File => self.file.is_file(),
            Provider::Github => github::is_there(environment),
            Provider::Buildkite => buildkite::is_there(environment),
            Provider::Kubernetes => environment.get(KUBERNETES).is_some(),
            #[cfg(unix)]
            Provider::Spiffe => super::spiffe::is_there(environment),
            #[cfg(not(unix))]
            Provider::Spiffe => false,
        }
    }

    async fn token(&self, http: &HttpClient, provider: Provider) -> Result<Token, OidcError> {
        let environment = &self.environment;
        let variable = |name: &str| {
            let value = environment.text(name);
            value.ok_or_else(|| OidcError::Missing {
                provider: provider.name(),
                missing: name.to_owned(),
            })
        };
        match provider {
            Provider::Variable | Provider::Gitlab => Ok(Token::new(variable(VARIABLE)?)),
            Provider::File => file::from_file(&self.file),
            Provider::Kubernetes => file::from_file(Path::new(variable(KUBERNETES)?)),
            Provider::Github => github::token(http, environment, &self.audience).await,
            Provider::Buildkite => {
                buildkite::token(environment, &self.audience, self.patience).await
            }
            #[cfg(unix)]
            Provider::Spiffe => {
                super::spiffe::token(environment, &self.audience, self.patience).await
            }
            #[cfg(not(unix))]
            Provider::Spiffe => Err(OidcError::Missing {
                provider: provider.name(),
                missing: "a Unix socket".into(),
            }),
        }
    }
}

/// An ambient token and where it came from.
#[derive(Clone, Debug)]
pub struct Found {
    /// The token.
    pub token: Token,
    /// Its source.
    pub provider: Provider,
}

/// Takes the token of the first source that is there, or of the one that was
/// asked for. `None` says that there is none, and that a person has to log in.
///
/// # Errors
/// [`OidcError`] if the source that is there gives no token, or none of use.
pub async fn detect(
    http: &HttpClient,
    ambient: &Ambient,
    now: Timestamp,
) -> Result<Option<Found>, OidcError> {
    let mut all = Provider::ALL.into_iter();
    let provider = match ambient.provider {
        Some(provider) => Some(provider),
        None => all.find(|provider| ambient.is_there(*provider)),
    };
    let Some(provider) = provider else {
        return Ok(None);
    };
    let token = ambient.token(http, provider).await?;
    // Who put a token down chose its audience; elsewhere we did.
    let asked = !matches!(
        provider,
        Provider::Variable | Provider::Gitlab | Provider::File
    );
    let audience = asked.then_some(ambient.audience.as_str());
    let token = token.useful(audience, now)?;
    Ok(Some(Found { token, provider }))
}
