//! Reaching registries and services: through the local instance where that is
//! meant, without it everywhere else, so that signing for another registry
//! creates nothing on this machine.

use bulla_core::Reference;
use bulla_net::{Egress, HttpClient, HttpOptions};
use bulla_oci::{EvidenceSource, Registry};

use super::image_source::RegistrySource;
use crate::{
    compose::{self, Instance},
    context::Context,
    failure::Failure,
    instance::Names,
};

/// What a command reaches.
pub struct Reach {
    http: HttpClient,
    source: RegistrySource,
    instance: Option<Instance>,
}

impl Reach {
    /// For images in `registries`, with the services of the local instance if
    /// `services` says so.
    ///
    /// # Errors
    /// If the local instance is needed and cannot be had, or credentials cannot be read.
    pub async fn open(
        context: &Context,
        registries: &[&Reference],
        services: bool,
    ) -> Result<Self, Failure> {
        if services || is_own(context, registries)? {
            let instance = compose::connect(context).await?;
            return Ok(Self {
                http: instance.http().clone(),
                source: RegistrySource::new(&instance)?,
                instance: Some(instance),
            });
        }
        let http = HttpClient::new(HttpOptions::new(egress(context)));
        Ok(Self {
            source: RegistrySource::outside(http.clone())?,
            http,
            instance: None,
        })
    }

    /// The one HTTP client.
    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// The local instance, where it is part of this.
    pub fn instance(&self) -> Option<&Instance> {
        self.instance.as_ref()
    }

    /// Registries, as a source of evidence.
    pub fn source(&self) -> &RegistrySource {
        &self.source
    }

    /// The client for the registry of `reference`.
    pub fn registry(&self, reference: &Reference) -> &Registry {
        self.source.client(reference)
    }

    /// Everything about an image: itself, and its seals in the repository of `evidence`.
    pub fn evidence<'a>(
        &'a self,
        image: &'a Reference,
        evidence: &'a Reference,
    ) -> EvidenceSource<'a> {
        EvidenceSource::Registry {
            registry: self.registry(evidence),
            image,
            evidence,
        }
    }

    /// Stops what was started for this.
    pub async fn close(self) {
        if let Some(instance) = self.instance {
            instance.stop().await;
        }
    }
}

/// Where the options allow connections to.
pub fn egress(context: &Context) -> Egress {
    if context.global.offline {
        Egress::LoopbackOnly
    } else {
        Egress::Any
    }
}

/// Whether one of them lies in the registry of the local instance.
fn is_own(context: &Context, registries: &[&Reference]) -> Result<bool, Failure> {
    let home = context.home()?;
    if !home.exists() {
        return Ok(false);
    }
    let own = Names::read(&home)?.registry();
    Ok(registries.iter().any(|one| one.registry() == own))
}
