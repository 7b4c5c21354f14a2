//! Secrets of a Kubernetes cluster: read one, keep one. Nothing else of its API.
//!
//! Which cluster, and as whom, says the kubeconfig, or the pod's service account.
//! The connection goes to that one server, believes its authority alone where one
//! is named, and shows a client certificate where the kubeconfig has one.

mod config;
mod error;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::limits;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};
use url::Url;
use zeroize::Zeroizing;

pub use error::KubeError;

use crate::{
    Environment,
    http::{Body, HttpClient, Request},
};
use config::Access;

/// A secret may have 1 MiB (Kubernetes' own limit), in base64 and with its frame.
const SECRET_BYTES: u64 = 2 << 20;

/// A cluster, and how its server is reached.
pub struct Cluster {
    server: Url,
    http: HttpClient,
    token: Option<Zeroizing<String>>,
}

/// The values of a secret.
pub type Values = BTreeMap<String, Zeroizing<Vec<u8>>>;

/// A secret on the wire.
#[derive(Deserialize, Serialize)]
struct Wire {
    #[serde(rename = "apiVersion", default)]
    version: String,
    #[serde(default)]
    kind: String,
    metadata: Metadata,
    #[serde(default)]
    data: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    immutable: Option<bool>,
}

#[derive(Deserialize, Serialize)]
struct Metadata {
    name: String,
    namespace: String,
}

#[derive(Deserialize)]
struct Version {
    major: String,
    minor: String,
}

impl Cluster {
    /// The cluster of the kubeconfig (`KUBECONFIG`, else `~/.kube/config`), or the
    /// one that this pod runs in. Nothing is connected yet.
    ///
    /// # Errors
    /// [`KubeError`] if there is none, or its access is of an unknown kind.
    pub fn from_environment(environment: &Environment) -> Result<Self, KubeError> {
        let access = Access::find(environment, Path::new(config::SERVICE_ACCOUNT))?;
        Ok(Self {
            http: access.client()?,
            server: access.server,
            token: access.token,
        })
    }

    /// The values of a secret, if it is there.
    ///
    /// # Errors
    /// [`KubeError`] if the server does not give it.
    pub async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Values>, KubeError> {
        let url = self.url(&["api", "v1", "namespaces", namespace, "secrets", name])?;
        let answer = self.send(Request::get(url)).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = answer.require(&[StatusCode::OK]).await?;
        let bytes = Zeroizing::new(answer.bytes(SECRET_BYTES, "a secret").await?);
        let wire: Wire = limits::parse_json(&bytes, SECRET_BYTES, "a secret")?;
        let values = wire.data.into_iter().map(|(name, text)| {
            let text = Zeroizing::new(text);
            let value = STANDARD.decode(text.as_bytes());
            let value = value.map_err(|_| KubeError::Value(name.clone()))?;
            Ok((name, Zeroizing::new(value)))
        });
        values.collect::<Result<_, KubeError>>().map(Some)
    }

    /// Keeps values in a secret, beside those that it has; a new one. It cannot be
    /// changed afterwards, where the cluster knows that (from 1.21 on).
    ///
    /// # Errors
    /// [`KubeError`] if the server refuses.
    pub async fn keep(&self, namespace: &str, name: &str, values: Values) -> Result<(), KubeError> {
        let is_fixed = self.knows_immutable().await?;
        let existing = self.secret(namespace, name).await?;
        let is_new = existing.is_none();
        let mut all = existing.unwrap_or_default();
        all.extend(values);
        let encode = |value: &Zeroizing<Vec<u8>>| STANDARD.encode(value);
        let wire = Wire {
            version: "v1".into(),
            kind: "Secret".into(),
            metadata: Metadata {
                name: name.into(),
                namespace: namespace.into(),
            },
            data: all.iter().map(|(k, v)| (k.clone(), encode(v))).collect(),
            immutable: is_fixed.then_some(true),
        };
        let body = Body::bytes(serde_json::to_vec(&wire).map_err(KubeError::Encode)?);
        let mut path = vec!["api", "v1", "namespaces", namespace, "secrets"];
        let request = match is_new {
            true => Request::post(self.url(&path)?, body),
            false => {
                path.push(name);
                Request::put(self.url(&path)?, body)
            }
        };
        self.send(request.content_type("application/json"))
            .await?
            .require(&[StatusCode::OK, StatusCode::CREATED])
            .await?;
        Ok(())
    }

    async fn knows_immutable(&self) -> Result<bool, KubeError> {
        let answer = self.send(Request::get(self.url(&["version"])?)).await?;
        let answer = answer.require(&[StatusCode::OK]).await?;
        let bytes = answer.bytes(SECRET_BYTES, "a version").await?;
        let version: Version = limits::parse_json(&bytes, SECRET_BYTES, "a version")?;
        // Clouds write a minor version such as `27+`.
        let number = |text: &str| {
            let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<u32>().unwrap_or_default()
        };
        Ok((number(&version.major), number(&version.minor)) >= (1, 21))
    }

    async fn send(&self, request: Request) -> Result<crate::http::Response, KubeError> {
        let mut request = request.accept("application/json");
        if let Some(token) = &self.token {
            let credential = Zeroizing::new(format!("Bearer {}", token.as_str()));
            request = request.authorization(&credential)?;
        }
        Ok(self.http.send(request).await?)
    }

    fn url(&self, path: &[&str]) -> Result<Url, KubeError> {
        let mut url = self.server.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend(path),
            Err(()) => return Err(KubeError::Server(self.server.to_string())),
        };
        Ok(url)
    }
}

#[cfg(test)]
mod tests;
