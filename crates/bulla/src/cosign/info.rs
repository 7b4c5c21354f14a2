//! `cosign version` and `cosign env`: what runs here, and what it listens to.

use serde_json::json;
use std::fmt::Write;

use super::{failure::Failure, given::Given, mirror, say};

/// The version whose command line is offered.
const OF_COSIGN: &str = "v3.1.3";

/// The variable that keeps evidence in another repository.
pub const REPOSITORY: &str = "COSIGN_REPOSITORY";

/// What a variable holds; nothing where it is not set.
pub fn value(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// A variable of the environment that changes what the face does.
struct Variable {
    name: &'static str,
    about: &'static str,
    expects: &'static str,
    secret: bool,
}

const fn variable(name: &'static str, about: &'static str, expects: &'static str) -> Variable {
    Variable {
        name,
        about,
        expects,
        secret: false,
    }
}

const fn secret(name: &'static str, about: &'static str, expects: &'static str) -> Variable {
    Variable {
        name,
        about,
        expects,
        secret: true,
    }
}

const VARIABLES: [Variable; 22] = [
    secret(
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "asks GitHub for an identity token",
        "a bearer token",
    ),
    variable(
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "is where GitHub gives identity tokens",
        "a URL",
    ),
    secret(
        "BUILDKITE_AGENT_ACCESS_TOKEN",
        "asks Buildkite for an identity token",
        "an access token",
    ),
    variable(
        "BUILDKITE_AGENT_ENDPOINT",
        "is where Buildkite gives identity tokens",
        "a URL",
    ),
    variable(
        "BUILDKITE_JOB_ID",
        "names the job in Buildkite's token",
        "a job id",
    ),
    variable(
        "COSIGN_DOCKER_MEDIA_TYPES",
        "writes Docker's media types for old registries",
        "1",
    ),
    variable(
        "COSIGN_EXPERIMENTAL",
        "has no effect: what it enabled is the default",
        "1",
    ),
    variable(
        "COSIGN_MAX_ATTACHMENT_SIZE",
        "limits what is read of evidence",
        "a size such as 5120, 20K, 45MiB",
    ),
    secret(
        "COSIGN_PASSWORD",
        "is the password of key files",
        "a password",
    ),
    variable(
        "COSIGN_PKCS11_IGNORE_CERTIFICATE",
        "does not read certificates of a token",
        "1",
    ),
    variable(
        "COSIGN_PKCS11_MODULE_PATH",
        "is the PKCS#11 module",
        "a path",
    ),
    secret("COSIGN_PKCS11_PIN", "is the PIN of a token", "a PIN"),
    variable(
        REPOSITORY,
        "keeps evidence in another repository",
        "a repository",
    ),
    variable(
        "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE",
        "is the key of the certificate log",
        "a path",
    ),
    secret(
        "SIGSTORE_ID_TOKEN",
        "is the identity token to sign with",
        "a token",
    ),
    variable(
        "SIGSTORE_REKOR_PUBLIC_KEY",
        "is the key of the log",
        "a path",
    ),
    variable("SIGSTORE_ROOT_FILE", "holds the roots of the CA", "a path"),
    variable(
        "SIGSTORE_TSA_CERTIFICATE_FILE",
        "holds the chain of the timestamp authority",
        "a path",
    ),
    variable(
        "SPIFFE_ENDPOINT_SOCKET",
        "is where SPIFFE gives identity tokens",
        "a socket",
    ),
    variable(
        mirror::MIRROR,
        "is a TUF repository whose trust root counts, fetched by each command that needs one",
        "a URL",
    ),
    variable(
        "TUF_ROOT",
        "is where fetched trust roots are kept",
        "a directory",
    ),
    variable(
        mirror::ROOT_JSON,
        "is the first root.json of TUF_MIRROR",
        "a path",
    ),
];

/// Runs `version`.
///
/// # Errors
/// If the output file cannot be written.
pub fn version(given: &Given) -> Result<(), Failure> {
    let platform = format!("{}/{}", std::env::consts::OS, architecture());
    let bulla = env!("CARGO_PKG_VERSION");
    let text = if given.on("json") {
        let value = json!({
            "gitVersion": OF_COSIGN, "bullaVersion": bulla,
            "gitCommit": "unknown", "gitTreeState": "unknown", "buildDate": "unknown",
            "compiler": "rustc", "platform": platform,
        });
        format!("{value:#}\n")
    } else {
        format!(
            "bulla {bulla}, with the command line of cosign\n\nGitVersion:    {OF_COSIGN}\nGitCommit:     unknown\nCompiler:      rustc\nPlatform:      {platform}\n"
        )
    };
    say::data(given, text.as_bytes())
}

/// What Go calls the processor.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Runs `env`.
///
/// # Errors
/// If the output file cannot be written.
pub fn env(given: &Given) -> Result<(), Failure> {
    let mut out = String::new();
    for known in &VARIABLES {
        let value = value(known.name);
        if given.on("show-descriptions") {
            let _ = writeln!(
                out,
                "# {} {}\n# Expects: {}",
                known.name, known.about, known.expects
            );
        }
        let hidden = known.secret && !given.on("show-sensitive-values") && !value.is_empty();
        let shown = if hidden { "******" } else { &value };
        let _ = writeln!(out, "{}={shown}", known.name);
    }
    say::data(given, out.as_bytes())
}
