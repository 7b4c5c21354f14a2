//! What networked commands stand on: a runtime with the command's time limit,
//! a registry client with cosign's flags, references with cosign's defaults.

use bulla_core::Reference;
use bulla_net::{Egress, HttpClient, HttpOptions};
use bulla_oci::{ClientError, Credentials, Registry, credentials::Credential};
use std::future::Future;

use super::{
    failure::{Exit, Failure},
    given::Given,
    material,
};
use crate::{
    cli::{Color, Global},
    context::Context,
};

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

/// The same, believing these authorities alone (PEM).
pub fn http_believing(pem: Vec<u8>) -> HttpClient {
    HttpClient::new(HttpOptions::new(Egress::Any).believing(pem))
}

/// What a registry or a saved directory answered instead.
pub fn registry_error(doing: &str, error: &ClientError) -> Failure {
    Failure::from_error(doing, error)
}

/// A client for registries, as the flags say.
///
/// # Errors
/// If a credential or a certificate cannot be read.
pub fn registry(given: &Given, image: &Reference) -> Result<Registry, Failure> {
    let mut options = HttpOptions::new(Egress::Any);
    if let Some(path) = given.text("registry-cacert") {
        options = options.believing(material::small(path, "CA certificate")?);
    }
    let user = given.text("registry-username");
    let password = given.text("registry-password");
    let credentials = match (user, password) {
        (Some(username), Some(password)) => Credentials::one(
            image.registry(),
            Credential::Basic {
                username: username.to_owned(),
                password: password.to_owned(),
            },
        ),
        (None, None) => Credentials::from_environment(|name| std::env::var(name).ok())
            .map_err(|error| Failure::from_error("reading credentials", &error))?,
        _ => {
            return Err(Failure::coded(
                "CLI-0441",
                "--registry-username and --registry-password must be given together",
            ));
        }
    };
    let registry = Registry::new(HttpClient::new(options), credentials);
    let limit = super::info::value("COSIGN_MAX_ATTACHMENT_SIZE");
    if limit.is_empty() {
        return Ok(registry);
    }
    let bytes = size(&limit).ok_or_else(|| {
        Failure::coded(
            "CLI-0443",
            format!("COSIGN_MAX_ATTACHMENT_SIZE is no size: {limit}"),
        )
        .hint("write 5120, 20K, 3M, 45MiB or 1GB")
    })?;
    let limits = bulla_oci::Limits {
        evidence_bytes: bytes,
        ..registry.limits().clone()
    };
    Ok(registry.within(limits))
}

/// A size as people write it: `5120`, `20K`, `45MiB`, `1GB`.
fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let scale: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "ki" | "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mi" | "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gi" | "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(scale)
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
    fn sizes_are_read() {
        for (text, bytes) in [
            ("5120", 5120),
            ("20K", 20_000),
            ("45MiB", 45 << 20),
            ("1GB", 1_000_000_000),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "M", "-1", "1.5M", "5 things", "99999999999G"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

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
