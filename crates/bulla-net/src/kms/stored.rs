//! Key pairs that a cluster or a forge keeps as secrets, as cosign puts them there:
//! `k8s://NAMESPACE/SECRET` and `gitlab://PROJECT`.
//!
//! Three values each: the encrypted private key, its password and the public key.
//! Signing fetches the first two, verifying the third, from where the reference
//! says and with the credentials of the user's environment. Whoever can write the
//! secret decides which key that is. `github://` can only be written to, by its
//! API, so nothing is read from there.

mod gitlab;

use std::future::Future;

use bulla_crypto::{
    PublicKey, Scheme, Signer,
    key::file::{self, PrivateKeyFile},
};
use zeroize::Zeroizing;

use super::KmsError;
use crate::{
    Environment,
    kube::{Cluster, Values},
};
use gitlab::GitLab;

/// Where a key pair is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// A secret of a cluster.
    Kubernetes {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The CI variables of a project, by its path or number.
    GitLab(String),
}

/// A key pair to keep.
#[derive(Debug)]
pub struct KeyPair<'a> {
    /// The encrypted private key, PEM.
    pub private: &'a [u8],
    /// What it is encrypted with.
    pub password: &'a [u8],
    /// The public key, PEM.
    pub public: &'a [u8],
}

/// The values of a pair.
#[derive(Clone, Copy)]
enum Part {
    Private,
    Password,
    Public,
}

impl Part {
    fn in_secret(self) -> &'static str {
        match self {
            Self::Private => "cosign.key",
            Self::Password => "cosign.password",
            Self::Public => "cosign.pub",
        }
    }

    fn in_project(self) -> &'static str {
        match self {
            Self::Private => "COSIGN_PRIVATE_KEY",
            Self::Password => "COSIGN_PASSWORD",
            Self::Public => "COSIGN_PUBLIC_KEY",
        }
    }
}

impl Stored {
    /// Reads a reference; `None` if it names a key of another kind.
    ///
    /// # Errors
    /// [`KmsError::Stored`] if it names nothing.
    pub fn parse(reference: &str) -> Result<Option<Self>, KmsError> {
        let named = |text: &str| !text.is_empty() && !text.contains(['?', '#']);
        if let Some(rest) = reference.strip_prefix("k8s://") {
            return match rest.split_once('/') {
                Some((namespace, name))
                    if named(namespace) && named(name) && !name.contains('/') =>
                {
                    Ok(Some(Self::Kubernetes {
                        namespace: namespace.to_owned(),
                        name: name.to_owned(),
                    }))
                }
                _ => Err(KmsError::Stored {
                    reference: reference.to_owned(),
                    form: "k8s://<namespace>/<secret>",
                }),
            };
        }
        match reference.strip_prefix("gitlab://") {
            Some(project) if named(project) => Ok(Some(Self::GitLab(project.to_owned()))),
            Some(_) => Err(KmsError::Stored {
                reference: reference.to_owned(),
                form: "gitlab://<group>/<project>",
            }),
            None => Ok(None),
        }
    }

    /// Fetches the private key and its password, and opens it. Ed25519 signs as
    /// `ed25519` says. It waits; it may be called inside of a runtime or outside.
    ///
    /// # Errors
    /// [`KmsError`].
    pub fn signer(
        &self,
        ed25519: Scheme,
        environment: &Environment,
    ) -> Result<Box<dyn Signer>, KmsError> {
        let mut values = wait(self.fetch(&[Part::Private, Part::Password], environment))?;
        let named = |source| KmsError::KeyFile {
            name: self.to_string(),
            source,
        };
        let password = values.pop().unwrap_or_default();
        let private = values.pop().unwrap_or_default();
        let file = PrivateKeyFile::parse(&private).map_err(named)?;
        let key = file.open(&password).map_err(named)?;
        match key.scheme() {
            Scheme::Ed25519 => Ok(Box::new(key.with_scheme(ed25519)?)),
            _ => Ok(Box::new(key)),
        }
    }

    /// Fetches the public key. It waits, as [`Self::signer`].
    ///
    /// # Errors
    /// [`KmsError`].
    pub fn public(&self, environment: &Environment) -> Result<PublicKey, KmsError> {
        let mut values = wait(self.fetch(&[Part::Public], environment))?;
        let public = values.pop().unwrap_or_default();
        file::read_public(&public).map_err(|source| KmsError::KeyFile {
            name: self.to_string(),
            source,
        })
    }

    /// Keeps a new pair there. It waits, as [`Self::signer`].
    ///
    /// # Errors
    /// [`KmsError`].
    pub fn keep(&self, pair: &KeyPair<'_>, environment: &Environment) -> Result<(), KmsError> {
        // The password first, as cosign does: no key that nobody could open.
        let parts = [
            (Part::Password, pair.password),
            (Part::Private, pair.private),
            (Part::Public, pair.public),
        ];
        wait(async {
            match self {
                Self::Kubernetes { namespace, name } => {
                    let values = parts.into_iter().map(|(part, value)| {
                        let value = Zeroizing::new(value.to_vec());
                        (part.in_secret().to_owned(), value)
                    });
                    let cluster = Cluster::from_environment(environment)?;
                    let values: Values = values.collect();
                    Ok(cluster.keep(namespace, name, values).await?)
                }
                Self::GitLab(project) => {
                    let gitlab = GitLab::from_environment(environment)?;
                    for (part, value) in parts {
                        gitlab.keep(project, part.in_project(), value).await?;
                    }
                    Ok(())
                }
            }
        })
    }

    /// The values, in the order asked for.
    async fn fetch(
        &self,
        parts: &[Part],
        environment: &Environment,
    ) -> Result<Vec<Zeroizing<Vec<u8>>>, KmsError> {
        let absent = |part: &str| KmsError::StoredValue {
            reference: self.to_string(),
            value: part.to_owned(),
        };
        let mut found = Vec::new();
        match self {
            Self::Kubernetes { namespace, name } => {
                let cluster = Cluster::from_environment(environment)?;
                let secret = cluster.secret(namespace, name).await?;
                let mut secret = secret.ok_or_else(|| absent("secret"))?;
                for part in parts.iter().map(|part| part.in_secret()) {
                    found.push(secret.remove(part).ok_or_else(|| absent(part))?);
                }
            }
            Self::GitLab(project) => {
                let gitlab = GitLab::from_environment(environment)?;
                for part in parts.iter().map(|part| part.in_project()) {
                    let value = gitlab.variable(project, part).await?;
                    found.push(value.ok_or_else(|| absent(part))?);
                }
            }
        }
        Ok(found)
    }
}

impl std::fmt::Display for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kubernetes { namespace, name } => write!(f, "k8s://{namespace}/{name}"),
            Self::GitLab(project) => write!(f, "gitlab://{project}"),
        }
    }
}

/// Waits for an exchange on a thread of its own: keys are opened where there is no
/// runtime, and inside of one, which must not be waited in.
fn wait<T: Send>(work: impl Future<Output = Result<T, KmsError>> + Send) -> Result<T, KmsError> {
    let run = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(KmsError::Runtime)?
            .block_on(work)
    };
    std::thread::scope(|scope| {
        let failed = || KmsError::Runtime(std::io::Error::other("the exchange broke off"));
        scope.spawn(run).join().unwrap_or_else(|_| Err(failed()))
    })
}

#[cfg(test)]
mod tests;
