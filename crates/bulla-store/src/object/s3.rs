//! Objects in a bucket of any server that speaks S3 and honours `If-None-Match: *`.
//!
//! Requests are made and signed (SigV4) by `object_store`; they travel by
//! bulla's own HTTP client. Only the keys that the configuration names are used:
//! no profile, no metadata service.

use bulla_net::{Egress, HttpClient, HttpOptions};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::{
    ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut},
    path::Path as StorePath,
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};
use url::Url;

use super::{ObjectError, ObjectName, Objects, ObjectsConfig, Pending, Put, http::Connector};

/// Longest credential or certificate file, in bytes.
const SECRET_BYTES: u64 = 64 * 1024;
/// How long one put may be tried again: shorter than a lease.
const RETRY: Duration = Duration::from_secs(5);

/// A bucket.
pub struct S3Objects {
    bucket: AmazonS3,
    prefix: String,
    place: String,
}

impl S3Objects {
    /// Reads the credentials. Nothing is connected yet.
    ///
    /// # Errors
    /// [`ObjectError::Config`] or [`ObjectError::File`].
    pub fn open(config: &ObjectsConfig) -> Result<Self, ObjectError> {
        let missing = |why| ObjectError::Config { why };
        let endpoint = config
            .endpoint
            .as_deref()
            .ok_or_else(|| missing("`endpoint` is missing"))?;
        let bucket = config
            .bucket
            .as_deref()
            .ok_or_else(|| missing("`bucket` is missing"))?;
        let url = Url::parse(endpoint).map_err(|_| missing("`endpoint` is not a URL"))?;
        let host = url
            .host_str()
            .ok_or_else(|| missing("`endpoint` has no host"))?;
        let port = url
            .port_or_known_default()
            .ok_or_else(|| missing("`endpoint` is neither http nor https"))?;
        let prefix = config.prefix.as_deref().unwrap_or("bulla");
        ObjectName::new(prefix)?;
        let place = format!("{bucket} at {host}:{port}");
        let egress = Egress::Hosts(BTreeSet::from([format!("{host}:{port}")]));
        let source = |source| ObjectError::Http {
            place: place.clone(),
            source: Box::new(source),
        };
        egress.check(&url).map_err(source)?;
        let mut options = HttpOptions::new(egress);
        if let Some(path) = &config.ca_file {
            options = options.believing(secret(path)?);
        }
        let key = |file: &Option<PathBuf>, variable, why| match file {
            Some(path) => secret(path),
            None => std::env::var(variable).map_err(|_| missing(why)),
        };
        let built = AmazonS3Builder::new()
            .with_endpoint(endpoint.trim_end_matches('/'))
            .with_bucket_name(bucket)
            .with_region(config.region.as_deref().unwrap_or("us-east-1"))
            .with_virtual_hosted_style_request(false)
            .with_allow_http(true) // Our client allows it on loopback only.
            .with_access_key_id(key(
                &config.access_key_file,
                "AWS_ACCESS_KEY_ID",
                "neither `access_key_file` nor AWS_ACCESS_KEY_ID is set",
            )?)
            .with_secret_access_key(key(
                &config.secret_key_file,
                "AWS_SECRET_ACCESS_KEY",
                "neither `secret_key_file` nor AWS_SECRET_ACCESS_KEY is set",
            )?)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_retry(RetryConfig {
                max_retries: 3,
                retry_timeout: RETRY,
                ..RetryConfig::default()
            })
            .with_http_connector(Connector(HttpClient::new(options)))
            .build();
        Ok(Self {
            bucket: built.map_err(|source| ObjectError::S3 {
                place: place.clone(),
                source: Box::new(source),
            })?,
            prefix: format!("{prefix}/"),
            place,
        })
    }

    fn path(&self, name: &ObjectName) -> StorePath {
        StorePath::from(format!("{}{name}", self.prefix))
    }

    fn failed(&self, source: object_store::Error) -> ObjectError {
        ObjectError::S3 {
            place: self.place.clone(),
            source: Box::new(source),
        }
    }
}

impl Objects for S3Objects {
    fn put_new<'a>(&'a self, name: &'a ObjectName, bytes: Bytes) -> Pending<'a, Put> {
        Box::pin(async move {
            let options = PutOptions::from(PutMode::Create);
            let path = self.path(name);
            match self.bucket.put_opts(&path, bytes.into(), options).await {
                Ok(_) => Ok(Put::Created),
                Err(
                    object_store::Error::AlreadyExists { .. }
                    | object_store::Error::Precondition { .. },
                ) => Ok(Put::Exists),
                Err(source) => Err(self.failed(source)),
            }
        })
    }

    fn get<'a>(&'a self, name: &'a ObjectName, limit: u64) -> Pending<'a, Option<Bytes>> {
        Box::pin(async move {
            let found = match self.bucket.get(&self.path(name)).await {
                Ok(found) => found,
                Err(object_store::Error::NotFound { .. }) => return Ok(None),
                Err(source) => return Err(self.failed(source)),
            };
            if found.meta.size > limit {
                let name = name.to_string();
                return Err(ObjectError::Oversize { name, limit });
            }
            let bytes = found.bytes().await;
            bytes.map(Some).map_err(|source| self.failed(source))
        })
    }

    fn delete<'a>(&'a self, name: &'a ObjectName) -> Pending<'a, ()> {
        Box::pin(async move {
            match self.bucket.delete(&self.path(name)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(source) => Err(self.failed(source)),
            }
        })
    }

    fn list<'a>(
        &'a self,
        folder: &'a ObjectName,
        after: Option<&'a ObjectName>,
        limit: usize,
    ) -> Pending<'a, Vec<ObjectName>> {
        Box::pin(async move {
            use futures_util::StreamExt as _;
            let folder = self.path(folder);
            let listed = match after {
                Some(after) => self
                    .bucket
                    .list_with_offset(Some(&folder), &self.path(after)),
                None => self.bucket.list(Some(&folder)),
            };
            let found: Vec<_> = listed
                .take(limit)
                .try_collect()
                .await
                .map_err(|source| self.failed(source))?;
            let mut names = Vec::with_capacity(found.len());
            for object in found {
                // What others keep beside ours is none of our objects.
                let name = object.location.as_ref().strip_prefix(&self.prefix);
                names.extend(name.and_then(|name| ObjectName::new(name).ok()));
            }
            names.sort();
            Ok(names)
        })
    }
}

fn secret(path: &Path) -> Result<String, ObjectError> {
    let unreadable = |source| ObjectError::File {
        path: path.to_owned(),
        source,
    };
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > SECRET_BYTES {
        return Err(unreadable(std::io::ErrorKind::FileTooLarge.into()));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    Ok(text.trim().to_owned())
}
