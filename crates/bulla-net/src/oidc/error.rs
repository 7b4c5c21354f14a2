//! Why there is no ID token.

use bulla_core::{Code, Diagnose, limits::LimitError};
use bulla_crypto::KeyError;
use bulla_trust::jwt::JwtError;
use jiff::Timestamp;
use std::{io, path::PathBuf};

use crate::http::HttpError;

/// Why there is no ID token. Never shows one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OidcError {
    /// Something else than was agreed.
    #[error("{from} answered something else than expected: {detail}")]
    Answer {
        /// Who.
        from: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// For somebody else.
    #[error("the token is not for {expected:?}")]
    Audience {
        /// For whom it must be.
        expected: String,
    },
    /// The person, or the issuer, said no.
    #[error("the issuer refuses: {error}{}", .description.as_ref().map(|text| format!(" ({text})")).unwrap_or_default())]
    Denied {
        /// The code of RFC 6749.
        error: String,
        /// What it adds.
        description: Option<String>,
    },
    /// Too old.
    #[error("the token expired at {at}")]
    Expired {
        /// When.
        at: Timestamp,
    },
    /// No exchange.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A token file.
    #[error("the token file {} cannot be read: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nobody can come back to this machine.
    #[error("no redirect can be received: {0}")]
    Listen(#[source] io::Error),
    /// An answer beyond its bounds.
    #[error("{from} answered badly: {source}")]
    Limit {
        /// Who.
        from: &'static str,
        /// What is wrong.
        source: LimitError,
    },
    /// A source that was asked for by name is not there.
    #[error("there is no token from {provider}: {missing} is not there")]
    Missing {
        /// The source.
        provider: &'static str,
        /// What it needs.
        missing: String,
    },
    /// No answer for the login that was begun.
    #[error("the answer belongs to another login")]
    Nonce,
    /// The program that gives tokens.
    #[error("{program} gives no token: {detail}")]
    Program {
        /// Its name.
        program: &'static str,
        /// What happened.
        detail: String,
    },
    /// The operating system gives no randomness.
    #[error(transparent)]
    Random(#[from] KeyError),
    /// Not a redirect to this machine.
    #[error("{url} is no address of this machine to come back to")]
    Redirect {
        /// The address.
        url: String,
    },
    /// Nobody answered.
    #[error("{who} did not answer in time")]
    Timeout {
        /// Who.
        who: &'static str,
    },
    /// Not a token.
    #[error(transparent)]
    Token(#[from] JwtError),
    /// No source of that name.
    #[error("there is no token source {name:?}")]
    UnknownProvider {
        /// The name.
        name: String,
    },
    /// The issuer's documents do not offer this way of logging in.
    #[error("the issuer {issuer} offers no {what}")]
    Unsupported {
        /// The issuer.
        issuer: String,
        /// What it lacks.
        what: &'static str,
    },
}

impl Diagnose for OidcError {
    fn code(&self) -> Code {
        match self {
            Self::Http(error) => error.code(),
            Self::Random(error) => error.code(),
            Self::Token(error) => error.code(),
            Self::Answer { .. } => Code("NET-0241"),
            Self::Audience { .. } => Code("NET-0242"),
            Self::Denied { .. } => Code("NET-0243"),
            Self::Expired { .. } => Code("NET-0244"),
            Self::Io { .. } => Code("NET-0245"),
            Self::Limit { .. } => Code("NET-0246"),
            Self::Listen(_) => Code("NET-0247"),
            Self::Missing { .. } => Code("NET-0248"),
            Self::Nonce => Code("NET-0249"),
            Self::Program { .. } => Code("NET-0250"),
            Self::Redirect { .. } => Code("NET-0251"),
            Self::Timeout { .. } => Code("NET-0252"),
            Self::UnknownProvider { .. } => Code("NET-0253"),
            Self::Unsupported { .. } => Code("NET-0254"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Http(error) => return error.hint(),
            Self::Random(error) => return error.hint(),
            Self::Token(error) => return error.hint(),
            Self::Audience { expected } => {
                format!("ask the token's issuer for the audience {expected:?}")
            }
            Self::Expired { .. } => "get a new token; they live for minutes".into(),
            Self::Missing { provider, .. } if *provider == "gitlab" => {
                "give the job `id_tokens: {SIGSTORE_ID_TOKEN: {aud: sigstore}}`".into()
            }
            Self::Missing { provider, .. } if *provider == "github-actions" => {
                "give the job `permissions: {id-token: write}`".into()
            }
            Self::Missing { .. } | Self::Timeout { .. } => {
                "log in with a browser, or give a token: `--identity-token FILE`".into()
            }
            Self::Listen(_) | Self::Redirect { .. } | Self::Unsupported { .. } => {
                "log in with a code instead: `--oidc-flow device`".into()
            }
            Self::UnknownProvider { .. } => {
                "use envvar, filesystem, github-actions, gitlab, buildkite-agent, kubernetes or \
                 spiffe"
                    .into()
            }
            _ => return None,
        })
    }
}
