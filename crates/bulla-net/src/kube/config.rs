//! Which cluster, and as whom: kubeconfig files, or a pod's service account.
//!
//! Of several files in `KUBECONFIG` the first that says something holds. A client
//! certificate and a token are understood; what runs a program (`exec`), skips the
//! check of certificates or goes by a proxy is refused by name (rule R15).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::limits;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde::Deserialize;
use serde_json::Value;
use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};
use url::Url;
use zeroize::Zeroizing;

use super::KubeError;
use crate::{
    Environment,
    http::{Egress, HttpClient, HttpError, HttpOptions},
};

/// Where a pod finds its account.
pub(super) const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// A kubeconfig, or a file that it names.
const FILE_BYTES: u64 = 4 << 20;

/// How a cluster is reached.
pub(super) struct Access {
    pub(super) server: Url,
    /// Whom to believe, PEM; the machine's roots if nobody is named.
    authority: Option<Vec<u8>>,
    /// Certificate and key to show, PEM.
    identity: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
    pub(super) token: Option<Zeroizing<String>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct Config {
    current_context: String,
    contexts: Vec<NamedContext>,
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
    /// Where it was read: relative paths are beside it.
    #[serde(skip)]
    folder: PathBuf,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Deserialize)]
struct Context {
    cluster: String,
    #[serde(default)]
    user: String,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority: Option<String>,
    certificate_authority_data: Option<String>,
    insecure_skip_tls_verify: Option<bool>,
    proxy_url: Option<String>,
    tls_server_name: Option<String>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    #[serde(default)]
    user: User,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct User {
    client_certificate: Option<String>,
    client_certificate_data: Option<String>,
    client_key: Option<String>,
    client_key_data: Option<String>,
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<String>,
    exec: Option<Value>,
    auth_provider: Option<Value>,
    username: Option<String>,
    #[serde(rename = "as")]
    other: Option<String>,
}

impl Access {
    /// By the files that the environment names, or from `account`.
    pub(super) fn find(environment: &Environment, account: &Path) -> Result<Self, KubeError> {
        let named: Vec<PathBuf> = match environment.get("KUBECONFIG") {
            Some(list) => std::env::split_paths(list).collect(),
            None => environment
                .get("HOME")
                .map(|home| Path::new(home).join(".kube/config"))
                .into_iter()
                .collect(),
        };
        let present = named.into_iter().filter(|path| path.exists());
        let configs = present.map(|path| Config::read(&path));
        let configs = configs.collect::<Result<Vec<_>, _>>()?;
        let is_empty = |config: &Config| config.contexts.is_empty() && config.clusters.is_empty();
        match configs.iter().all(is_empty) {
            true => Self::in_cluster(environment, account),
            false => Self::by(&configs),
        }
    }

    fn in_cluster(environment: &Environment, account: &Path) -> Result<Self, KubeError> {
        let (Some(host), Some(port)) = (
            environment.text("KUBERNETES_SERVICE_HOST"),
            environment.text("KUBERNETES_SERVICE_PORT"),
        ) else {
            return Err(KubeError::NoCluster);
        };
        let host = match host.contains(':') {
            true => format!("[{host}]"),
            false => host.to_owned(),
        };
        Ok(Self {
            server: server(&format!("https://{host}:{port}"))?,
            authority: Some(read(&account.join("ca.crt"))?.to_vec()),
            identity: None,
            token: Some(token(&account.join("token"))?),
        })
    }

    fn by(configs: &[Config]) -> Result<Self, KubeError> {
        let missing = |kind, name: &str| KubeError::Missing {
            kind,
            name: name.to_owned(),
        };
        let current = configs.iter().map(|one| one.current_context.as_str());
        let current = current.into_iter().find(|name| !name.is_empty());
        let current = current.unwrap_or_default();
        let context = configs
            .iter()
            .flat_map(|one| &one.contexts)
            .find(|one| one.name == current)
            .map(|one| &one.context)
            .ok_or_else(|| missing("context", current))?;
        let (folder, cluster) = configs
            .iter()
            .flat_map(|one| one.clusters.iter().map(|cluster| (&one.folder, cluster)))
            .find(|(_, one)| one.name == context.cluster)
            .map(|(folder, one)| (folder, &one.cluster))
            .ok_or_else(|| missing("cluster", &context.cluster))?;
        cluster.check()?;
        let named = configs
            .iter()
            .flat_map(|one| one.users.iter().map(|user| (&one.folder, user)))
            .find(|(_, one)| one.name == context.user);
        let (identity, token) = match named {
            Some((folder, named)) => named.user.credentials(folder)?,
            None if context.user.is_empty() => (None, None),
            None => return Err(missing("user", &context.user)),
        };
        Ok(Self {
            server: server(&cluster.server)?,
            authority: inline_or_file(
                folder,
                cluster.certificate_authority_data.as_deref(),
                cluster.certificate_authority.as_deref(),
            )?
            .map(|pem| pem.to_vec()),
            identity,
            token,
        })
    }

