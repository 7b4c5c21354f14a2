//! What networked commands stand on: a runtime with the command's time limit,
//! references with cosign's defaults, the place of evidence.

use bulla_core::Reference;
use bulla_net::{Egress, HttpClient, HttpOptions};
use bulla_oci::ClientError;
use std::future::Future;

use super::{
    failure::{Exit, Failure},
    given::Given,
};
use crate::{
    cli::{Color, Global},
    context::Context,
};

pub use super::registry::registry;

/// What bulla's own commands have at hand.
///
/// # Errors
/// As [`Context::new`].
pub fn context(given: &Given) -> Result<Context, Failure> {
    let global = Global {
        data: None,
        output: Vec::new(),
        color: Color::Auto,
        verbose: u8::from(given.on("verbose")),
        quiet: false,
        offline: false,
    };
    Context::new(global).map_err(Into::into)
}

/// Runs asynchronous work to its end, or to that of `--timeout`.
///
/// # Errors
/// Those of the work; or that it took too long.
pub fn run<T>(given: &Given, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("no threads to work with: {error}")))?;
    let limit = given.timeout();
    let result = runtime.block_on(async {
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            Err(Failure::coded(
                "CLI-0440",
                format!("context deadline exceeded: it took longer than {limit:?}"),
            )
            .hint("give it more time: --timeout 10m"))
        })
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    result
}

/// The client for everything but registries.
pub fn http() -> HttpClient {
    HttpClient::new(HttpOptions::new(Egress::Any))
}

/// What a registry or a saved directory answered instead.
pub fn registry_error(doing: &str, error: &ClientError) -> Failure {
    Failure::from_error(doing, error)
}

/// An image as cosign names it: without a registry it is Docker Hub's, without a
/// tag or digest it is `latest`.
///
/// # Errors
/// If it is no reference.
pub fn reference(text: &str) -> Result<Reference, Failure> {
    full_name(text)
        .parse()
        .map_err(|error: bulla_core::reference::ReferenceError| {
            Failure::from_error("parsing reference", &error)
        })
}

fn full_name(text: &str) -> String {
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    let (first, rest) = name.split_once('/').unwrap_or(("", name));
    let is_host = first.contains(['.', ':']) || first == "localhost";
    let mut full = match (is_host, rest.contains('/') || !first.is_empty()) {
        (true, _) if matches!(first, "docker.io" | "index.docker.io") && !rest.contains('/') => {
            format!("index.docker.io/library/{rest}")
        }
        (true, _) if first == "docker.io" => format!("index.docker.io/{rest}"),
        (true, _) => name.to_owned(),
        (false, true) => format!("index.docker.io/{name}"),
        (false, false) => format!("index.docker.io/library/{name}"),
    };
    let slash = full.rfind('/').unwrap_or(0);
    let colon = full.get(slash..).and_then(|last| last.find(':'));
    match (digest, colon) {
        // A digest says all; cosign drops the tag beside it.
        (Some(digest), colon) => {
            full.truncate(colon.map_or(full.len(), |at| slash + at));
            format!("{full}@{digest}")
        }
        (None, Some(_)) => full,
        (None, None) => full + ":latest",
    }
}

/// Where the evidence of an image is: its own repository, or `COSIGN_REPOSITORY`.
///
/// # Errors
/// If that is no repository.
pub fn evidence(image: &Reference) -> Result<Reference, Failure> {
    let elsewhere = super::info::value(super::info::REPOSITORY);
    if elsewhere.is_empty() {
        return Ok(image.clone());
    }
    reference(&elsewhere)
        .map_err(|failure| Failure::new(format!("parsing COSIGN_REPOSITORY: {}", failure.text())))
}

/// The tag or digest does not exist: exit code 11.
pub fn not_found(image: &str, error: &impl std::fmt::Display) -> Failure {
    Failure::coded("CLI-0442", format!("image tag not found: {image}: {error}")).exit(Exit::NoTag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_as_cosign_does() {
        for (short, full) in [
            ("ubuntu", "index.docker.io/library/ubuntu:latest"),
            ("ubuntu:24.04", "index.docker.io/library/ubuntu:24.04"),
            ("me/app", "index.docker.io/me/app:latest"),
            ("docker.io/library/x:1", "index.docker.io/library/x:1"),
            ("docker.io/x", "index.docker.io/library/x:latest"),
            ("localhost:5000/a/b", "localhost:5000/a/b:latest"),
            ("127.0.0.1:5000/a:v1", "127.0.0.1:5000/a:v1"),
            ("ghcr.io/a/b:v1@sha256:00", "ghcr.io/a/b@sha256:00"),
            ("ghcr.io/a/b@sha256:00", "ghcr.io/a/b@sha256:00"),
        ] {
            assert_eq!(full_name(short), full, "{short}");
        }
    }
}
