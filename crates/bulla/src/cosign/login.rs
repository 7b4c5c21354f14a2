//! `cosign login`: a credential for a registry, kept where docker keeps it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::limits;
use serde_json::{Value, json};
use std::{io, path::PathBuf};

use super::{failure::Failure, given::Given, say};

/// A credentials file.
const BYTES: u64 = 1 << 20;

/// Runs it.
///
/// # Errors
/// If name or password is missing, or the file cannot be written.
pub fn run(given: &Given) -> Result<(), Failure> {
    let server = given.args.first().map_or("index.docker.io", String::as_str);
    let server = match server {
        "docker.io" | "index.docker.io" => "https://index.docker.io/v1/",
        other => other,
    };
    let user = given.text("username").ok_or_else(|| missing("username"))?;
    let password = match (given.text("password"), given.on("password-stdin")) {
        (None, true) => {
            let piped = limits::read_bounded(io::stdin().lock(), BYTES, "password")
                .map_err(|error| Failure::from_error("reading password", &error))?;
            String::from_utf8_lossy(&piped)
                .trim_end_matches(['\n', '\r'])
                .to_owned()
        }
        (Some(password), false) => password.to_owned(),
        (Some(_), true) => {
            return Err(Failure::coded(
                "CLI-0498",
                "--password and --password-stdin are both given",
            ));
        }
        (None, false) => return Err(missing("password")),
    };
    let path = file()?;
    let mut config = match std::fs::File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => json!({}),
        opened => {
            let file = opened
                .map_err(|error| Failure::on_file("open", &path.display().to_string(), &error))?;
            let bytes = limits::read_bounded(file, BYTES, "credentials file")
                .map_err(|error| Failure::from_error("reading credentials", &error))?;
            limits::parse_json::<Value>(&bytes, BYTES, "credentials file")
                .map_err(|error| Failure::from_error(&path.display().to_string(), &error))?
        }
    };
    let auth = json!({"auth": STANDARD.encode(format!("{user}:{password}"))});
    let auths = config
        .as_object_mut()
        .map(|config| config.entry("auths").or_insert_with(|| json!({})))
        .and_then(Value::as_object_mut)
        .ok_or_else(|| {
            Failure::coded(
                "CLI-0499",
                format!("{} is no credentials file", path.display()),
            )
        })?;
    auths.insert(server.to_owned(), auth);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::on_file("mkdir", &folder.display().to_string(), &error))?;
    }
    say::private_file(
        &path.display().to_string(),
        format!("{config:#}\n").as_bytes(),
    )?;
    say::line(&format!("logged in via {}", path.display()));
    Ok(())
}

fn missing(what: &str) -> Failure {
    Failure::coded("CLI-0498", "username and password required").hint(format!(
        "give --{what}; a password is best piped in with --password-stdin"
    ))
}

fn file() -> Result<PathBuf, Failure> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("DOCKER_CONFIG")
        .or_else(|| set("HOME").map(|home| home.join(".docker")))
        .map(|folder| folder.join("config.json"))
        .ok_or_else(|| {
            Failure::coded(
                "CLI-0499",
                "there is no place to keep a credential: HOME is not set",
            )
        })
}
