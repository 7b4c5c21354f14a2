//! Immutable objects by name: what a log's full tiles and bundles are kept in.
//!
//! A name is written once and never again; [`Objects::put_new`] is durable when
//! it returns. The port itself promises nothing about content: its users put the
//! content's digest into the name and check it on every read. Two forms: local
//! files, and anything that speaks S3.

mod error;
mod http;
mod local;
mod name;
mod s3;

use bytes::Bytes;
use serde::Deserialize;
use std::{path::PathBuf, pin::Pin, sync::Arc};

pub use error::ObjectError;
pub use local::LocalObjects;
pub use name::ObjectName;
pub use s3::S3Objects;

/// A result to wait for.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, ObjectError>> + Send + 'a>>;

/// Largest object, in bytes.
pub const OBJECT_BYTES: u64 = 1 << 30;

/// What became of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It was written.
    Created,
    /// There was one of that name, which stays.
    Exists,
}

/// A place for immutable objects.
pub trait Objects: Send + Sync {
    /// Writes `bytes` as `name` unless there is one of that name; of several at
    /// once, exactly one is told [`Put::Created`]. Durable when it returns.
    fn put_new<'a>(&'a self, name: &'a ObjectName, bytes: Bytes) -> Pending<'a, Put>;

    /// The bytes of `name`, if it is there; [`ObjectError::Oversize`] beyond `limit` bytes.
    fn get<'a>(&'a self, name: &'a ObjectName, limit: u64) -> Pending<'a, Option<Bytes>>;

    /// Removes it, if it is there.
    fn delete<'a>(&'a self, name: &'a ObjectName) -> Pending<'a, ()>;

    /// At most `limit` names in `folder` and below, after `after` (all for `None`), in order.
    fn list<'a>(
        &'a self,
        folder: &'a ObjectName,
        after: Option<&'a ObjectName>,
        limit: usize,
    ) -> Pending<'a, Vec<ObjectName>>;
}

/// The section `[objects]` of a configuration: a bucket, or a folder.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectsConfig {
    /// `https://HOST` of an S3 server (plain HTTP on loopback only).
    pub endpoint: Option<String>,
    /// The bucket, which must be there.
    pub bucket: Option<String>,
    /// What all names in the bucket begin with (`bulla`).
    pub prefix: Option<String>,
    /// The region for signatures (`us-east-1`).
    pub region: Option<String>,
    /// A file with the access key's id; else `AWS_ACCESS_KEY_ID`.
    pub access_key_file: Option<PathBuf>,
    /// A file with the secret key; else `AWS_SECRET_ACCESS_KEY`.
    pub secret_key_file: Option<PathBuf>,
    /// The authority (PEM) that the server's certificate must descend from;
    /// else the machine's.
    pub ca_file: Option<PathBuf>,
    /// Instead of all that: a folder that every replica sees.
    pub directory: Option<PathBuf>,
}

impl ObjectsConfig {
    /// Files below this folder.
    pub fn directory(folder: impl Into<PathBuf>) -> Self {
        Self {
            directory: Some(folder.into()),
            ..Self::default()
        }
    }

    /// Opens it and checks that it can be listed.
    ///
    /// # Errors
    /// [`ObjectError`] if it is incomplete, or the place cannot be used.
    pub async fn open(&self) -> Result<Arc<dyn Objects>, ObjectError> {
        let objects: Arc<dyn Objects> = match &self.directory {
            Some(folder) if self.endpoint.is_none() && self.bucket.is_none() => {
                Arc::new(LocalObjects::open(folder)?)
            }
            Some(_) => {
                return Err(ObjectError::Config {
                    why: "`directory` stands instead of `endpoint` and `bucket`, not beside them",
                });
            }
            None => Arc::new(S3Objects::open(self)?),
        };
        Self::ping(&*objects).await?;
        Ok(objects)
    }

    /// Lists a folder that nobody writes into.
    pub(crate) async fn ping(objects: &dyn Objects) -> Result<(), ObjectError> {
        objects.list(&ObjectName::probe(), None, 1).await.map(drop)
    }
}
