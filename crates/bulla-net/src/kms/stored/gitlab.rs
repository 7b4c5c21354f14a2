//! CI variables of a GitLab project, or of a group where there is no such project
//! (REST API, *Project-level* and *Group-level CI/CD variables*).
//!
//! `GITLAB_TOKEN` authenticates, `GITLAB_HOST` names another instance than
//! gitlab.com. The connection goes to that one host, without redirects.

use bulla_core::limits;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use super::KmsError;
use crate::{
    Environment,
    http::{Body, Egress, HttpClient, HttpOptions, Request, Response},
};

const PUBLIC: &str = "https://gitlab.com";
const TOKEN: HeaderName = HeaderName::from_static("private-token");
/// Whose variables they are, in the order asked.
const OWNERS: [&str; 2] = ["projects", "groups"];
/// A variable may have 10,000 characters.
const ANSWER_BYTES: u64 = 256 << 10;

pub(super) struct GitLab {
    api: Url,
    http: HttpClient,
    token: HeaderValue,
}

#[derive(Deserialize)]
struct Variable {
    value: String,
}

#[derive(Serialize)]
struct NewVariable<'a> {
    key: &'a str,
    value: &'a str,
    variable_type: &'static str,
    protected: bool,
    masked: bool,
    environment_scope: &'static str,
}

impl GitLab {
    /// # Errors
    /// [`KmsError::Variable`] without a token, [`KmsError::Address`].
    pub(super) fn from_environment(environment: &Environment) -> Result<Self, KmsError> {
        let token = environment.text("GITLAB_TOKEN");
        let mut token = token
            .and_then(|token| HeaderValue::from_str(token).ok())
            .ok_or_else(|| KmsError::Variable("GITLAB_TOKEN".into()))?;
        token.set_sensitive(true);
        let host = environment.text("GITLAB_HOST").unwrap_or(PUBLIC);
        let address = match host.contains("://") {
            true => host.to_owned(),
            false => format!("https://{host}"),
        };
        let bad = || KmsError::Address(host.to_owned());
        let api = Url::parse(&address).map_err(|_| bad())?;
        let name = api.host_str().ok_or_else(bad)?;
        let port = api.port_or_known_default().ok_or_else(bad)?;
        let only = Egress::Hosts([format!("{name}:{port}")].into());
        Ok(Self {
            http: HttpClient::new(HttpOptions::new(only)),
            api,
            token,
        })
    }

    /// The value of a variable, if it is there.
    pub(super) async fn variable(
        &self,
        project: &str,
        name: &str,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, KmsError> {
        for owner in OWNERS {
            let url = self.url(&[owner, project, "variables", name])?;
            let answer = self.send(Request::get(url)).await?;
            if answer.status() == StatusCode::NOT_FOUND {
                continue;
            }
            let answer = answer.require(&[StatusCode::OK]).await?;
            let bytes = Zeroizing::new(answer.bytes(ANSWER_BYTES, "a variable").await?);
            let variable: Variable = limits::parse_json(&bytes, ANSWER_BYTES, "a variable")?;
            return Ok(Some(Zeroizing::new(variable.value.into_bytes())));
        }
        Ok(None)
    }

    /// Makes a variable.
    pub(super) async fn keep(
        &self,
        project: &str,
        name: &str,
        value: &[u8],
    ) -> Result<(), KmsError> {
        let value = std::str::from_utf8(value).map_err(|_| KmsError::Text(name.to_owned()))?;
        let variable = NewVariable {
            key: name,
            value,
            variable_type: "env_var",
            protected: false,
            masked: false,
            environment_scope: "*",
        };
        let body = serde_json::to_vec(&variable).map_err(|_| KmsError::Text(name.to_owned()))?;
        let [own, group] = OWNERS;
        let mut answer = self.post(own, project, &body).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            answer = self.post(group, project, &body).await?;
        }
        answer.require(&[StatusCode::CREATED]).await?;
        Ok(())
    }

    async fn post(&self, owner: &str, project: &str, body: &[u8]) -> Result<Response, KmsError> {
        let url = self.url(&[owner, project, "variables"])?;
        let request = Request::post(url, Body::bytes(body.to_vec()));
        self.send(request.content_type("application/json")).await
    }

    async fn send(&self, request: Request) -> Result<Response, KmsError> {
        let request = request
            .accept("application/json")
            .header(TOKEN, self.token.clone());
        Ok(self.http.send(request).await?)
    }

    /// A path of the API; a project's own path is one segment of it.
    fn url(&self, path: &[&str]) -> Result<Url, KmsError> {
        let mut url = self.api.clone();
        let is_api = url.path().trim_end_matches('/').ends_with("/api/v4");
        let bad = |()| KmsError::Address(self.api.to_string());
        let mut segments = url.path_segments_mut().map_err(bad)?;
        segments.pop_if_empty();
        if !is_api {
            segments.extend(["api", "v4"]);
        }
        segments.extend(path);
        drop(segments);
        Ok(url)
    }
}
