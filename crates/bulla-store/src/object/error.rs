//! Why an object could not be kept or read.

use bulla_core::{Code, Diagnose};
use bulla_net::http::HttpError;
use std::{io, path::PathBuf};

/// A failure of the place for objects. Credentials are never shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// The configuration does not say where objects go.
    #[error("[objects] cannot be used: {why}")]
    Config {
        /// What is missing or wrong.
        why: &'static str,
    },
    /// A credential or certificate file.
    #[error("the file {} cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// HTTP, before any answer.
    #[error("the objects in {place} cannot be reached: {source}")]
    Http {
        /// The bucket.
        place: String,
        /// The failure.
        source: Box<HttpError>,
    },
    /// The local folder.
    #[error("the objects in {} cannot be used: {source}", path.display())]
    Local {
        /// File or folder.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// A name that no object can have.
    #[error("{name:?} cannot be the name of an object")]
    Name {
        /// Its start.
        name: String,
    },
    /// An object larger than what was to be read.
    #[error("the object {name} is longer than {limit} bytes")]
    Oversize {
        /// Its name.
        name: String,
        /// The bound.
        limit: u64,
    },
    /// The S3 server.
    #[error("the objects in {place} failed: {source}")]
    S3 {
        /// The bucket.
        place: String,
        /// The failure.
        source: Box<object_store::Error>,
    },
}

impl Diagnose for ObjectError {
    fn code(&self) -> Code {
        match self {
            Self::Config { .. } => Code("STORE-0120"),
            Self::File { .. } => Code("STORE-0121"),
            Self::Http { .. } => Code("STORE-0122"),
            Self::Local { .. } => Code("STORE-0123"),
            Self::Name { .. } => Code("STORE-0124"),
            Self::Oversize { .. } => Code("STORE-0125"),
            Self::S3 { .. } => Code("STORE-0126"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Config { .. } => {
                "write endpoint and bucket, or directory, into [objects] of the file given to `bulla serve --config FILE`".into()
            }
            Self::File { path, .. } => format!(
                "see that the file is there, readable and no longer than 64 KiB: `ls -l {}`",
                path.display()
            ),
            Self::Http { place, .. } | Self::S3 { place, .. } => format!(
                "see that the server runs, the bucket exists and the keys may read, write, list and delete there: `aws s3 ls` for {place}"
            ),
            Self::Local { path, .. } => {
                format!("see that it can be written and its disk has room: `df {}`", path.display())
            }
            Self::Name { .. } | Self::Oversize { .. } => return None,
        })
    }
}
