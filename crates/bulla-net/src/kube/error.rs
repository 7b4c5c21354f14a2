//! Why a secret of a cluster cannot be had.

use bulla_core::{Code, Diagnose, limits::LimitError};
use std::path::PathBuf;

use crate::http::HttpError;

/// What can go wrong with a cluster's secrets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KubeError {
    /// What is answered is no secret.
    #[error(transparent)]
    Answer(#[from] LimitError),
    /// The kubeconfig cannot be read.
    #[error("{}: {detail}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// The secret cannot be written down.
    #[error("the secret cannot be written as JSON: {0}")]
    Encode(#[source] serde_json::Error),
    /// The exchange failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The kubeconfig names what it does not have.
    #[error("the kubeconfig has no {kind} {name:?}")]
    Missing {
        /// A context, cluster or user.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// No cluster.
    #[error("there is no kubeconfig, and this is no pod of a cluster")]
    NoCluster,
    /// The address of the server.
    #[error("{0:?} is not the address of a cluster's server")]
    Server(String),
    /// A kind of access that is not known.
    #[error("{what} of the kubeconfig is not supported")]
    Unsupported {
        /// What.
        what: &'static str,
    },
    /// A value that is no base64.
    #[error("the value {0} of the secret is no base64")]
    Value(String),
}

impl Diagnose for KubeError {
    fn code(&self) -> Code {
        match self {
            Self::Answer(_) => Code("NET-0350"),
            Self::Config { .. } => Code("NET-0351"),
            Self::Encode(_) => Code("NET-0352"),
            Self::Http(error) => error.code(),
            Self::Missing { .. } => Code("NET-0353"),
            Self::NoCluster => Code("NET-0354"),
            Self::Server(_) => Code("NET-0355"),
            Self::Unsupported { .. } => Code("NET-0356"),
            Self::Value(_) => Code("NET-0357"),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Http(error) => return error.hint(),
            Self::NoCluster => "name the kubeconfig in KUBECONFIG, or put it at ~/.kube/config",
            Self::Missing { .. } => "`kubectl config get-contexts` shows what there is",
            Self::Unsupported { .. } => {
                "use a kubeconfig with a client certificate or a token: \
                 `kubectl create token ACCOUNT` makes one"
            }
            _ => return None,
        };
        Some(hint.into())
    }
}
