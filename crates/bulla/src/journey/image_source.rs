//! Where images and their seals are had from: registries, by the one HTTP
//! client, with the credentials of the instance or of the person.

use bulla_admission::{Found, ImageSource, SourceError};
use bulla_core::{Descriptor, Reference};
use bulla_net::HttpClient;
use bulla_oci::{Credentials, Registry, client::ClientError};

use crate::{
    compose::Instance,
    failure::{Exit, Failure, OrFail},
};

/// Registries as a source of evidence.
pub struct RegistrySource {
    /// The registry of the local instance, where there is one.
    own: Option<String>,
    inside: Registry,
    outside: Registry,
}

impl RegistrySource {
    /// The source of an instance.
    ///
    /// # Errors
    /// If credentials cannot be read.
    pub fn new(instance: &Instance) -> Result<Self, Failure> {
        let inside = Credentials::load(&instance.ready().docker_config).or_could_not_run()?;
        let outside =
            Credentials::from_environment(|name| std::env::var(name).ok()).or_could_not_run()?;
        Ok(Self {
            own: Some(instance.names().registry()),
            inside: Registry::new(instance.http().clone(), inside),
            outside: Registry::new(instance.http().clone(), outside),
        })
    }

    /// The source of a machine without an instance, or one that does not use it.
    ///
    /// # Errors
    /// If credentials cannot be read.
    pub fn outside(http: HttpClient) -> Result<Self, Failure> {
        let outside =
            Credentials::from_environment(|name| std::env::var(name).ok()).or_could_not_run()?;
        Ok(Self {
            own: None,
            inside: Registry::new(http.clone(), Credentials::none()),
            outside: Registry::new(http, outside),
        })
    }

    /// The client for the registry of `reference`.
    pub fn client(&self, reference: &Reference) -> &Registry {
        if self.own.as_deref() == Some(reference.registry()) {
            &self.inside
        } else {
            &self.outside
        }
    }
}

/// What a failed pull means: other content than the digest promises is a failed
/// check; of everything else nothing is known.
pub fn pull_failed(error: &ClientError) -> Failure {
    let exit = match error {
        ClientError::Digest { .. } => Exit::Denied,
        _ => Exit::Undecidable,
    };
    Failure::from_error(exit, error)
}

/// What a failed question to a registry means: what is not there is nothing to
/// verify; of everything else nothing is known.
pub fn asked_failed(error: &ClientError) -> Failure {
    let exit = match error {
        ClientError::NotFound { .. } | ClientError::NoPlatform { .. } => Exit::NothingToVerify,
        ClientError::SeveralForPlatform { .. } => Exit::Usage,
        ClientError::Digest { .. } => Exit::Denied,
        _ => Exit::Undecidable,
    };
    Failure::from_error(exit, error)
}

impl ImageSource for RegistrySource {
    async fn resolve(&self, image: &Reference) -> Result<Descriptor, SourceError> {
        ImageSource::resolve(self.client(image), image).await
    }

    async fn seals(&self, image: &Reference) -> Result<Found, SourceError> {
        ImageSource::seals(self.client(image), image).await
    }
}
