//! Sealing: a statement gets a signer, a log entry and a time, and goes beside
//! the image it speaks about.

use bulla_core::{
    Clock, Descriptor, Digest, Reference, Statement, Subject, SystemClock, limits,
    statement::predicate_type as types,
};
use bulla_net::{
    Sealed, Token,
    sealing,
    token::Service,
};
use bulla_oci::client::Artifact;
use serde::Serialize;
use serde_json::Value;
use std::{fs::File, path::Path, sync::Arc};

use super::{evidence, image_source::RegistrySource};
use crate::{
    compose::Instance,
    failure::{Exit, Failure, OnPath, OrFail},
};

/// Who seals.
#[derive(Clone, Debug)]
pub enum Signer {
    /// A person, by an asserted address.
    Person(String),
    /// One of the instance's own services: builder or scanner.
    Service(Service),
}

/// A sealed statement about an image, as it was attached. Frozen, version 1.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedImage {
    /// The image.
    pub pinned: Reference,
    /// Who sealed.
    pub signer: String,
    /// The index of the log entry.
    pub log_index: u64,
    /// SHA-256 of the bundle.
    pub bundle: Digest,
}

/// A sealed bundle.
pub struct SealedBundle {
    /// The bundle's bytes.
    pub bundle: Vec<u8>,
    /// Who sealed.
    pub signer: String,
}

/// Seals a statement of that type and predicate about an image, and attaches it.
///
/// # Errors
/// If the image is not there, or a service refuses.
pub async fn attest_image(
    instance: &Instance,
    reference: &Reference,
    (kind, predicate): (&str, Value),
    signer: &Signer,
) -> Result<SealedImage, Failure> {
    let source = RegistrySource::new(instance)?;
    let image = evidence::resolve(&source, reference).await?;
    let pinned = reference.by_digest(image.digest.clone());
    let subject = Subject::new(reference.name(), &image.digest);
    let statement = Statement::new(vec![subject], kind, predicate);
    let sealed = seal(instance, &statement, signer).await?;
    attach(instance, &pinned, &image, &sealed, kind).await?;
    Ok(SealedImage {
        pinned,
        signer: sealed.signed_by(),
        log_index: sealed.log_index().unwrap_or_default(),
        bundle: sealed.digest,
    })
}

/// Seals a statement, and gives the bundle as the verifier knows it.
///
/// # Errors
/// If a service refuses.
pub async fn seal(
    instance: &Instance,
    statement: &Statement,
    signer: &Signer,
) -> Result<Sealed, Failure> {
    let token = token(instance, signer).await?;
    let (services, trust) = (instance.signing_services(), Arc::new(instance.trust_root()?));
    sealing::seal_statement(
        instance.http(),
        &services,
        &token,
        statement,
        &trust,
        &clock(),
    )
    .await
    .or_undecidable()
    .map_err(|failure| failure.on("the statement could not be sealed"))
}

/// Attaches a bundle to the image it speaks about.
///
/// # Errors
/// If the registry refuses.
pub async fn attach(
    instance: &Instance,
    pinned: &Reference,
    image: &Descriptor,
    sealed: &Sealed,
    kind: &str,
) -> Result<(), Failure> {
    let source = RegistrySource::new(instance)?;
    let artifact = Artifact::bundle(
        sealed.bundle.clone(),
        kind,
        sealed.time.unwrap_or_else(|| SystemClock.now()),
    );
    source
        .client(pinned)
        .attach(pinned, image, &artifact)
        .await
        .or_could_not_run()
        .map(|_| ())
        .map_err(|failure| failure.on(format!("the registry did not take a bundle for {pinned}")))
}

/// Seals a statement that goes into a file.
///
/// # Errors
/// If a service refuses.
pub async fn statement(
    instance: &Instance,
    statement: &Statement,
    signer: &Signer,
) -> Result<SealedBundle, Failure> {
    let sealed = seal(instance, statement, signer).await?;
    Ok(SealedBundle {
        signer: sealed.signed_by(),
        bundle: sealed.bundle,
    })
}

/// Signs a file.
///
/// # Errors
/// If a service refuses.
pub async fn sign_blob(
    instance: &Instance,
    bytes: &[u8],
    signer: &Signer,
) -> Result<SealedBundle, Failure> {
    let token = token(instance, signer).await?;
    let (services, trust) = (instance.signing_services(), Arc::new(instance.trust_root()?));
    let sealed = sealing::seal_blob(
        instance.http(),
        &services,
        &token,
        bytes,
        &trust,
        &clock(),
    )
    .await
    .or_undecidable()
    .map_err(|failure| failure.on("the file could not be signed"))?;
    Ok(SealedBundle {
        signer: sealed.signed_by(),
        bundle: sealed.bundle,
    })
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

async fn token(instance: &Instance, signer: &Signer) -> Result<Token, Failure> {
    match signer {
        Signer::Person(email) => instance.person_token(email, "sigstore").await,
        Signer::Service(service) => instance.service_token(*service).await,
    }
}

/// Reads a predicate.
///
/// # Errors
/// If the file is not JSON within the limits.
pub fn read_predicate(file: &Path) -> Result<Value, Failure> {
    let open = File::open(file).on_path("read", file)?;
    let bytes = limits::read_bounded(open, limits::BUNDLE_BYTES, "predicate").or_could_not_run()?;
    limits::parse_json(&bytes, limits::BUNDLE_BYTES, "predicate")
        .or_could_not_run()
        .map_err(|failure| failure.on(format!("{} is not a predicate", file.display())))
}

/// The predicate type that a short name stands for; a URI stands for itself.
///
/// # Errors
/// If it is neither.
pub fn predicate_type(name: &str) -> Result<String, Failure> {
    let known = match name {
        "slsaprovenance1" | "slsaprovenance" => types::SLSA_PROVENANCE_V1,
        "cyclonedx" => types::CYCLONEDX,
        "spdx" | "spdxjson" => types::SPDX,
        "vuln" | "vulns" => types::VULNS_V02,
        "openvex" => types::OPENVEX,
        "custom" => "https://cosign.sigstore.dev/attestation/v1",
        uri if uri.contains("://") => uri,
        _ => {
            return Err(Failure::new(
                Exit::Usage,
                "CLI-0080",
                format!("--type {name} is not known"),
            )
            .hint("use slsaprovenance1, cyclonedx, spdxjson, vuln, openvex, custom, or a URI"));
        }
    };
    Ok(known.to_owned())
}