    /// A client that reaches this server and no other.
    pub(super) fn client(&self) -> Result<HttpClient, KubeError> {
        let host = self.server.host_str().unwrap_or_default();
        let port = self.server.port_or_known_default().unwrap_or_default();
        let only = Egress::Hosts([format!("{host}:{port}")].into());
        let options = HttpOptions::new(only);
        let options = match (&self.identity, &self.authority) {
            (None, None) => options,
            (None, Some(authority)) => options.believing(authority.clone()),
            (Some((certificate, key)), authority) => {
                let authority = authority.as_deref();
                options.over(Arc::new(showing(certificate, key, authority)?))
            }
        };
        Ok(HttpClient::new(options))
    }
}

impl Config {
    fn read(path: &Path) -> Result<Self, KubeError> {
        let bytes = read(path)?;
        let config: Self = yaml_serde::from_slice(&bytes).map_err(|error| KubeError::Config {
            path: path.to_path_buf(),
            detail: error.to_string(),
        })?;
        Ok(Self {
            folder: path.parent().unwrap_or(Path::new("")).to_path_buf(),
            ..config
        })
    }
}

impl Cluster {
    fn check(&self) -> Result<(), KubeError> {
        let unsupported = [
            (
                self.insecure_skip_tls_verify == Some(true),
                "insecure-skip-tls-verify",
            ),
            (self.proxy_url.is_some(), "proxy-url"),
            (self.tls_server_name.is_some(), "tls-server-name"),
        ];
        refuse(&unsupported)
    }
}

/// What a user shows: a certificate with its key, a token, or neither.
type Credentials = (
    Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
    Option<Zeroizing<String>>,
);

impl User {
    fn credentials(&self, folder: &Path) -> Result<Credentials, KubeError> {
        refuse(&[
            (self.exec.is_some(), "exec"),
            (self.auth_provider.is_some(), "auth-provider"),
            (self.username.is_some(), "username"),
            (self.other.is_some(), "as"),
        ])?;
        let certificate = inline_or_file(
            folder,
            self.client_certificate_data.as_deref(),
            self.client_certificate.as_deref(),
        )?;
        let key = inline_or_file(
            folder,
            self.client_key_data.as_deref(),
            self.client_key.as_deref(),
        )?;
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate.to_vec(), key)),
            (None, None) => None,
            _ => {
                return Err(KubeError::Unsupported {
                    what: "a client certificate without key, or the reverse,",
                });
            }
        };
        // As in kubectl, the file wins: it is renewed.
        let token = match (&self.token_file, &self.token) {
            (Some(file), _) => Some(token(&folder.join(file))?),
            (None, token) => token.clone().map(Zeroizing::new),
        };
        Ok((identity, token))
    }
}

fn refuse(unsupported: &[(bool, &'static str)]) -> Result<(), KubeError> {
    match unsupported.iter().find(|(is_there, _)| *is_there) {
        Some((_, what)) => Err(KubeError::Unsupported { what }),
        None => Ok(()),
    }
}

fn inline_or_file(
    folder: &Path,
    inline: Option<&str>,
    file: Option<&str>,
) -> Result<Option<Zeroizing<Vec<u8>>>, KubeError> {
    match (inline, file) {
        (Some(text), _) => {
            let bytes = STANDARD.decode(text.trim());
            bytes
                .map(|bytes| Some(Zeroizing::new(bytes)))
                .map_err(|_| KubeError::Value("of the kubeconfig".into()))
        }
        (None, Some(file)) => read(&folder.join(file)).map(Some),
        (None, None) => Ok(None),
    }
}

fn token(path: &Path) -> Result<Zeroizing<String>, KubeError> {
    let bytes = read(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| KubeError::Config {
        path: path.to_path_buf(),
        detail: "the token is no text".into(),
    })?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KubeError> {
    let failed = |detail: String| KubeError::Config {
        path: path.to_path_buf(),
        detail,
    };
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    limits::read_bounded(file, FILE_BYTES, "a kubeconfig")
        .map(Zeroizing::new)
        .map_err(|error| failed(error.to_string()))
}

fn server(text: &str) -> Result<Url, KubeError> {
    let url = Url::parse(text).ok();
    let url = url.filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
    url.ok_or_else(|| KubeError::Server(text.to_owned()))
}

/// TLS that shows this certificate, and believes `authority` or the machine's.
fn showing(
    certificate: &[u8],
    key: &[u8],
    authority: Option<&[u8]>,
) -> Result<ClientConfig, KubeError> {
    let unusable =
        |error: &dyn std::fmt::Display| KubeError::Http(HttpError::Roots(error.to_string()));
    let read = |pem: &[u8]| {
        CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unusable(&error))
    };
    let roots = match authority {
        Some(pem) => read(pem)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut store = RootCertStore::empty();
    let (_, ignored) = store.add_parsable_certificates(roots);
    if store.is_empty() || (authority.is_some() && ignored > 0) {
        return Err(unusable(&"the cluster's authority cannot be used"));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| unusable(&error))?;
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .with_root_certificates(store)
        .with_client_auth_cert(read(certificate)?, key)
        .map_err(|error| unusable(&error))
}
