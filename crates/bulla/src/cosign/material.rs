//! Files and other inputs that flags name, each within its limit (rule R4).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{
    Digest,
    limits::{self, LimitError},
};
use bulla_trust::sigstore::Artifact;
use std::{
    fs::File,
    io::{self, Read},
};

use super::failure::Failure;

/// A signed file of any size is held in memory; more than this is refused.
const BLOB_BYTES: u64 = 4 << 30;
/// A key, certificate chain or signature.
const SMALL_BYTES: u64 = 1 << 20;

/// What was signed.
#[derive(Debug)]
pub enum Blob {
    /// The file's bytes.
    Bytes(Vec<u8>),
    /// Its digest alone.
    Digest(Digest),
}

impl Blob {
    /// What a signature over it, or a statement about it, is checked against.
    pub fn artifact(&self) -> Artifact<'_> {
        match self {
            Self::Bytes(bytes) => Artifact::Bytes(bytes),
            Self::Digest(digest) => Artifact::Digest(digest),
        }
    }
}

/// Reads the blob that a command names: a file, `-` for stdin, `env://VAR`, or,
/// where there is no such file, `ALGORITHM:HEX`.
///
/// # Errors
/// If it is none of them.
pub fn blob(name: &str) -> Result<Blob, Failure> {
    match read(name, BLOB_BYTES, "blob") {
        Ok(bytes) => Ok(Blob::Bytes(bytes)),
        Err(failure) => match name.split_once(':') {
            Some(("sha256" | "sha384" | "sha512", _)) => digest(name).map(Blob::Digest),
            _ => Err(failure),
        },
    }
}

/// A file to push, of whatever kind.
///
/// # Errors
/// If it cannot be read.
pub fn file(path: &str) -> Result<Vec<u8>, Failure> {
    read(path, BLOB_BYTES, "file")
}

/// `ALGORITHM:HEX`, in either case.
///
/// # Errors
/// If it is no digest.
pub fn digest(text: &str) -> Result<Digest, Failure> {
    text.to_ascii_lowercase()
        .parse::<Digest>()
        .map_err(|error| Failure::from_error("invalid digest format", &error))
}

/// `--digestAlg`: one that names a file, or none.
///
/// # Errors
/// If it is another.
pub fn digest_algorithm(name: &str) -> Result<(), Failure> {
    match name {
        "" | "sha256" | "sha384" | "sha512" => Ok(()),
        other => Err(Failure::coded(
            "CLI-0406",
            format!(
                "unsupported --digestAlg {other:?}; supported values are sha256, sha384, sha512"
            ),
        )),
    }
}

/// A bundle.
///
/// # Errors
/// If it cannot be read.
pub fn bundle(path: &str) -> Result<Vec<u8>, Failure> {
    read(path, limits::BUNDLE_BYTES, "bundle")
}

/// A trust root or signing config.
///
/// # Errors
/// If it cannot be read.
pub fn trust_document(path: &str) -> Result<Vec<u8>, Failure> {
    read(path, limits::TRUST_DOCUMENT_BYTES, "trust document")
}

/// A key, a certificate chain, a signature.
///
/// # Errors
/// If it cannot be read.
pub fn small(path: &str, what: &'static str) -> Result<Vec<u8>, Failure> {
    read(path, SMALL_BYTES, what)
}

/// A signature: a file of it, else the text itself; in base64 either way.
///
/// # Errors
/// If a file is there and cannot be read.
pub fn text_or_file(text: &str) -> Result<String, Failure> {
    let bytes = match small(text, "signature") {
        Ok(bytes) => bytes,
        Err(_) if !std::path::Path::new(text).exists() => text.as_bytes().to_vec(),
        Err(failure) => return Err(failure),
    };
    let trimmed = bytes.trim_ascii();
    Ok(
        match (STANDARD.decode(trimmed), std::str::from_utf8(trimmed)) {
            (Ok(_), Ok(text)) => text.to_owned(),
            _ => STANDARD.encode(&bytes),
        },
    )
}

fn read(name: &str, limit: u64, what: &'static str) -> Result<Vec<u8>, Failure> {
    if name == "-" {
        return bounded("read", "standard input", io::stdin().lock(), limit, what);
    }
    if let Some(variable) = name.strip_prefix("env://") {
        return std::env::var(variable)
            .map(String::into_bytes)
            .map_err(|_| {
                Failure::coded(
                    "CLI-0407",
                    format!("loading URL: env var ${variable} not found"),
                )
            });
    }
    if name.starts_with("http://") || name.starts_with("https://") {
        return Err(Failure::coded(
            "CLI-0408",
            format!("{name} is not fetched: verification makes no connection"),
        )
        .hint("download it, and name the file"));
    }
    let file = File::open(name).map_err(|error| Failure::on_file("open", name, &error))?;
    bounded("read", name, file, limit, what)
}

fn bounded(
    verb: &str,
    name: &str,
    from: impl Read,
    limit: u64,
    what: &'static str,
) -> Result<Vec<u8>, Failure> {
    limits::read_bounded(from, limit, what).map_err(|error| match error {
        LimitError::Read { source, .. } => Failure::on_file(verb, name, &source),
        other => Failure::from_error(name, &other),
    })
}
